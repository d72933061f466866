"""What the tests of the fleet may ask for."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from ostler.capabilities.identity.migrations import MIGRATIONS as OF_IDENTITY
from ostler.capabilities.nodes.migrations import MIGRATIONS as OF_NODES
from ostler.capabilities.settings.migrations import MIGRATIONS as OF_SETTINGS
from ostler.capabilities.tags.migrations import MIGRATIONS as OF_TAGS
from ostler.foundation.blobs import Blobs
from ostler.foundation.capability import Foundation
from ostler.foundation.clock import ManualClock
from ostler.foundation.ids import SystemIds
from ostler.foundation.secrets import Secrets
from ostler.foundation.storage import Migration
from tests.capabilities.nodes.fleets import Fleet
from tests.support.databases import FOUNDATION, House


@pytest.fixture
def engine() -> str:
    """SQLite, save for the tests that ask for `on_both_engines`: those with SQL of their own."""
    return "sqlite"


@pytest.fixture
def migrations() -> Sequence[Migration]:
    return (*FOUNDATION, *OF_IDENTITY, *OF_SETTINGS, *OF_TAGS, *OF_NODES)


@pytest.fixture
def fleet(house: House, clock: ManualClock, tmp_path: Path) -> Fleet:
    ids = SystemIds()
    blobs = Blobs(str(tmp_path / "blobs"))
    foundation = Foundation(house.storage, clock, ids, blobs, Secrets(bytes(32)))
    return Fleet(house, clock, ids, foundation)
