"""What the tests of inventory may ask for."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from ostler.capabilities import buckets, inventory
from ostler.capabilities.buckets import Storeroom
from ostler.capabilities.buckets.migrations import MIGRATIONS as OF_BUCKETS
from ostler.capabilities.identity.migrations import MIGRATIONS as OF_IDENTITY
from ostler.capabilities.inventory.migrations import MIGRATIONS
from ostler.capabilities.nodes.migrations import MIGRATIONS as OF_NODES
from ostler.capabilities.tags.migrations import MIGRATIONS as OF_TAGS
from ostler.foundation.blobs import Blobs
from ostler.foundation.capability import Capability, Foundation
from ostler.foundation.clock import ManualClock
from ostler.foundation.ids import NodeId, SystemIds
from ostler.foundation.secrets import Secrets
from ostler.foundation.storage import Migration, Scope
from ostler.foundation.timers import Timers
from tests.capabilities.nodes.fleets import Fleet
from tests.support.calls import ADMIN, Customer
from tests.support.databases import FOUNDATION, House


@dataclass
class Stock:
    """A fleet and its inventory."""

    capability: Capability
    buckets: Capability
    fleet: Fleet
    house: House
    scope: Scope
    clock: ManualClock

    def customer(self, policies: Any = ADMIN, node: NodeId | None = None) -> Customer:
        operations = self.capability.operations
        return Customer(operations, self.scope, self.clock, policies=policies, node=node)

    async def ask(self, operation: str, **given: Any) -> Mapping[str, Any]:
        """What an administrator is answered."""
        return await self.customer().ask(operation, **given)

    async def put(
        self, node: str, type_name: str, *content: Mapping[str, str], **given: Any
    ) -> None:
        """The node tells of a type."""
        item = {
            "TypeName": type_name,
            "SchemaVersion": "1.1" if type_name == "AWS:Application" else "1.0",
            "CaptureTime": f"{self.clock.now():%Y-%m-%dT%H:%M:%SZ}",
            "Content": [dict(entry) for entry in content],
            **given,
        }
        if item["Content"] is None:
            del item["Content"]
        await self.customer(node=NodeId(node)).ask("PutInventory", InstanceId=node, Items=[item])

    async def nodes(self, *filters: Mapping[str, Any], **given: Any) -> list[str]:
        """The ids of the nodes that pass the filters, through all pages."""
        asked = {"Filters": list(filters), **given} if filters else given
        pages = await self.customer().every("GetInventory", "Entities", **asked)
        return [entity["Id"] for page in pages for entity in page]

    async def entries(self, node: str, type_name: str, **given: Any) -> list[Mapping[str, str]]:
        """The node's entries of the type, through all pages."""
        pages = await self.customer().every(
            "ListInventoryEntries", "Entries", InstanceId=node, TypeName=type_name, **given
        )
        return [entry for page in pages for entry in page]

    @property
    def storeroom(self) -> Storeroom:
        found: Storeroom = self.buckets.service
        return found

    async def copied(self, bucket: str, key: str) -> list[Any]:
        """The lines of an object in a bucket; none where there is no such object."""
        size = await self.storeroom.size(self.scope, bucket, key)
        if size is None:
            return []
        pieces = self.storeroom.read(self.scope, bucket, key, 0, size)
        content = b"".join([piece async for piece in pieces])
        return [json.loads(line) for line in content.splitlines()]

    async def work(self) -> None:
        """Do what is due."""
        handlers = dict(self.capability.jobs)
        timers = Timers(self.house.storage, self.clock, SystemIds(), self.house.schedule, handlers)
        await timers.run_due()


def a_filter(key: str, *values: str, operator: str = "Equal") -> dict[str, Any]:
    return {"Key": key, "Type": operator, "Values": list(values)}


def a_package(name: str = "openssl", version: str = "3.0.14", **more: str) -> dict[str, str]:
    return {"Name": name, "Version": version, "Architecture": "x86_64", **more}


@pytest.fixture
def migrations() -> Sequence[Migration]:
    return (*FOUNDATION, *OF_IDENTITY, *OF_TAGS, *OF_NODES, *OF_BUCKETS, *MIGRATIONS)


@pytest.fixture
def stock(house: House, clock: ManualClock, scope: Scope, tmp_path: Path) -> Stock:
    ids = SystemIds()
    blobs = Blobs(str(tmp_path / "blobs"))
    foundation = Foundation(house.storage, clock, ids, blobs, Secrets(bytes(32)))
    fleet = Fleet(house, clock, ids, foundation)
    stores = buckets.build(foundation)
    storeroom: Storeroom = stores.service
    capability = inventory.build(
        foundation, nodes=fleet.nodes, tags=fleet.tags, storeroom=storeroom
    )
    return Stock(capability, stores, fleet, house, scope, clock)
