"""What the tests of the fleet may ask for."""

import pytest

from ostler.capabilities.nodes.migrations import MIGRATIONS as OF_NODES
from ostler.capabilities.tags.migrations import MIGRATIONS as OF_TAGS
from ostler.foundation.blobs import Blobs
from ostler.foundation.capability import Foundation
from ostler.foundation.clock import ManualClock
from ostler.foundation.ids import SystemIds
from ostler.foundation.secrets import Secrets
from ostler.foundation.storage.migrations import migrate
from tests.capabilities.nodes.fleets import Fleet
from tests.support.databases import House


@pytest.fixture
def fleet(house: House, clock: ManualClock, tmp_path: str) -> Fleet:
    migrate(house.storage.engine, (*OF_TAGS, *OF_NODES))
    ids = SystemIds()
    foundation = Foundation(
        house.storage, clock, ids, Blobs(f"{tmp_path}/blobs"), Secrets(b"k" * 32)
    )
    return Fleet(house, clock, ids, foundation)
