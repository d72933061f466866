"""What the tests of events may ask for."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from ostler.capabilities import events
from ostler.capabilities.events.migrations import MIGRATIONS
from ostler.foundation import deliveries
from ostler.foundation.blobs import Blobs
from ostler.foundation.call import Call, Caller
from ostler.foundation.capability import Capability, Foundation
from ostler.foundation.clock import ManualClock
from ostler.foundation.deliveries import Deliveries, Parcel
from ostler.foundation.errors import ApiError
from ostler.foundation.events import Announcement
from ostler.foundation.ids import AccountId, SequentialIds
from ostler.foundation.paging import PageRequest
from ostler.foundation.secrets import Secrets
from ostler.foundation.storage import Migration, Scope
from ostler.foundation.timers import Timers
from tests.support.calls import ADMIN, Customer, allowing
from tests.support.databases import ENGINES, FOUNDATION, House
from tests.support.outbound import World

on_both_engines = pytest.mark.parametrize("engine", ENGINES)

ROLE = "arn:aws:iam::111122223333:role/Events"
TOPIC = "arn:aws:sns:eu-west-1:111122223333:alerts"


class Roles:
    """Roles that all trust events, save for those named `…Distrusting`."""

    def __init__(self) -> None:
        self.policies = ADMIN

    async def role_exists(self, scope: Scope, name: str, service_principal: str = "") -> bool:
        return not name.endswith("Distrusting")

    async def pass_role(self, call: Call, role_arn: str, service: str = "") -> None:
        await call.allow(
            role_arn, action="iam:PassRole", context={"iam:PassedToService": [service]}
        )

    async def role_caller(
        self, account: AccountId, role: str, session_name: str = "ostler"
    ) -> Caller:
        arn = f"arn:aws:sts::{account}:assumed-role/{role}/{session_name}"
        return Caller(arn, account, "AROA", policies=self.policies)


@dataclass
class Neighbours:
    """The rest of the house, to which events speak as a customer."""

    asked: list[tuple[str, str, str, Mapping[str, Any]]] = field(default_factory=list)
    refusal: ApiError | None = None

    async def __call__(
        self, call: Call, service: str, operation: str, given: Mapping[str, Any]
    ) -> Mapping[str, Any]:
        self.asked.append((call.caller.arn, service, operation, given))
        if self.refusal is not None:
            raise self.refusal
        return {}


@dataclass
class Bench:
    """Events, put together with a world around them."""

    capability: Capability
    house: House
    clock: ManualClock
    timers: Timers
    world: World
    roles: Roles
    neighbours: Neighbours
    scope: Scope

    def customer(self, scope: Scope | None = None, policies: Any = ADMIN) -> Customer:
        return Customer(
            self.capability.operations,
            scope or self.scope,
            self.clock,
            policies=policies,
            service="events",
        )

    async def happen(self, *announced: Announcement, scope: Scope | None = None) -> None:
        """Have something happen in the house, and everything that follows from it."""

        def tell(tx: Any) -> None:
            for each in announced:
                tx.tell(each)

        await self.house.storage.write(scope or self.scope, tell)
        await self.timers.run_due()

    async def kept(self, *, failed: bool | None = None) -> list[Parcel]:
        look = partial(deliveries.page, asked=PageRequest(100), failed=failed)
        return list((await self.house.storage.read(self.scope, look)).items)

    def told(self) -> list[Any]:
        """What came to topics."""
        return [json.loads(given["Message"]) for *_, given in self.neighbours.asked]


@pytest.fixture
def engine() -> str:
    """SQLite, save for the tests that ask for `on_both_engines`: those with SQL of their own."""
    return "sqlite"


@pytest.fixture
def migrations() -> Sequence[Migration]:
    return (*FOUNDATION, *MIGRATIONS)


@pytest.fixture
def bench(house: House, clock: ManualClock, scope: Scope, tmp_path: Path) -> Bench:
    ids = SequentialIds()
    blobs = Blobs(str(tmp_path / "blobs"))
    foundation = Foundation(house.storage, clock, ids, blobs, Secrets(b"k" * 32))
    world, roles, neighbours = World(), Roles(), Neighbours()
    carrying = Deliveries(house.storage, clock, chance=lambda: 1.0)
    made = events.build(
        foundation, roles=roles, invoke=neighbours, outbound=world, deliveries=carrying
    )
    for event, timer, wanted in made.wakes:
        house.bulletin.wake(event, timer, wanted)
    handlers = {**dict(made.jobs), deliveries.TIMER: carrying.carry}
    timers = Timers(house.storage, clock, ids, house.schedule, handlers)
    return Bench(made, house, clock, timers, world, roles, neighbours, scope)


@pytest.fixture
def customer(bench: Bench) -> Customer:
    return bench.customer()


async def a_rule(customer: Customer, pattern: Any, *targets: Mapping[str, Any]) -> None:
    """A rule named `rule` that tells these, a topic by default."""
    await customer.ask("PutRule", Name="rule", EventPattern=json.dumps(pattern))
    told = list(targets) or [{"Id": "t", "Arn": TOPIC}]
    await customer.ask("PutTargets", Rule="rule", Targets=told)


def parameter_changed(name: str = "/app/x", operation: str = "Create") -> Announcement:
    """Something that happens in the house."""
    return Announcement(
        "aws.ssm",
        "Parameter Store Change",
        {"name": name, "operation": operation},
        (f"arn:aws:ssm:eu-west-1:111122223333:parameter{name}",),
    )


__all__ = ["allowing"]
