"""What associations cost the server in steady state, on SQLite and on PostgreSQL.

Run from the root of the repository: `python bench/associations.py [sqlite|postgresql] [NODES]`
(5,000 with 3 associations each by default). All that nodes and the server do in a round goes
through the gateway of one process, signed by each node, policies included; the network and TLS are
not. CPU is this process's, without PostgreSQL's own, less what signing costs the bench.

A round is one application of three associations to every node: the server begins it and looks for
whom to tell, the node asks once and reports. Our agent reports twice for each association, the
stock one four times. Besides, each asks every ten minutes. An hour of `rate(30 minutes)` is two
rounds and six questions.
"""

import asyncio
import gc
import json
import logging
import resource
import secrets
import sys
import tempfile
import time
from collections.abc import Iterable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

sys.path[:0] = [str(Path(__file__).parents[1] / part) for part in ("src", "")]

import structlog

from ostler.capabilities.nodes import Node
from ostler.capabilities.nodes.model.keys import Lock, PublicKey
from ostler.capabilities.nodes.store import nodes as node_store
from ostler.foundation.clock import SystemClock
from ostler.foundation.ids import AccountId, NodeId, Region, SystemIds
from ostler.foundation.storage import Scope, Transaction
from ostler.server.compose import House, compose
from ostler.server.settings import Settings
from ostler.wire import sigv4
from ostler.wire.http import Request
from tests.support.postgresql import Cluster

ASSOCIATIONS = 3
CALLERS = 64
REGION = "local-1"
ROLE = "OstlerManagedInstance"


class Bench:
    """A house with nodes that can sign."""

    def __init__(self, house: House) -> None:
        self.house = house
        self.scope = Scope(AccountId(house.administrator.account), Region(REGION))
        self.keys: dict[str, tuple[str, str, str]] = {}
        self.signing = 0.0

    async def enrol(self, count: int) -> None:
        """So many nodes, heard just now, with credentials of their own."""
        ids, now = SystemIds(), SystemClock().now()
        made = [NodeId(f"mi-{ids.hex(17)}") for _ in range(count)]

        def plant(tx: Transaction) -> None:
            for node in made:
                node_store.add(
                    tx,
                    Node(node, self.scope.account, self.scope.region, ROLE, now, heard=now),
                    Lock(PublicKey(secrets.token_bytes(32)), now, node),
                )

        await self.house.storage.write(self.scope, plant)
        for node in made:
            lent = await self.house.rooms.identity.issue(
                self.scope, ROLE, node, timedelta(hours=1), node=node
            )
            self.keys[node] = lent.access_key, lent.secret, lent.session_token

    def signed(self, who: str, operation: str, given: dict[str, Any]) -> Request:
        pair = self.house.administrator
        access_key, secret, token = self.keys.get(who, (pair.access_key, pair.secret_key, ""))
        plain = Request(
            "POST",
            "/",
            headers={
                "host": "localhost",
                "content-type": "application/x-amz-json-1.1",
                "x-amz-target": f"AmazonSSM.{operation}",
            },
            body=json.dumps(given).encode(),
        )
        began = time.process_time()
        request = sigv4.sign(
            plain,
            access_key=access_key,
            secret=secret,
            session_token=token or None,
            region=REGION,
            service="ssm",
            at=SystemClock().now(),
        )
        self.signing += time.process_time() - began
        return request

    async def ask(self, who: str, operation: str, given: dict[str, Any]) -> dict[str, Any]:
        answer = await self.house.gateway.answer(self.signed(who, operation, given))
        assert answer.status == 200, answer.body
        found: dict[str, Any] = json.loads(answer.body)
        return found

    async def all(self, asked: Iterable[tuple[str, str, dict[str, Any]]]) -> None:
        """Ask it all, many at once."""
        waiting = iter(asked)

        async def caller() -> None:
            for who, operation, given in waiting:
                await self.ask(who, operation, given)

        await asyncio.gather(*(caller() for _ in range(CALLERS)))

    def listing(self) -> Iterable[tuple[str, str, dict[str, Any]]]:
        for node in self.keys:
            yield node, "ListInstanceAssociations", {"InstanceId": node, "MaxResults": 20}

    def reports(
        self, ids: list[str], status: str, summary: str
    ) -> Iterable[tuple[str, str, dict[str, Any]]]:
        for node in self.keys:
            for one in ids:
                result = {
                    "Status": status,
                    "ErrorCode": "",
                    "ExecutionDate": time.time(),
                    "ExecutionSummary": summary,
                }
                given = {"InstanceId": node, "AssociationId": one, "ExecutionResult": result}
                yield node, "UpdateInstanceAssociationStatus", given


