"""A small world for commands: the capability on a real database, with nodes that are told."""

import asyncio
import json
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from ostler.capabilities import buckets, logs
from ostler.capabilities.buckets.migrations import MIGRATIONS as BUCKETS
from ostler.capabilities.commands import build
from ostler.capabilities.commands.migrations import MIGRATIONS
from ostler.capabilities.logs.migrations import MIGRATIONS as LOGS
from ostler.capabilities.nodes.events import NodeDeregistered
from ostler.foundation.blobs import Blobs
from ostler.foundation.call import Call, Caller
from ostler.foundation.capability import Foundation
from ostler.foundation.clock import ManualClock
from ostler.foundation.errors import ApiError
from ostler.foundation.events import since
from ostler.foundation.ids import NodeId, SystemIds
from ostler.foundation.policy import Policy
from ostler.foundation.storage import Scope
from ostler.foundation.timers import Timers
from ostler.grammar.documents import document_of, platform_types
from ostler.relay.ports import Acked
from ostler.wire.agent.jobs import (
    CANCEL_COMMAND,
    CancelContent,
    Job,
    PluginReply,
    ReplyContent,
    SendCommandContent,
    decode,
)
from tests.support.databases import FOUNDATION, House

ALL_MIGRATIONS = (*FOUNDATION, *BUCKETS, *LOGS, *MIGRATIONS)
ALLOW_ALL = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}],
}

SHELL = {
    "schemaVersion": "1.2",
    "description": "Run a shell script.",
    "parameters": {
        "commands": {"type": "StringList"},
        "executionTimeout": {"type": "String", "default": "3600"},
    },
    "runtimeConfig": {
        "aws:runShellScript": {
            "properties": [
                {
                    "id": "0.aws:runShellScript",
                    "runCommand": "{{ commands }}",
                    "timeoutSeconds": "{{ executionTimeout }}",
                }
            ]
        }
    },
}


def a_document(*names: str, action: str = "aws:runShellScript", **inputs: Any) -> dict[str, Any]:
    """A document of steps with these names."""
    return {
        "schemaVersion": "2.2",
        "parameters": {"t": {"type": "String", "default": "5"}},
        "mainSteps": [
            {"action": action, "name": name, "inputs": {"runCommand": ["true"], **inputs}}
            for name in names
        ],
    }


@dataclass(frozen=True)
class FakeVersion:
    name: str
    type: str
    document: Any
    platform_types: list[str]


class InvalidDocument(ApiError):
    pass


class InvalidInstanceId(ApiError):
    pass


@dataclass
class FakeDocuments:
    documents: dict[str, dict[str, Any]] = field(default_factory=dict)
    types: dict[str, str] = field(default_factory=dict)
    asked: list[Any] = field(default_factory=list)

    async def resolve(self, call, name, version="$DEFAULT", *, hash=None, hash_type=None):  # noqa: A002
        self.asked.append((name, version, hash, hash_type))
        await call.allow(f"arn:aws:ssm:{call.region}::document/{name}")
        if name not in self.documents:
            raise InvalidDocument(f"Document with name {name} does not exist.")
        document = document_of(self.documents[name])
        return FakeVersion(
            name, self.types.get(name, "Command"), document, platform_types(document)
        )


@dataclass(frozen=True)
class FakeFacts:
    computer_name: str
    agent_name: str = ""


@dataclass(frozen=True)
class FakeNode:
    id: NodeId
    platform_type: str | None = "Linux"
    tags: dict[str, str] = field(default_factory=dict)
    agent_name: str = "amazon-ssm-agent"

    @property
    def facts(self):
        return FakeFacts(f"{self.id}.example", self.agent_name)


@dataclass(frozen=True)
class FakeValue:
    kind: str
    value: str


@dataclass
class FakeStored:
    kept: dict[str, FakeValue] = field(default_factory=dict)

    async def values(self, call, names):
        arns = [call.arn("parameter", name.partition(":")[0]) for name in names]
        await call.allow(*arns, action="ssm:GetParameters")
        return {name: self.kept[name] for name in names if name in self.kept}


@dataclass
class FakeFleet:
    nodes: dict[NodeId, FakeNode] = field(default_factory=dict)

    async def get_many(self, call, ids):
        if missing := [node for node in ids if node not in self.nodes]:
            raise InvalidInstanceId(f"Instances [[{', '.join(missing)}]] not in a valid state")
        return [self.nodes[node] for node in ids]

    async def resolve(self, call, targets):
        return [node for node in self.nodes.values() if targets.fit(node.id, node.tags)]


