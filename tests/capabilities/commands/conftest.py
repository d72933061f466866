"""What tests of commands stand on."""

import pytest

from ostler.foundation.blobs import Blobs
from tests.capabilities.commands.world import ALL_MIGRATIONS, World


@pytest.fixture
def migrations():
    return ALL_MIGRATIONS


@pytest.fixture
def blobs(tmp_path):
    return Blobs(str(tmp_path / "blobs"))


@pytest.fixture
def world(house, clock, blobs, scope):
    return World(house, clock, blobs, scope)
