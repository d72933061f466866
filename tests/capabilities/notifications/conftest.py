"""What the tests of notifications may ask for."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from ostler.capabilities import notifications
from ostler.capabilities.notifications.migrations import MIGRATIONS
from ostler.capabilities.notifications.service.people import People
from ostler.foundation import deliveries
from ostler.foundation.blobs import Blobs
from ostler.foundation.capability import Capability, Foundation
from ostler.foundation.clock import ManualClock
from ostler.foundation.deliveries import Deliveries, Parcel
from ostler.foundation.ids import SystemIds
from ostler.foundation.outbound import Networks
from ostler.foundation.paging import PageRequest
from ostler.foundation.secrets import Secrets
from ostler.foundation.storage import Migration, Scope
from ostler.foundation.timers import Timers
from tests.support.calls import ADMIN, Customer
from tests.support.databases import ENGINES, FOUNDATION, House
from tests.support.outbound import World

on_both_engines = pytest.mark.parametrize("engine", ENGINES)


@dataclass
class Channel:
    """A channel to people, as Apprise has them; it takes what comes unless told otherwise."""

    service_name: str = "Test"
    host: str | None = None
    taken: bool = True
    told: list[tuple[str, str]] = field(default_factory=list)

    def url(self, *, privacy: bool) -> str:
        return "test://****@channel" if privacy else "test://secret@channel"

    def notify(self, *, body: str, title: str) -> bool:
        self.told.append((title, body))
        return self.taken


@dataclass
class Desk:
    """Notifications, put together with a world around them."""

    capability: Capability
    house: House
    clock: ManualClock
    timers: Timers
    world: World
    channel: Channel
    scope: Scope

    def customer(self, scope: Scope | None = None, policies: Any = ADMIN) -> Customer:
        return Customer(
            self.capability.operations,
            scope or self.scope,
            self.clock,
            policies=policies,
            service="sns",
        )

    async def kept(self, *, failed: bool | None = None) -> list[Parcel]:
        look = partial(deliveries.page, asked=PageRequest(100), failed=failed)
        return list((await self.house.storage.read(self.scope, look)).items)


@pytest.fixture
def engine() -> str:
    """SQLite, save for the tests that ask for `on_both_engines`: those with SQL of their own."""
    return "sqlite"


@pytest.fixture
def migrations() -> Sequence[Migration]:
    return (*FOUNDATION, *MIGRATIONS)


@pytest.fixture
def desk(house: House, clock: ManualClock, scope: Scope, tmp_path: Path) -> Desk:
    ids = SystemIds()
    blobs = Blobs(str(tmp_path / "blobs"))
    foundation = Foundation(house.storage, clock, ids, blobs, Secrets(b"k" * 32))
    world, channel = World(), Channel()
    carrying = Deliveries(house.storage, clock, chance=lambda: 1.0)
    networks = Networks()
    made = notifications.build(
        foundation,
        outbound=world,
        networks=networks,
        deliveries=carrying,
        people=People(networks, lambda url: channel if url.startswith("test://") else None),
    )
    handlers = {**dict(made.jobs), deliveries.TIMER: carrying.carry}
    timers = Timers(house.storage, clock, ids, house.schedule, handlers)
    return Desk(made, house, clock, timers, world, channel, scope)


@pytest.fixture
def customer(desk: Desk) -> Customer:
    return desk.customer()


async def a_topic(customer: Customer, name: str = "alerts", **attributes: str) -> str:
    """The ARN of a new topic."""
    return str((await customer.ask("CreateTopic", Name=name, Attributes=attributes))["TopicArn"])
