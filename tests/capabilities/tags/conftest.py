"""What the tests of tags may ask for."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from ostler.capabilities import tags
from ostler.capabilities.tags import Tags, TagsByArn
from ostler.capabilities.tags.migrations import MIGRATIONS
from ostler.foundation.blobs import Blobs
from ostler.foundation.capability import Capability, Foundation, Taggable
from ostler.foundation.clock import ManualClock
from ostler.foundation.ids import SequentialIds
from ostler.foundation.secrets import Secrets
from ostler.foundation.storage import Migration, Scope
from tests.support.calls import ADMIN, Customer
from tests.support.databases import ENGINES, FOUNDATION, House

on_both_engines = pytest.mark.parametrize("engine", ENGINES)

THINGS = {
    "ManagedInstance": {"mi-00000000000000001", "mi-00000000000000002"},
    "Parameter": {"/db/password", "/password", "db/password", "password"},
    "Automation": {"7f6cb2f3-1b1a-4a8f-9df8-0e5f8f6a0001"},
}


@dataclass
class Tagging:
    """Tags over a few things that exist."""

    capability: Capability
    house: House
    clock: ManualClock

    @property
    def tags(self) -> Tags:
        found: Tags = self.capability.service
        return found

    def customer(self, scope: Scope, policies: Any = ADMIN) -> Customer:
        """Somebody of the account, whose policies may speak of tags."""
        return Customer(
            self.capability.operations,
            scope,
            self.clock,
            policies=policies,
            resource_tags=TagsByArn(self.house.storage, self.tags),
        )


@pytest.fixture
def engine() -> str:
    """SQLite, save for the tests that ask for `on_both_engines`: those with SQL of their own."""
    return "sqlite"


@pytest.fixture
def migrations() -> Sequence[Migration]:
    return (*FOUNDATION, *MIGRATIONS)


@pytest.fixture
def tagging(house: House, clock: ManualClock, tmp_path: Path) -> Tagging:
    foundation = Foundation(
        house.storage,
        clock,
        SequentialIds(),
        Blobs(str(tmp_path / "blobs")),
        Secrets(bytes(32)),
    )
    made = Tagging(tags.build(foundation), house, clock)
    made.tags.serve(
        Taggable(kind, arn_kind, lambda tx, thing, kind=kind: thing in THINGS[kind])  # type: ignore[misc]
        for kind, arn_kind in (
            ("ManagedInstance", "managed-instance"),
            ("Parameter", "parameter"),
            ("Automation", "automation-execution"),
        )
    )
    return made