@asynccontextmanager
async def bench(database: str) -> Any:
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(data=Path(folder), database=database, region=REGION)
        fast = {
            "user_rate": 1e6,
            "user_burst": 1_000_000,
            "node_rate": 1e6,
            "node_burst": 1_000_000,
        }
        house = await compose(replace(settings, **fast))
        async with house.running():
            yield Bench(house)


async def run(engine: str, database: str, nodes: int) -> None:
    async with bench(database) as made:
        await made.enrol(nodes)
        ids: list[str] = []
        costs: dict[str, float] = {}

        async def costing(name: str, doing: Any) -> None:
            gc.collect()
            made.signing = 0.0
            before, start = time.process_time(), time.perf_counter()
            await doing
            await made.house.timers.run_due()
            used = time.process_time() - before - made.signing
            costs[name] = used / nodes * 1e6
            print(f"{engine:12}{name:34}{costs[name]:10,.0f}{time.perf_counter() - start:10.1f}")

        async def associate() -> None:
            for number in range(ASSOCIATIONS):
                given = {
                    "Name": "AWS-RunShellScript",
                    "AssociationName": f"wanted-{number}",
                    "Targets": [{"Key": "InstanceIds", "Values": ["*"]}],
                    "Parameters": {"commands": ["true"]},
                    "ScheduleExpression": "rate(30 minutes)",
                }
                answer = await made.ask("", "CreateAssociation", given)
                ids.append(answer["AssociationDescription"]["AssociationId"])

        await costing("associate", associate())
        await costing("first reports", made.all(made.reports(ids, "Success", "done")))
        await costing("due", made.ask("", "StartAssociationsOnce", {"AssociationIds": ids}))
        await costing("question", made.all(made.listing()))
        await costing("pending", made.all(made.reports(ids, "Pending", "Association is pending")))
        begins = made.reports(ids, "InProgress", "Executing association")
        await costing("begins", made.all(begins))
        middle = made.reports(ids, "InProgress", "1 out of 1 plugin processed")
        await costing("how far", made.all(middle))
        await costing("ends", made.all(made.reports(ids, "Success", "1 out of 1 plugin")))
        ours = costs["due"] + costs["question"] + costs["begins"] + costs["ends"]
        stock = ours + costs["pending"] + costs["how far"]
        for agent, round_ in (("our agent", ours), ("the stock agent", stock)):
            hour = (2 * round_ + 6 * costs["question"]) / 1000
            print(f"{engine:12}CPU ms a node-hour, {agent:15}{hour:9.1f}")
        print(f"{engine:12}memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024} MB")


def main() -> None:
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    words = [word for word in sys.argv[1:] if not word.isdigit()]
    nodes = next((int(word) for word in sys.argv[1:] if word.isdigit()), 5000)
    print(f"{nodes} nodes, {ASSOCIATIONS} associations{'':20}{'µs a node':>10}{'seconds':>10}")
    if words in ([], ["sqlite"]):
        asyncio.run(run("sqlite", "", nodes))
    if words in ([], ["postgresql"]):
        cluster = Cluster(durable=True)
        cluster.say("CREATE DATABASE bench")
        asyncio.run(run("postgresql", cluster.url("bench"), nodes))
        cluster.remove()


if __name__ == "__main__":
    main()
