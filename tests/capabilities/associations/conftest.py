"""What tests of associations stand on."""

import pytest

from tests.capabilities.associations.world import ALL_MIGRATIONS, World


@pytest.fixture
def migrations():
    return ALL_MIGRATIONS


@pytest.fixture
def world(house, clock, tmp_path, scope):
    return World(house, clock, tmp_path / "blobs", scope)
