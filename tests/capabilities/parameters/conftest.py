"""What the tests of Parameter Store may ask for."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from ostler.capabilities import keys, parameters, settings, tags
from ostler.capabilities.keys.migrations import MIGRATIONS as KEYS_MIGRATIONS
from ostler.capabilities.parameters.migrations import MIGRATIONS
from ostler.capabilities.settings.migrations import MIGRATIONS as SETTINGS_MIGRATIONS
from ostler.capabilities.tags import TagsByArn
from ostler.capabilities.tags.migrations import MIGRATIONS as TAGS_MIGRATIONS
from ostler.foundation.blobs import Blobs
from ostler.foundation.capability import Capability, Foundation
from ostler.foundation.clock import ManualClock
from ostler.foundation.events import since
from ostler.foundation.ids import SequentialIds
from ostler.foundation.secrets import Secrets
from ostler.foundation.storage import Migration, Scope
from ostler.foundation.timers import Timers
from tests.support.calls import ADMIN, Customer
from tests.support.databases import ENGINES, FOUNDATION, House

on_both_engines = pytest.mark.parametrize("engine", ENGINES)


@dataclass
class Store:
    """Parameter Store, put together with what it needs."""

    capability: Capability
    tags: Capability
    keys: Capability
    settings: Capability
    house: House
    clock: ManualClock
    timers: Timers
    foundation: Foundation

    def customer(self, scope: Scope, policies: Any = ADMIN) -> Customer:
        """Somebody of the account, with a wish and policies."""
        return Customer(
            [*self.capability.operations, *self.tags.operations, *self.settings.operations],
            scope,
            self.clock,
            policies=policies,
            resource_tags=TagsByArn(self.house.storage, self.tags.service),
        )

    def owner_of_keys(self, scope: Scope, policies: Any = ADMIN) -> Customer:
        """Somebody of the account, who asks for keys."""
        operations = self.keys.operations
        return Customer(operations, scope, self.clock, policies=policies, service="kms")

    def rebuilt(self, **changed: Any) -> "Store":
        """The same house with Parameter Store built otherwise."""
        changed.setdefault("keys", self.keys.service)
        made = parameters.build(
            self.foundation, tags=self.tags.service, settings=self.settings.service, **changed
        )
        return Store(
            made,
            self.tags,
            self.keys,
            self.settings,
            self.house,
            self.clock,
            self.timers,
            self.foundation,
        )

    async def told(self, scope: Scope) -> list[Mapping[str, Any]]:
        """The details of every announcement so far."""
        events = await self.house.storage.read(scope, lambda tx: since(tx, 0))
        return [event.body["detail"] for event in events if "detail" in event.body]


@pytest.fixture
def engine() -> str:
    """SQLite, save for the tests that ask for `on_both_engines`: those with SQL of their own."""
    return "sqlite"


@pytest.fixture
def migrations() -> Sequence[Migration]:
    return (*FOUNDATION, *KEYS_MIGRATIONS, *SETTINGS_MIGRATIONS, *TAGS_MIGRATIONS, *MIGRATIONS)


@pytest.fixture
def store(house: House, clock: ManualClock, tmp_path: Path) -> Store:
    ids = SequentialIds()
    blobs = Blobs(str(tmp_path / "blobs"))
    foundation = Foundation(house.storage, clock, ids, blobs, Secrets(b"k" * 32))
    tagging = tags.build(foundation)
    ring = keys.build(foundation)
    chosen = settings.build(foundation)
    made = parameters.build(
        foundation, tags=tagging.service, keys=ring.service, settings=chosen.service
    )
    tagging.service.serve(made.taggables)
    timers = Timers(house.storage, clock, ids, house.schedule, dict(made.jobs))
    return Store(made, tagging, ring, chosen, house, clock, timers, foundation)


@pytest.fixture
def customer(store: Store, scope: Scope) -> Customer:
    return store.customer(scope)


async def put(customer: Customer, name: str, value: str = "value", **given: Any) -> int:
    """Write a parameter, by default a String; its version."""
    given.setdefault("Type", "String")
    written = await customer.ask("PutParameter", Name=name, Value=value, **given)
    return int(written["Version"])


async def put_again(customer: Customer, name: str, value: str = "value", **given: Any) -> int:
    """Write the next version of a parameter."""
    written = await customer.ask("PutParameter", Name=name, Value=value, Overwrite=True, **given)
    return int(written["Version"])


async def value_of(customer: Customer, name: str, **given: Any) -> str:
    """A parameter's value."""
    return str((await customer.ask("GetParameter", Name=name, **given))["Parameter"]["Value"])


def names(answer: Mapping[str, Any] | Sequence[Mapping[str, Any]]) -> list[str]:
    """The names in an answer."""
    found = answer["Parameters"] if isinstance(answer, Mapping) else answer
    return [each["Name"] for each in found]
