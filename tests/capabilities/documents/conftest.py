"""What the tests of documents may ask for."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from ostler.capabilities import documents, settings, tags
from ostler.capabilities.documents import Documents, Unfetched
from ostler.capabilities.documents.migrations import MIGRATIONS
from ostler.capabilities.settings.migrations import MIGRATIONS as SETTINGS_MIGRATIONS
from ostler.capabilities.tags import TagsByArn
from ostler.capabilities.tags.migrations import MIGRATIONS as TAGS_MIGRATIONS
from ostler.foundation.blobs import Blobs
from ostler.foundation.call import Call
from ostler.foundation.capability import Capability, Foundation
from ostler.foundation.clock import ManualClock
from ostler.foundation.ids import Region, SequentialIds
from ostler.foundation.secrets import Secrets
from ostler.foundation.storage import Migration, Scope, Transaction
from ostler.foundation.timers import Timers
from tests.support.calls import ADMIN, Customer, a_call
from tests.support.databases import FOUNDATION, House


class Shelf:
    """A source of attachments that has some files, and a network that may fail."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.failures = 0

    def serves(self, url: str) -> bool:
        return url.startswith("shelf://")

    async def allow(self, call: Call, url: str) -> None:
        """Everybody may."""

    async def fetch(self, scope: Scope, url: str, most: int) -> bytes:
        if self.failures:
            self.failures -= 1
            raise Unfetched("The network is down.", lasting=False)
        if url not in self.files:
            raise Unfetched(f"There is no {url}.", lasting=True)
        return self.files[url]


class Links:
    """Links that show what they are for."""

    def link(self, call: Call, key: str, name: str) -> str:
        return f"https://blobs.test/{call.account}/{name}"


@dataclass
class Used:
    """Names of documents that associations use."""

    names: set[str] = field(default_factory=set)

    def uses(self, tx: Transaction, name: str) -> bool:
        return name in self.names


@dataclass
class Office:
    """Documents, put together with what they need."""

    capability: Capability
    tags: Capability
    settings: Capability
    house: House
    clock: ManualClock
    blobs: Blobs
    shelf: Shelf
    used: Used
    timers: Timers

    @property
    def documents(self) -> Documents:
        found: Documents = self.capability.service
        return found

    def customer(self, scope: Scope, policies: Any = ADMIN) -> Customer:
        """Somebody of the account, with a wish and policies."""
        return Customer(
            [*self.capability.operations, *self.tags.operations, *self.settings.operations],
            scope,
            self.clock,
            policies=policies,
            resource_tags=TagsByArn(self.house.storage, self.tags.service),
        )

    def call(self, scope: Scope, action: str = "SendCommand", policies: Any = ADMIN) -> Call:
        return a_call(action, scope, self.clock, policies)


@pytest.fixture
def migrations() -> Sequence[Migration]:
    return (*FOUNDATION, *SETTINGS_MIGRATIONS, *TAGS_MIGRATIONS, *MIGRATIONS)


@pytest.fixture
def office(house: House, clock: ManualClock, tmp_path: Path) -> Office:
    blobs = Blobs(str(tmp_path / "blobs"))
    ids, shelf, used = SequentialIds(), Shelf(), Used()
    foundation = Foundation(house.storage, clock, ids, blobs, Secrets(b"k" * 32))
    tagging = tags.build(foundation)
    chosen = settings.build(foundation)
    made = documents.build(
        foundation,
        tags=tagging.service,
        settings=chosen.service.settings,
        uses=used,
        links=Links(),
        sources=[shelf],
    )
    tagging.service.serve(made.taggables)
    timers = Timers(house.storage, clock, SequentialIds(), house.schedule, dict(made.jobs))
    return Office(made, tagging, chosen, house, clock, blobs, shelf, used, timers)


@pytest.fixture
def customer(office: Office, scope: Scope) -> Customer:
    return office.customer(scope)


@pytest.fixture
def stranger(office: Office, other_scope: Scope) -> Customer:
    """A customer of another account."""
    return office.customer(other_scope)


@pytest.fixture
def elsewhere(office: Office, scope: Scope) -> Customer:
    """The same account in another region."""
    return office.customer(Scope(scope.account, Region("us-east-1")))


def script(line: str = "date", **members: Any) -> Mapping[str, Any]:
    """A command document that runs one line."""
    step = {"action": "aws:runShellScript", "name": "run", "inputs": {"runCommand": [line]}}
    return {"schemaVersion": "2.2", **members, "mainSteps": [step]}