@dataclass
class FakeRoles:
    roles: set[str] = field(default_factory=set)

    async def role_exists(self, scope, name, service_principal="ssm.amazonaws.com"):
        return name.rpartition("/")[2] in self.roles

    async def role_caller(self, account, role, session_name="ostler"):
        return Caller(f"arn:aws:sts::{account}:assumed-role/{role}/{session_name}", account, "A")

    async def pass_role(self, call, role_arn):
        await call.allow(role_arn, action="iam:PassRole")


@dataclass
class FakeCourier:
    """Holds what was brought, as a mailbox does: once for each job."""

    brought: dict[NodeId, dict[str, Job]] = field(default_factory=lambda: defaultdict(dict))

    async def bring(self, scope, node, job):
        self.brought[node][job.job_id] = job


@dataclass
class FakeTopics:
    """Hears what is published, and by whom."""

    published: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    refusal: ApiError | None = None

    async def __call__(self, call, service, operation, given):
        assert (service, operation) == ("sns", "Publish")
        if self.refusal is not None:
            raise self.refusal
        self.published.append((call.caller.arn, given))
        return {"MessageId": "m"}


@dataclass(frozen=True)
class Heard:
    scope: Scope
    node: NodeId
    job_id: str
    reply: ReplyContent
    topic: str = "aws.ssm.sendCommand"
    message_id: str = "m"


def node_id(number: int) -> NodeId:
    return NodeId(f"mi-{number:017x}")


