"""A small world for associations: the capability on those below it, with nodes that are told."""

import json
from collections import defaultdict
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

from ostler.capabilities import associations, compliance, documents, keys, parameters
from ostler.capabilities.associations.migrations import MIGRATIONS
from ostler.capabilities.compliance.migrations import MIGRATIONS as OF_COMPLIANCE
from ostler.capabilities.documents.migrations import MIGRATIONS as OF_DOCUMENTS
from ostler.capabilities.identity.migrations import MIGRATIONS as OF_IDENTITY
from ostler.capabilities.keys.migrations import MIGRATIONS as OF_KEYS
from ostler.capabilities.nodes.migrations import MIGRATIONS as OF_NODES
from ostler.capabilities.parameters.migrations import MIGRATIONS as OF_PARAMETERS
from ostler.capabilities.settings.migrations import MIGRATIONS as OF_SETTINGS
from ostler.capabilities.tags.migrations import MIGRATIONS as OF_TAGS
from ostler.foundation.blobs import Blobs
from ostler.foundation.capability import Foundation
from ostler.foundation.clock import ManualClock
from ostler.foundation.events import since
from ostler.foundation.ids import NodeId, SystemIds
from ostler.foundation.policy import Policy
from ostler.foundation.secrets import Secrets
from ostler.foundation.storage import Scope
from ostler.foundation.timers import Timers
from ostler.wire.agent.jobs import Job
from tests.capabilities.nodes.fleets import Fleet
from tests.support.calls import ADMIN, Customer
from tests.support.databases import FOUNDATION, House

ALL_MIGRATIONS = (
    *FOUNDATION,
    *(*OF_IDENTITY, *OF_KEYS, *OF_SETTINGS, *OF_TAGS, *OF_NODES),
    *(*OF_DOCUMENTS, *OF_PARAMETERS),
    *(*OF_COMPLIANCE, *MIGRATIONS),
)
SHELL = "AWS-RunShellScript"
BEGINS = "Executing association"


def a_document(text: str = "true") -> str:
    """A document of one step, with a parameter that has a default."""
    return json.dumps(
        {
            "schemaVersion": "2.2",
            "parameters": {"word": {"type": "String", "default": "x"}},
            "mainSteps": [
                {
                    "action": "aws:runShellScript",
                    "name": "only",
                    "inputs": {"runCommand": [text]},
                }
            ],
        }
    )


class Post:
    """Holds what was brought, as a mailbox does: once for each job."""

    def __init__(self) -> None:
        self.brought: dict[NodeId, dict[str, Job]] = defaultdict(dict)

    async def bring(self, scope: Scope, node: NodeId, job: Job) -> None:
        self.brought[node][job.job_id] = job

    def rang(self, node: NodeId) -> bool:
        """Whether the node was told that there is something to apply."""
        return bool(self.brought[node])


