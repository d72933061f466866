"""What a function of `tx` costs on SQLite and on PostgreSQL, beside the bare drivers.

Every function reads one row and updates it, and its caller waits until that is durable. Run from
the root of the repository: `python bench/storage.py [part of a name]`. The cases take turns, and
the best round of each counts. Rates move with the machine; CPU per function (of this process,
without PostgreSQL's) is the number to compare.
"""

import asyncio
import functools
import gc
import queue
import resource
import sqlite3
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

sys.path[:0] = [str(Path(__file__).parents[1] / part) for part in ("src", "")]

import psycopg
from sqlalchemy import Column, Integer, MetaData, bindparam, select, update

from ostler.foundation.clock import SystemClock
from ostler.foundation.ids import AccountId, Region
from ostler.foundation.storage import Scope, Storage, Transaction, scoped_table
from ostler.foundation.storage.migrations import migrate
from tests.support.databases import FOUNDATION, House
from tests.support.postgresql import Cluster

ROWS = 10_000
FUNCTIONS = 4_000
CALLERS = 300
ROUNDS = 5
SCOPE = Scope(AccountId("111122223333"), Region("eu-west-1"))

metadata = MetaData()
things = scoped_table(
    "things",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("count", Integer),
)
FIND = select(things.c.count).where(things.c.id == bindparam("of_id"))
CHANGE = update(things).where(things.c.id == bindparam("of_id")).values(count=bindparam("new"))
BARE_FIND = "SELECT count FROM things WHERE account = {0} AND region = {0} AND id = {0}"
BARE_CHANGE = "UPDATE things SET count = {0} WHERE account = {0} AND region = {0} AND id = {0}"


@dataclass(frozen=True)
class Result:
    """What one round of a case took."""

    rate: float
    cpu_us: float
    middle_ms: float
    slowest_ms: float


Case = Callable[[], list[float]]
"""Runs all the functions; the milliseconds that each caller waited."""


def write_anew(number: int, tx: Transaction) -> None:
    """With statements that are made for each call, as most stores do."""
    count = tx.scalar(select(things.c.count).where(things.c.id == number))
    tx.execute(update(things).where(things.c.id == number).values(count=count + 1))


def write_ready(number: int, tx: Transaction) -> None:
    """With statements that were made once, as hot paths do."""
    count = tx.scalar(FIND, {"of_id": number})
    tx.execute(CHANGE, {"of_id": number, "new": count + 1})


def read_ready(number: int, tx: Transaction) -> Any:
    return tx.scalar(FIND, {"of_id": number})


def with_storage(run: Callable[..., Any], function: Callable[[int, Transaction], Any]) -> Case:
    """Many callers at once, each with one function after the other."""

    async def everybody() -> list[float]:
        numbers = iter(range(FUNCTIONS))
        waits: list[float] = []

        async def caller() -> None:
            for number in numbers:
                start = time.perf_counter()
                await run(SCOPE, partial(function, number * 7919 % ROWS))
                waits.append((time.perf_counter() - start) * 1000)

        await asyncio.gather(*(caller() for _ in range(CALLERS)))
        return waits

    return lambda: asyncio.run(everybody())