class World:
    """Run Command put together, as often as it is begun anew over the same database."""

    def __init__(self, house: House, clock: ManualClock, blobs: Blobs, scope: Scope) -> None:
        self.house = house
        self.storage = house.storage
        self.clock = clock
        self.scope = scope
        self.ids = SystemIds()
        self.blobs = blobs
        self.documents = FakeDocuments(
            {"AWS-RunShellScript": SHELL, "Two": a_document("first", "second")}
        )
        self.fleet = FakeFleet()
        self.roles = FakeRoles({"Notifier"})
        self.stored = FakeStored()
        self.topics = FakeTopics()
        self.enrol(3)
        self.begin()

    def begin(self) -> None:
        """Start with nothing in memory."""
        self.courier = FakeCourier()
        foundation = Foundation(self.storage, self.clock, self.ids, self.blobs, None)
        self.stores = buckets.build(foundation)
        self.journals = logs.build(foundation)
        self.capability = build(
            foundation,
            buckets=self.stores.service,
            logs=self.journals.service,
            documents=self.documents,
            nodes=self.fleet,
            bringers={"ostler-agent"},
            roles=self.roles,
            stored=self.stored,
            courier=self.courier,
            invoke=self.topics,
        )
        self.commands = self.capability.service.commands
        self.desk = self.capability.service.desk
        self.outputs = self.capability.service.outputs
        [self.operations] = self.capability.operations
        # The house writes events down for its first world; each world hears them by itself.
        bulletin = type(self.house.bulletin)(self.clock)
        first = not self.house.bulletin.handlers(self.storage)
        for event, listener in self.capability.listeners:
            if first:
                self.house.bulletin.subscribe(event, listener)
            bulletin.subscribe(event, listener)
        self.timers = Timers(self.storage, self.clock, self.ids, self.house.schedule)
        self.timers.serve(bulletin.handlers(self.storage))
        self.timers.serve(dict(self.capability.jobs))

    def enrol(self, count: int, **facts: Any) -> list[NodeId]:
        """So many more nodes."""
        first = len(self.fleet.nodes) + 1
        ids = [node_id(number) for number in range(first, first + count)]
        self.fleet.nodes.update({node: FakeNode(node, **facts) for node in ids})
        return ids

    @property
    def nodes(self) -> list[NodeId]:
        return list(self.fleet.nodes)

    def call(self, action: str = "ssm:SendCommand", policy: Any = None) -> Call:
        caller = Caller(
            f"arn:aws:iam::{self.scope.account}:user/ann",
            self.scope.account,
            "AIDA",
            policies=[Policy.parse(policy or ALLOW_ALL)],
        )
        return Call(self.scope, caller, "request", action, self.clock.now())

    async def settle(self) -> None:
        """Do all that is due now."""
        await self.timers.run_due()

    async def pass_time(self, **delay: float) -> None:
        """Let time go by, and do what is due then."""
        await self.clock.advance(timedelta(**delay))
        await self.settle()

    # What callers do.

    async def send(self, **given: Any) -> str:
        """Send a command, let its first nodes start; its id."""
        answer = await self.operations.send_command(self.call(), self.order(**given))
        await self.settle()
        return answer["Command"]["CommandId"]

    def order(self, **given: Any) -> dict[str, Any]:
        if "Targets" not in given and "InstanceIds" not in given:
            given["InstanceIds"] = self.nodes
        if given.setdefault("DocumentName", "AWS-RunShellScript") == "AWS-RunShellScript":
            given.setdefault("Parameters", {"commands": ["true"]})
        return given

    async def cancel(self, command: str, *nodes: str) -> None:
        given: dict[str, Any] = {"CommandId": command}
        if nodes:
            given["InstanceIds"] = list(nodes)
        await self.operations.cancel_command(self.call("ssm:CancelCommand"), given)
        await self.settle()

    async def command(self, command: str) -> dict[str, Any]:
        answer = await self.operations.list_commands(
            self.call("ssm:ListCommands"), {"CommandId": command}
        )
        [found] = answer["Commands"]
        return found

    async def standing(self, command: str) -> tuple[str, str]:
        found = await self.command(command)
        return found["Status"], found["StatusDetails"]

    async def invocation(self, command: str, node: str, **given: Any) -> dict[str, Any]:
        return await self.operations.get_command_invocation(
            self.call("ssm:GetCommandInvocation"),
            {"CommandId": command, "InstanceId": node, **given},
        )

    async def invocations(self, command: str, **given: Any) -> dict[str, dict[str, Any]]:
        answer = await self.operations.list_command_invocations(
            self.call("ssm:ListCommandInvocations"), {"CommandId": command, **given}
        )
        return {one["InstanceId"]: one for one in answer["CommandInvocations"]}

    async def standings(self, command: str) -> list[str]:
        """The status details of the command's invocations, in the order of its nodes."""
        found = await self.invocations(command)
        return [found[node]["StatusDetails"] for node in sorted(found)]

    # What nodes do.

    def told(self, command: str) -> list[NodeId]:
        """The nodes that were brought the command."""
        return sorted(
            node
            for node, jobs in self.courier.brought.items()
            if any(job_of(job) == command for job in jobs.values())
        )

    def told_to_stop(self, command: str) -> list[NodeId]:
        return sorted(
            node
            for node, jobs in self.courier.brought.items()
            if any(stops(job) == command for job in jobs.values())
        )

    async def acknowledge(self, command: str, *nodes: str, code: str = "200") -> None:
        for node in nodes:
            await self.acknowledged(NodeId(node), f"aws.ssm.{command}.{node}", code)
        await self.desk.rest()

    async def acknowledged(self, node: NodeId, job: str, code: str = "200") -> None:
        """A node answers for a job, whatever its id."""
        await self.desk.acknowledged([Acked(self.scope, node, job, code)])

    async def reply(
        self, command: str, *nodes: str, status: str = "Success", **steps: PluginReply
    ) -> None:
        """The nodes say how the document stands; without `steps` as its only plugin does."""
        told = {name.replace("__", ":"): step for name, step in steps.items()}
        content = ReplyContent(status, told or None)
        heard = [
            Heard(self.scope, NodeId(node), f"aws.ssm.{command}.{node}", content) for node in nodes
        ]
        await self.desk.record(heard)
        await self.desk.rest()

    async def finish(self, command: str, *nodes: str, status: str = "Success", code: int = 0):
        """The nodes' last word, with the result of the only step."""
        step = a_step(status, code, output="out\n", error="" if status == "Success" else "err\n")
        await self.reply(command, *nodes, status=status, aws__runShellScript=step)

    async def deregister(self, node: NodeId) -> None:
        del self.fleet.nodes[node]
        await self.storage.write(self.scope, lambda tx: tx.tell(NodeDeregistered(node=node)))
        await self.settle()

    async def told_events(self, kind: str = "") -> list[Any]:
        """What was told, of the kind whose name ends so."""
        told = await self.storage.read(self.scope, lambda tx: since(tx, 0, 10_000))
        return [one.body for one in told if one.kind.endswith(kind)]

    async def announced(self, detail_type: str) -> list[dict[str, Any]]:
        """What was told in the shape of EventBridge, of one type."""
        return [one for one in await self.told_events() if one.get("detail_type") == detail_type]


def a_step(
    status: str = "Success", code: int = 0, *, output: str = "", error: str = "", both: str = ""
) -> PluginReply:
    return PluginReply(
        status,
        code,
        "aws:runShellScript",
        both or output + (f"\n----------ERROR-------\n{error}" if error else ""),
        "2026-01-01T00:00:01.000Z",
        "2026-01-01T00:00:03.500Z",
        standard_output=output,
        standard_error=error,
    )


def job_of(job: Job) -> str | None:
    """The command that the job runs."""
    if job.topic.startswith(CANCEL_COMMAND):
        return None
    return decode(job.content, SendCommandContent).command_id


def stops(job: Job) -> str | None:
    """The command that the job stops."""
    if not job.topic.startswith(CANCEL_COMMAND):
        return None
    return decode(job.content, CancelContent).cancel_message_id.split(".")[-2]


def content_of(job: Job) -> dict[str, Any]:
    return json.loads(job.content)


async def all_of(*deeds: Any) -> None:
    await asyncio.gather(*deeds)
