"""What reading and writing parameters costs, on SQLite and on PostgreSQL.

Run from the root of the repository: `python bench/parameters.py [sqlite|postgresql]`. Each case
is asked by many callers at once, in one process, without the network: `service` is the capability
alone, `gateway` a whole signed request, policy and audit included. Rates move with the machine;
CPU for each (of this process, without PostgreSQL's) is the number to compare. The last cases read
a page far down a tree of many parameters: it grows with the page, not with the tree.
"""

import asyncio
import gc
import json
import logging
import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

sys.path[:0] = [str(Path(__file__).parents[1] / part) for part in ("src", "")]

import structlog

from ostler.capabilities.keys import build as build_keys
from ostler.capabilities.parameters import Parameters, asked_name, build
from ostler.capabilities.parameters.store.tables import heads, versions
from ostler.capabilities.settings import build as build_settings
from ostler.capabilities.tags import build as build_tags
from ostler.foundation.blobs import Blobs
from ostler.foundation.call import Call, Caller
from ostler.foundation.capability import Foundation
from ostler.foundation.clock import SystemClock
from ostler.foundation.ids import AccountId, Region, SystemIds
from ostler.foundation.policy import Policy
from ostler.foundation.secrets import Secrets
from ostler.foundation.storage import Scope, Transaction
from ostler.server.compose import House, compose
from ostler.server.settings import Settings
from ostler.wire import sigv4
from ostler.wire.http import Request
from tests.support.postgresql import Cluster

