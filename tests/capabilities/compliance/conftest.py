"""What the tests of compliance may ask for."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from ostler.capabilities import compliance
from ostler.capabilities.compliance import Compliance
from ostler.capabilities.compliance.migrations import MIGRATIONS
from ostler.capabilities.identity.migrations import MIGRATIONS as OF_IDENTITY
from ostler.capabilities.nodes.migrations import MIGRATIONS as OF_NODES
from ostler.capabilities.tags.migrations import MIGRATIONS as OF_TAGS
from ostler.foundation.blobs import Blobs
from ostler.foundation.capability import Capability, Foundation
from ostler.foundation.clock import ManualClock
from ostler.foundation.ids import NodeId, SystemIds
from ostler.foundation.secrets import Secrets
from ostler.foundation.storage import Migration, Scope
from tests.capabilities.nodes.fleets import Fleet
from tests.support.calls import ADMIN, Customer
from tests.support.databases import FOUNDATION, House


@dataclass
class Examined:
    """A fleet, and its compliance."""

    capability: Capability
    fleet: Fleet
    scope: Scope
    clock: ManualClock

    @property
    def compliance(self) -> Compliance:
        found: Compliance = self.capability.service
        return found

    def customer(self, policies: Any = ADMIN, node: NodeId | None = None) -> Customer:
        operations = self.capability.operations
        return Customer(operations, self.scope, self.clock, policies=policies, node=node)

    async def put(self, node: str, *items: dict[str, Any], **given: Any) -> None:
        """Say that the node was examined just now, and what was found."""
        given = {
            "ResourceId": node,
            "ResourceType": "ManagedInstance",
            "ComplianceType": "Custom:Backup",
            "ExecutionSummary": {"ExecutionTime": self.clock.now()},
            "Items": list(items),
            **given,
        }
        await self.customer().ask("PutComplianceItems", **given)


@pytest.fixture
def migrations() -> Sequence[Migration]:
    return (*FOUNDATION, *OF_IDENTITY, *OF_TAGS, *OF_NODES, *MIGRATIONS)


@pytest.fixture
def examined(house: House, clock: ManualClock, scope: Scope, tmp_path: Path) -> Examined:
    ids = SystemIds()
    blobs = Blobs(str(tmp_path / "blobs"))
    foundation = Foundation(house.storage, clock, ids, blobs, Secrets(bytes(32)))
    fleet = Fleet(house, clock, ids, foundation)
    return Examined(compliance.build(foundation, nodes=fleet.nodes), fleet, scope, clock)