def bare(connect: Callable[[], Any], mark: str, *, begin: str, threads: int, group: int) -> Case:
    """The same statements on the bare driver, `group` of these functions to a commit."""
    find, change = BARE_FIND.format(mark), BARE_CHANGE.format(mark)

    def work(starts: "queue.SimpleQueue[int]", waits: list[float]) -> None:
        connection = connect()
        while not starts.empty():
            first = starts.get()
            start = time.perf_counter()
            connection.execute(begin)
            for number in range(first, first + group):
                row = (SCOPE.account, SCOPE.region, number * 7919 % ROWS)
                count = connection.execute(find, row).fetchone()[0]
                connection.execute(change, (count + 1, *row))
            connection.execute("COMMIT")
            waits.append((time.perf_counter() - start) * 1000)
        connection.close()

    def everybody() -> list[float]:
        starts: queue.SimpleQueue[int] = queue.SimpleQueue()
        waits: list[float] = []
        for first in range(0, FUNCTIONS, group):
            starts.put(first)
        workers = [threading.Thread(target=work, args=(starts, waits)) for _ in range(threads)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        return waits

    return everybody


def measured(case: Case) -> Result:
    gc.collect()
    before, start = resource.getrusage(resource.RUSAGE_SELF), time.perf_counter()
    waits = sorted(case())
    took = time.perf_counter() - start
    after = resource.getrusage(resource.RUSAGE_SELF)
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Result(
        rate=FUNCTIONS / took,
        cpu_us=used / FUNCTIONS * 1e6,
        middle_ms=waits[len(waits) // 2],
        slowest_ms=waits[int(len(waits) * 0.99)],
    )


@contextmanager
def filled(url: str) -> Iterator[Storage]:
    storage = House(url, SystemClock()).storage
    migrate(storage.engine, FOUNDATION)
    metadata.create_all(storage.engine)
    own = {"account": SCOPE.account, "region": SCOPE.region}
    with storage.engine.connect() as connection:
        connection.exec_driver_sql("BEGIN")
        connection.execute(things.insert(), [{**own, "id": n, "count": 0} for n in range(ROWS)])
        connection.exec_driver_sql("COMMIT")
    yield storage
    storage.close()


def sqlite_cases(storage: Storage, path: str) -> dict[str, Case]:
    def connect() -> sqlite3.Connection:
        connection = sqlite3.connect(path, isolation_level=None)
        connection.execute("PRAGMA synchronous=FULL")
        return connection

    driver = functools.partial(bare, connect, "?", begin="BEGIN IMMEDIATE", threads=1)
    return {
        "sqlite: write": with_storage(storage.write, write_anew),
        "sqlite: write, ready statements": with_storage(storage.write, write_ready),
        "sqlite: read, ready statements": with_storage(storage.read, read_ready),
        "sqlite3: 1 a commit": driver(group=1),
        "sqlite3: 200 a commit": driver(group=200),
    }


def postgresql_cases(storage: Storage, folder: Path) -> dict[str, Case]:
    def connect() -> psycopg.Connection[Any]:
        return psycopg.connect(host=str(folder), user="ostler", dbname="bench", autocommit=True)

    driver = functools.partial(bare, connect, "%s", begin="BEGIN")
    return {
        "postgresql: write": with_storage(storage.write, write_anew),
        "postgresql: write, ready statements": with_storage(storage.write, write_ready),
        "postgresql: read, ready statements": with_storage(storage.read, read_ready),
        "psycopg: 1 a commit, 8 threads": driver(threads=8, group=1),
        "psycopg: 50 a commit, 1 thread": driver(threads=1, group=50),
    }


def main() -> None:
    wanted = sys.argv[1] if len(sys.argv) > 1 else ""
    cluster = Cluster(durable=True)
    cluster.say("CREATE DATABASE bench")
    results: dict[str, list[Result]] = {}
    with (
        tempfile.TemporaryDirectory() as folder,
        filled(f"sqlite:///{folder}/bench.db") as lite,
        filled(cluster.url("bench")) as post,
    ):
        cases = {
            **sqlite_cases(lite, f"{folder}/bench.db"),
            **postgresql_cases(post, cluster.folder),
        }
        for _ in range(ROUNDS):
            for name, case in cases.items():
                if wanted in name:
                    results.setdefault(name, []).append(measured(case))
    cluster.remove()
    print(f"{'':38}{'functions/s':>12}{'CPU µs':>8}{'p50 ms':>8}{'p99 ms':>8}")
    for name, rounds in results.items():
        best = max(rounds, key=lambda each: each.rate)
        cpu = min(each.cpu_us for each in rounds)
        print(f"{name:38}{best.rate:12,.0f}{cpu:8.0f}{best.middle_ms:8.1f}{best.slowest_ms:8.1f}")


if __name__ == "__main__":
    main()
