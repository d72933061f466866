"""How fast commands go: one to many nodes, every word of theirs durable.

    python bench/commands.py --nodes 10000 [--database postgresql+psycopg://…]

Without a database it is SQLite in a temporary folder. Nodes are not there: the courier takes jobs
and does nothing, and what nodes would say comes in batches as the relay hands it over.
"""

import argparse
import asyncio
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from ostler.capabilities.commands import build
from ostler.capabilities.commands.jobs import Desk
from ostler.capabilities.commands.migrations import MIGRATIONS
from ostler.capabilities.commands.model import Order
from ostler.foundation import events, timers
from ostler.foundation.blobs import Blobs
from ostler.foundation.call import Call, Caller
from ostler.foundation.capability import Foundation
from ostler.foundation.clock import SystemClock
from ostler.foundation.ids import AccountId, CommandId, NodeId, Region, SystemIds
from ostler.foundation.policy import Policy
from ostler.foundation.secrets import Secrets
from ostler.foundation.storage import Scope, Storage
from ostler.foundation.storage.migrations import migrate
from ostler.grammar.documents import Document, document_of
from ostler.grammar.targets import Target, Targets
from ostler.relay.ports import Acked
from ostler.wire.agent.jobs import Job, PluginReply, ReplyContent

ALL = Policy.parse({"Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]})
SCOPE = Scope(AccountId("111122223333"), Region("local-1"))
BATCH = 500
STEP = "shell"
DOCUMENT = document_of(
    {
        "schemaVersion": "2.2",
        "mainSteps": [
            {"action": "aws:runShellScript", "name": STEP, "inputs": {"runCommand": ["uptime"]}}
        ],
    }
)


@dataclass(frozen=True)
class Version:
    name: str = "Bench"
    type: str = "Command"
    document: Document = DOCUMENT
    platform_types: Sequence[str] = ("Linux",)


@dataclass(frozen=True)
class Facts:
    computer_name: str


@dataclass(frozen=True)
class Node:
    id: NodeId
    facts: Facts
    platform_type: str = "Linux"


@dataclass(frozen=True)
class Documents:
    async def resolve(self, call: Call, name: str, version: str = "", **_: Any) -> Version:
        return Version()


@dataclass(frozen=True)
class Fleet:
    nodes: Sequence[Node]

    async def get_many(self, call: Call, ids: Sequence[NodeId]) -> Sequence[Node]:
        return self.nodes

    async def resolve(self, call: Call, targets: Targets) -> Sequence[Node]:
        return self.nodes


class Stored:
    async def values(self, call: Any, names: Any) -> Any:
        return {}


class Roles:
    async def role_exists(self, scope: Scope, name: str, service_principal: str = "") -> bool:
        return True

    async def pass_role(self, call: Call, role_arn: str) -> None:
        pass


@dataclass
class Courier:
    """Counts what it is given."""

    brought: int = 0

    async def bring(self, scope: Scope, node: NodeId, job: Job) -> None:
        self.brought += 1


@dataclass(frozen=True)
class Heard:
    scope: Scope
    node: NodeId
    job_id: str
    reply: ReplyContent
    topic: str = "aws.ssm.sendCommand"


@dataclass
class Laps:
    """How long each part took."""

    count: int
    last: tuple[float, float] = field(default_factory=lambda: _clocks())
    total: float = 0.0

    def lap(self, name: str) -> None:
        now = _clocks()
        wall, cpu = now[0] - self.last[0], now[1] - self.last[1]
        self.total += wall
        self.last = now
        each = wall / self.count * 1e6
        print(f"  {name:<28}{wall:8.2f} s {each:8.1f} µs each   cpu {cpu:6.2f} s")


def _clocks() -> tuple[float, float]:
    return time.perf_counter(), time.process_time()


async def run(database: str, count: int, folder: str) -> None:
    clock, ids = SystemClock(), SystemIds()
    schedule, bulletin = timers.Schedule(), events.Bulletin(clock)
    storage = Storage(database, outbox=bulletin, due_work=schedule)
    migrate(storage.engine, (*timers.MIGRATIONS, *events.MIGRATIONS, *MIGRATIONS))
    nodes = [Node(NodeId(f"mi-{n:017x}"), Facts(f"node{n}")) for n in range(count)]
    courier = Courier()
    foundation = Foundation(storage, clock, ids, Blobs(folder), Secrets(bytes(32)))
    capability = build(
        foundation,
        documents=Documents(),
        nodes=Fleet(nodes),
        roles=Roles(),
        stored=Stored(),
        courier=courier,
    )
    for event, listener in capability.listeners:
        bulletin.subscribe(event, listener)
    loop = timers.Timers(storage, clock, ids, schedule)
    loop.serve(bulletin.handlers(storage))
    loop.serve(dict(capability.jobs))
    commands, desk = capability.service.commands, capability.service.desk
    caller = Caller("arn:aws:iam::111122223333:user/bench", SCOPE.account, "B", policies=[ALL])
    call = Call(SCOPE, caller, "request", "ssm:SendCommand", clock.now())

    print(f"{count} invocations on {storage.dialect}")
    laps = Laps(count)
    everybody = [Target("InstanceIds", ["*"])]
    order = Order("Bench", targets=everybody, max_concurrency="100%", max_errors="100%")
    command = (await commands.send(call, order)).id
    laps.lap("accepted")
    await loop.run_due()
    assert courier.brought == count
    laps.lap("sent to the courier")
    await acknowledge(desk, command, nodes)
    laps.lap("acknowledged")
    await reply(desk, command, nodes)
    laps.lap("replied and ended")
    found = await commands.invocation(call, command, nodes[-1].id)
    assert found.command.tally.completed == count
    assert found.command.outcome.final
    print(f"  {'together':<28}{laps.total:8.2f} s {laps.total / count * 1e6:8.1f} µs each")
    storage.close()


async def acknowledge(desk: Desk, command: CommandId, nodes: Sequence[Node]) -> None:
    for start in range(0, len(nodes), BATCH):
        await desk.acknowledged(
            [
                Acked(SCOPE, node.id, f"aws.ssm.{command}.{node.id}", "200")
                for node in nodes[start : start + BATCH]
            ]
        )


async def reply(desk: Desk, command: CommandId, nodes: Sequence[Node]) -> None:
    step = PluginReply(
        "Success",
        output="15:04:05 up 3 days\n",
        start_date_time="2026-01-01T00:00:00.000Z",
        end_date_time="2026-01-01T00:00:01.000Z",
        standard_output="15:04:05 up 3 days\n",
    )
    content = ReplyContent("Success", {STEP: step})
    for start in range(0, len(nodes), BATCH):
        await desk.record(
            [
                Heard(SCOPE, node.id, f"aws.ssm.{command}.{node.id}", content)
                for node in nodes[start : start + BATCH]
            ]
        )
    await desk.rest()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--nodes", type=int, default=10_000)
    parser.add_argument("--database")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        database = given.database or f"sqlite:///{folder}/bench.db"
        asyncio.run(run(database, given.nodes, f"{folder}/blobs"))


if __name__ == "__main__":
    main()