CALLERS = 32
REQUESTS = 6_000
WRITES = 3_000
ROUNDS = 3
TREE = 10_000
REGION = "local-1"
ALL = Policy.parse({"Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]})

Ask = Callable[[int], Awaitable[Any]]


@dataclass(frozen=True)
class Bench:
    """A house, and somebody in front of it with an access key."""

    house: House
    scope: Scope
    parameters: Parameters

    def call(self, action: str) -> Call:
        arn = f"arn:aws:iam::{self.scope.account}:user/bench"
        caller = Caller(arn, self.scope.account, "B", policies=[ALL])
        return Call(self.scope, caller, "request", action, SystemClock().now())

    def signed(self, operation: str, given: dict[str, Any]) -> Request:
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
        pair = self.house.administrator
        return sigv4.sign(
            plain,
            access_key=pair.access_key,
            secret=pair.secret_key,
            region=REGION,
            service="ssm",
            at=SystemClock().now(),
        )

    async def ask(self, operation: str, given: dict[str, Any]) -> dict[str, Any]:
        answer = await self.house.gateway.answer(self.signed(operation, given))
        assert answer.status == 200, answer.body
        found: dict[str, Any] = json.loads(answer.body)
        return found


@asynccontextmanager
async def bench(database: str) -> Any:
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(data=Path(folder), database=database, region=REGION)
        house = await compose(replace(settings, user_rate=1e6, user_burst=1_000_000))
        scope = Scope(AccountId(house.administrator.account), Region(REGION))
        secrets = Secrets(bytes(32))
        foundation = Foundation(
            house.storage, SystemClock(), SystemIds(), Blobs(f"{folder}/blobs"), secrets
        )
        store = build(
            foundation,
            tags=build_tags(foundation).service,
            keys=build_keys(foundation).service,
            settings=build_settings(foundation).service,
        )
        made = Bench(house, scope, store.service)
        async with house.running():
            yield made


def plant(tx: Transaction, count: int) -> None:
    """A tree of many parameters, as fast as the database takes them."""
    keys = [f"tree/{n // 100:04}/{n % 100:02}" for n in range(count)]
    tx.insert_many(
        heads,
        [{"key": key, "parent": key[:-3], "version": 1, "tier": "Advanced"} for key in keys],
    )
    common = {
        "version": 1,
        "kind": "String",
        "tier": "Advanced",
        "data_type": "text",
        "value": "v" * 40,
        "sealed": None,
        "key_id": "",
        "description": "",
        "pattern": "",
        "policies": [],
        "modified": SystemClock().now(),
        "author": "bench",
    }
    tx.insert_many(versions, [{"key": key, "name": f"/{key}", **common} for key in keys])


async def measured(name: str, count: int, ask: Ask) -> tuple[str, float, float, float, float]:
    numbers = iter(range(count))
    waits: list[float] = []

    async def caller() -> None:
        for number in numbers:
            start = time.perf_counter()
            await ask(number)
            waits.append((time.perf_counter() - start) * 1000)

    gc.collect()
    before, start = resource.getrusage(resource.RUSAGE_SELF), time.perf_counter()
    await asyncio.gather(*(caller() for _ in range(CALLERS)))
    took = time.perf_counter() - start
    after = resource.getrusage(resource.RUSAGE_SELF)
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    waits.sort()
    middle, late = waits[count // 2], waits[count * 99 // 100]
    return name, count / took, used / count * 1e6, middle, late


async def cases(made: Bench) -> list[tuple[str, int, Ask]]:
    await made.ask("PutParameter", {"Name": "/app/url", "Value": "v" * 40, "Type": "String"})
    secret = {"Name": "/app/password", "Value": "v" * 40, "Type": "SecureString"}
    await made.ask("PutParameter", secret)
    await made.house.storage.write(made.scope, lambda tx: plant(tx, TREE))
    call, gateway = made.call("ssm:GetParameter"), made.house.gateway
    plain = asked_name("/app/url", made.scope)

    async def signed(operation: str, given: dict[str, Any]) -> Ask:
        request = made.signed(operation, given)
        assert (await gateway.answer(request)).status == 200
        return lambda number: gateway.answer(request)

    async def page_near(token: int) -> Ask:
        given: dict[str, Any] = {"Path": "/tree", "Recursive": True}
        for _ in range(token):
            given["NextToken"] = (await made.ask("GetParametersByPath", given))["NextToken"]
        return await signed("GetParametersByPath", given)

    def putting(name: Callable[[int], str]) -> Ask:
        def put(number: int) -> Awaitable[Any]:
            given = {"Name": name(number), "Value": f"v{number}", "Type": "String"}
            return made.ask("PutParameter", {**given, "Overwrite": True})

        return put

    ten = [f"/tree/0050/{n:02}" for n in range(10)]
    return [
        (
            "GetParameter, service",
            REQUESTS,
            lambda n: made.parameters.get(call, plain, decrypt=False),
        ),
        ("GetParameter, gateway", REQUESTS, await signed("GetParameter", {"Name": "/app/url"})),
        (
            "GetParameter of a secret, gateway",
            REQUESTS,
            await signed("GetParameter", {"Name": "/app/password", "WithDecryption": True}),
        ),
        (
            "GetParameters of ten, gateway",
            REQUESTS // 4,
            await signed("GetParameters", {"Names": ten}),
        ),
        ("by path, first page", REQUESTS // 4, await page_near(0)),
        ("by path, page 500", REQUESTS // 4, await page_near(499)),
        ("PutParameter, many names", WRITES, putting(lambda n: f"/bench/{n % 500}")),
        ("PutParameter, one name", WRITES // 6, putting(lambda n: "/bench/one")),
    ]


async def run(engine: str, database: str) -> None:
    results: dict[str, list[tuple[float, ...]]] = {}
    async with bench(database) as made:
        prepared = await cases(made)
        for _ in range(ROUNDS):
            for name, count, ask in prepared:
                told = await measured(f"{engine}: {name}", count, ask)
                results.setdefault(told[0], []).append(told[1:])
    for name, several in results.items():
        middle = [statistics.median(column) for column in zip(*several, strict=True)]
        print(f"{name:46}{middle[0]:10,.0f}{middle[1]:8.0f}{middle[2]:8.1f}{middle[3]:8.1f}")


def main() -> None:
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    only = sys.argv[1] if len(sys.argv) > 1 else ""
    print(f"{CALLERS} callers{'':36}{'asked/s':>10}{'CPU µs':>8}{'p50 ms':>8}{'p99 ms':>8}")
    if only in ("", "sqlite"):
        asyncio.run(run("sqlite", ""))
    if only in ("", "postgresql"):
        cluster = Cluster(durable=True)
        cluster.say("CREATE DATABASE bench")
        asyncio.run(run("postgresql", cluster.url("bench")))
        cluster.remove()


if __name__ == "__main__":
    main()
