"""What the tests of buckets may ask for."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from ostler.capabilities import buckets
from ostler.capabilities.buckets.migrations import MIGRATIONS
from ostler.capabilities.buckets.model.objects import Conditions, Description, Object
from ostler.capabilities.buckets.service import (
    Access,
    Buckets,
    Contents,
    Incoming,
    Listing,
    Objects,
    Storeroom,
    Uploads,
)
from ostler.foundation.blobs import Blobs
from ostler.foundation.call import Call
from ostler.foundation.capability import Capability, Foundation
from ostler.foundation.clock import ManualClock
from ostler.foundation.ids import SequentialIds
from ostler.foundation.policy import Policy
from ostler.foundation.secrets import Secrets
from ostler.foundation.storage import Migration, Scope
from ostler.foundation.timers import Timers
from tests.support.calls import ADMIN, a_call
from tests.support.databases import FOUNDATION, House


@pytest.fixture
def migrations() -> Sequence[Migration]:
    return (*FOUNDATION, *MIGRATIONS)


async def pieces(*content: bytes) -> AsyncIterator[bytes]:
    for each in content:
        yield each


@dataclass
class Yard:
    """Buckets over a database and a folder of blobs, with their timers."""

    capability: Capability
    blobs: Blobs
    timers: Timers
    clock: ManualClock
    house: House
    scope: Scope

    def __post_init__(self) -> None:
        storage, ids = self.house.storage, SequentialIds()
        access = Access(storage)
        self.contents = Contents(storage, self.blobs, self.clock, ids)
        self.buckets = Buckets(storage, self.clock, access, self.contents)
        self.objects = Objects(storage, self.clock, access, self.contents)
        self.listing = Listing(storage, access)
        self.uploads = Uploads(storage, self.clock, ids, access, self.contents)

    @property
    def storeroom(self) -> Storeroom:
        service: Storeroom = self.capability.service
        return service

    def call(self, policies: Sequence[Policy] = ADMIN, scope: Scope | None = None) -> Call:
        return a_call("s3:Anything", scope or self.scope, self.clock, policies)

    async def make(self, name: str = "pail") -> None:
        await self.buckets.create(self.call(), name, "", {})

    async def put(self, key: str, content: bytes = b"content", bucket: str = "pail") -> Object:
        return await self.objects.put(
            self.call(),
            bucket,
            key,
            Description(),
            Incoming(pieces(content)),
            conditions=Conditions(),
        )

    async def read(self, key: str, bucket: str = "pail") -> bytes:
        whole = await self.objects.get(self.call(), bucket, key)
        return b"".join([piece async for piece in whole.content])

    async def kept(self) -> list[str]:
        """The blobs that there are."""
        return [entry.key for entry in await self.blobs.list()]


@pytest.fixture
def yard(house: House, clock: ManualClock, scope: Scope, tmp_path: Path) -> Yard:
    ids, blobs = SequentialIds(), Blobs(str(tmp_path / "blobs"))
    foundation = Foundation(house.storage, clock, ids, blobs, Secrets(bytes(32)))
    capability = buckets.build(foundation)
    timers = Timers(house.storage, clock, ids, house.schedule, dict(capability.jobs))
    return Yard(capability, blobs, timers, clock, house, scope)