class World:
    """State Manager put together, as often as it is begun anew over the same database."""

    def __init__(self, house: House, clock: ManualClock, folder: Path, scope: Scope) -> None:
        self.house = house
        self.clock = clock
        self.scope = scope
        self.ids = SystemIds()
        self.foundation = Foundation(
            house.storage, clock, self.ids, Blobs(str(folder)), Secrets(bytes(32))
        )
        self.begin()

    def begin(self) -> None:
        """Start with nothing in memory."""
        self.post = Post()
        standings = associations.Standings()
        self.fleet = Fleet(
            self.house, self.clock, self.ids, self.foundation, associations=standings
        )
        labels = self.fleet.tags
        chosen = self.fleet.settings.service
        papers = documents.build(
            self.foundation, tags=labels, settings=chosen.settings, uses=standings
        )
        ring = keys.build(self.foundation)
        values = parameters.build(self.foundation, tags=labels, keys=ring.service, settings=chosen)
        examined = compliance.build(
            self.foundation, nodes=self.fleet.nodes, examined={"Association"}
        )
        self.capability = associations.build(
            self.foundation,
            documents=papers.service,
            nodes=self.fleet.nodes,
            roles=self.fleet.identity,
            tags=labels,
            compliance=examined.service,
            courier=self.post,
        )
        self.bell = self.capability.service.bell
        every = [self.fleet.capability, papers, values, examined, self.capability]
        labels.serve([kind for each in every for kind in each.taggables])
        self.operations = [one for each in every for one in each.operations]
        self.operations += self.fleet.tagging.operations
        # The house writes events down for its first world; each world hears them by itself.
        bulletin = type(self.house.bulletin)(self.clock)
        first = not self.house.bulletin.handlers(self.house.storage)
        for each in every:
            for event, listener in each.listeners:
                if first:
                    self.house.bulletin.subscribe(event, listener)
                bulletin.subscribe(event, listener)
        self.timers = Timers(self.house.storage, self.clock, self.ids, self.house.schedule)
        self.timers.serve(bulletin.handlers(self.house.storage))
        for each in every:
            self.timers.serve(dict(each.jobs))

    # Time.

    async def settle(self) -> None:
        """Do all that is due now, and ring at whoever is to be told."""
        await self.timers.run_due()
        if self.bell._ringing is not None:
            await self.bell._ringing

    async def pass_time(self, **delay: float) -> None:
        """Let time go by, and do what is due on the way; online nodes stay so."""
        await self.clock.advance(timedelta(**delay))
        await self.settle()

    # What callers do.

    async def ask(
        self,
        operation: str,
        policies: tuple[Policy, ...] = ADMIN,
        node: NodeId | None = None,
        **given: Any,
    ) -> Mapping[str, Any]:
        customer = Customer(self.operations, self.scope, self.clock, policies=policies, node=node)
        # Something always lies between two requests.
        await self.clock.advance(timedelta(milliseconds=1))
        answer = await customer.ask(operation, **given)
        await self.settle()
        return answer

    async def associate(self, **given: Any) -> str:
        """A new association, with every node and a shell script by default; its id."""
        if "InstanceId" not in given:
            given.setdefault("Targets", [{"Key": "InstanceIds", "Values": ["*"]}])
        if given.setdefault("Name", SHELL) == SHELL:
            given.setdefault("Parameters", {"commands": ["true"]})
        answer = await self.ask("CreateAssociation", **given)
        return str(answer["AssociationDescription"]["AssociationId"])

    async def describe(self, association: str) -> Mapping[str, Any]:
        answer = await self.ask("DescribeAssociation", AssociationId=association)
        return answer["AssociationDescription"]

    async def overview(self, association: str) -> tuple[str, str]:
        found = (await self.describe(association))["Overview"]
        return found["Status"], found["DetailedStatus"]

    async def executions(self, association: str) -> list[Mapping[str, Any]]:
        """The newest first."""
        answer = await self.ask("DescribeAssociationExecutions", AssociationId=association)
        return list(answer["AssociationExecutions"])

    async def results(self, association: str, number: int = 0) -> dict[str, str]:
        """How the newest execution (or an earlier one) stands on each node."""
        execution = (await self.executions(association))[number]["ExecutionId"]
        answer = await self.ask(
            "DescribeAssociationExecutionTargets",
            AssociationId=association,
            ExecutionId=execution,
        )
        return {
            one["ResourceId"]: one["DetailedStatus"]
            for one in answer["AssociationExecutionTargets"]
        }

    # What nodes do.

    async def enrol(self, count: int = 1, *, online: bool = True) -> list[NodeId]:
        """So many more nodes."""
        made = []
        for number in range(count):
            await self.clock.advance(timedelta(milliseconds=1))
            node = await self.fleet.node(self.scope, self._enrolled + number)
            if online:
                await self.fleet.beat(self.scope, node)
            made.append(node)
        self._enrolled += count
        await self.settle()
        return made

    _enrolled = 0

    async def listed(self, node: NodeId) -> dict[str, Mapping[str, Any]]:
        """What the node is told of its associations, all pages."""
        found: dict[str, Mapping[str, Any]] = {}
        given: dict[str, Any] = {"InstanceId": node, "MaxResults": 20}
        while True:
            answer = await self.ask("ListInstanceAssociations", node=node, **given)
            found |= {one["AssociationId"]: one for one in answer["Associations"]}
            if "NextToken" not in answer:
                return found
            given["NextToken"] = answer["NextToken"]

    async def to_run(self, node: NodeId) -> list[str]:
        """The associations that an agent would run now."""
        listed = await self.listed(node)
        return [one for one, told in listed.items() if told["DetailedStatus"] == "Pending"]

    async def say(
        self, node: NodeId, association: str, status: str, summary: str = "-", code: str = ""
    ) -> None:
        await self.ask(
            "UpdateInstanceAssociationStatus",
            node=node,
            InstanceId=node,
            AssociationId=association,
            ExecutionResult={
                "Status": status,
                "ErrorCode": code,
                "ExecutionDate": self.clock.now(),
                "ExecutionSummary": summary,
            },
        )

    async def start(self, node: NodeId, association: str) -> None:
        """The node begins, as agents do."""
        await self.say(node, association, "Pending", "Association is pending")
        await self.say(node, association, "InProgress", BEGINS)

    async def run(self, node: NodeId, association: str, status: str = "Success", **said: str):
        """The node begins and ends."""
        await self.start(node, association)
        await self.say(node, association, status, **said)

    async def announced(self, detail_type: str) -> list[dict[str, Any]]:
        """What was told in the shape of EventBridge, of one type."""
        told = await self.house.storage.read(self.scope, lambda tx: since(tx, 0, 10_000))
        return [one.body for one in told if one.body.get("detail_type") == detail_type]
