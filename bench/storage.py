"""What a function of `tx` costs on SQLite and on PostgreSQL, beside the bare drivers.

Every function reads one row and updates it, and its caller waits until that is durable. Run from
the root of the repository: `python bench/storage.py`. Rates move with the machine; CPU per
function (of this process, without PostgreSQL's) is the number to compare.
"""

import asyncio
import gc
import queue
import resource
import sqlite3
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path[:0] = [str(Path(__file__).parents[1] / part) for part in ("src", "")]

import psycopg
from sqlalchemy import Column, Integer, MetaData, String, select, update

from ostler.foundation.clock import SystemClock
from ostler.foundation.ids import AccountId, Region
from ostler.foundation.storage import Scope, Storage, Transaction, scoped_table
from ostler.foundation.storage.migrations import migrate
from tests.support.databases import FOUNDATION, House
from tests.support.postgresql import Cluster

ROWS = 10_000
FUNCTIONS = 6_000
CALLERS = 300
ROUNDS = 3
SCOPE = Scope(AccountId("111122223333"), Region("eu-west-1"))

metadata = MetaData()
things = scoped_table(
    "things",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("status", String(20)),
    Column("count", Integer),
)
FIND = "SELECT count FROM things WHERE account = {0} AND region = {0} AND id = {0}"
CHANGE = "UPDATE things SET count = {0} WHERE account = {0} AND region = {0} AND id = {0}"


def touch(tx: Transaction, number: int) -> None:
    count = tx.scalar(select(things.c.count).where(things.c.id == number))
    tx.execute(update(things).where(things.c.id == number).values(count=count + 1))


def look(tx: Transaction, number: int) -> Any:
    return tx.one(select(things).where(things.c.id == number))


async def with_storage(storage: Storage, *, reading: bool = False) -> list[float]:
    """Milliseconds that each of many concurrent callers waited."""
    numbers = iter(range(FUNCTIONS))
    waits: list[float] = []

    async def caller() -> None:
        for number in numbers:
            row = number * 7919 % ROWS
            start = time.perf_counter()
            if reading:
                await storage.read(SCOPE, lambda tx, row=row: look(tx, row))
            else:
                await storage.write(SCOPE, lambda tx, row=row: touch(tx, row))
            waits.append((time.perf_counter() - start) * 1000)

    await asyncio.gather(*(caller() for _ in range(CALLERS)))
    return waits


def bare(
    connect: Callable[[], Any], mark: str, begin: str, threads: int, group: int
) -> list[float]:
    """The same statements on the bare driver: `group` functions to a commit."""
    work: queue.SimpleQueue[range] = queue.SimpleQueue()
    for start in range(0, FUNCTIONS, group):
        work.put(range(start, start + group))
    waits: list[float] = []
    find, change = FIND.format(mark), CHANGE.format(mark)

    def run() -> None:
        connection = connect()
        while not work.empty():
            try:
                numbers = work.get_nowait()
            except queue.Empty:
                break
            start = time.perf_counter()
            connection.execute(begin)
            for number in numbers:
                row = (SCOPE.account, SCOPE.region, number * 7919 % ROWS)
                count = connection.execute(find, row).fetchone()[0]
                connection.execute(change, (count + 1, *row))
            connection.execute("COMMIT")
            waits.append((time.perf_counter() - start) * 1000)
        connection.close()

    workers = [threading.Thread(target=run) for _ in range(threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    return waits


def fill(storage: Storage) -> None:
    metadata.create_all(storage.engine)
    rows = [
        {"account": SCOPE.account, "region": SCOPE.region, "id": n, "status": "x", "count": 0}
        for n in range(ROWS)
    ]
    with storage.engine.connect() as connection:
        connection.exec_driver_sql("BEGIN")
        connection.execute(things.insert(), rows)
        connection.exec_driver_sql("COMMIT")


def measured(name: str, run: Callable[[], list[float]]) -> tuple[str, float, float, float, float]:
    gc.collect()
    before, start = resource.getrusage(resource.RUSAGE_SELF), time.perf_counter()
    waits = sorted(run())
    took = time.perf_counter() - start
    after = resource.getrusage(resource.RUSAGE_SELF)
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    rate = FUNCTIONS / took
    return (
        name,
        rate,
        used / FUNCTIONS * 1e6,
        waits[len(waits) // 2],
        waits[int(len(waits) * 0.99)],
    )


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        cluster = Cluster(durable=True)
        cluster.say("CREATE DATABASE bench")
        storages = {}
        for engine, url in (
            ("sqlite", f"sqlite:///{folder}/bench.db"),
            ("postgresql", cluster.url("bench")),
        ):
            storage = House(url, SystemClock()).storage
            migrate(storage.engine, FOUNDATION)
            fill(storage)
            storages[engine] = storage

        def lite() -> sqlite3.Connection:
            connection = sqlite3.connect(f"{folder}/bench.db", isolation_level=None)
            connection.execute("PRAGMA synchronous=FULL")
            return connection

        def post() -> psycopg.Connection[Any]:
            return psycopg.connect(
                host=str(cluster.folder), user="ostler", dbname="bench", autocommit=True
            )

        cases: list[tuple[str, Callable[[], list[float]]]] = []
        for engine, storage in storages.items():
            cases += [
                (f"{engine}: write", lambda s=storage: asyncio.run(with_storage(s))),
                (f"{engine}: read", lambda s=storage: asyncio.run(with_storage(s, reading=True))),
            ]
        cases += [
            ("sqlite3, 1 a commit", lambda: bare(lite, "?", "BEGIN IMMEDIATE", 1, 1)),
            ("sqlite3, 200 a commit", lambda: bare(lite, "?", "BEGIN IMMEDIATE", 1, 200)),
            ("psycopg, 1 a commit, 8 threads", lambda: bare(post, "%s", "BEGIN", 8, 1)),
            ("psycopg, 50 a commit, 1 thread", lambda: bare(post, "%s", "BEGIN", 1, 50)),
        ]
        only = sys.argv[1] if len(sys.argv) > 1 else ""
        results: dict[str, list[tuple[str, float, float, float, float]]] = {}
        for _ in range(ROUNDS):
            for name, run in cases:
                if only in name:
                    results.setdefault(name, []).append(measured(name, run))
        print(f"{'':34}{'functions/s':>12}{'CPU µs':>8}{'p50 ms':>8}{'p99 ms':>8}")
        for name, several in results.items():
            middle = [statistics.median(column) for column in list(zip(*several, strict=True))[1:]]
            print(f"{name:34}{middle[0]:12,.0f}{middle[1]:8.0f}{middle[2]:8.1f}{middle[3]:8.1f}")
        for storage in storages.values():
            storage.close()
        cluster.remove()


if __name__ == "__main__":
    main()
