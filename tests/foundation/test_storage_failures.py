"""Storage: what breaks fails one call, and works again when it is mended."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import Column, Integer, MetaData, String, event, func, insert, select, text, update
from sqlalchemy.exc import DBAPIError, OperationalError

from ostler.foundation.clock import ManualClock
from ostler.foundation.storage import Instant, Json, Scope, Storage, Transaction, scoped_table
from tests.support.databases import House, fresh_database
from tests.support.postgresql import cluster

on_sqlite = pytest.mark.parametrize("engine", ["sqlite"])
on_postgresql = pytest.mark.parametrize("engine", ["postgresql"])

metadata = MetaData()
things = scoped_table(
    "things",
    metadata,
    Column("id", String(20), primary_key=True),
    Column("size", Integer),
    Column("at", Instant),
    Column("notes", Json),
)


@pytest.fixture
def house(engine: str, clock: ManualClock) -> Iterator[House]:
    with fresh_database(engine) as url:
        house = House(url, clock)
        metadata.create_all(house.storage.engine)
        yield house
        house.storage.close()


def add(tx: Transaction, name: str, size: int = 0) -> str:
    tx.execute(insert(things).values(id=name, size=size))
    return name


def adding(name: str) -> Callable[[Transaction], str]:
    return lambda tx: add(tx, name)


def names(tx: Transaction) -> list[str]:
    return [row.id for row in tx.all(select(things).order_by(things.c.id))]


@on_sqlite
async def test_a_full_disk_fails_the_call_and_no_other(house: House, scope: Scope) -> None:
    storage = house.storage

    def pages(tx: Transaction, most: int) -> None:
        used = tx.scalar(text("PRAGMA page_count"))
        tx.execute(text(f"PRAGMA max_page_count={most or used + 3}"))

    def enlarge(tx: Transaction) -> None:
        tx.execute(insert(things).values(id="large", notes="x" * 1_000_000))

    await storage.write(None, lambda tx: pages(tx, 0))
    outcomes = await asyncio.gather(
        storage.write(scope, adding("small")),
        storage.write(scope, enlarge),
        storage.write(scope, adding("tiny")),
        return_exceptions=True,
    )

    assert ["str", "OperationalError", "str"] == [type(each).__name__ for each in outcomes]
    assert "full" in str(outcomes[1])
    await storage.write(None, lambda tx: pages(tx, 1_000_000))
    await storage.write(scope, enlarge)
    assert ["large", "small", "tiny"] == await storage.read(scope, names)


@on_postgresql
async def test_a_connection_that_broke_while_idle_goes_unnoticed(
    storage: Storage, scope: Scope
) -> None:
    await storage.write(scope, adding("one"))
    await storage.read(scope, names)

    cluster().say("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname ~ '^test'")

    assert ["one"] == await storage.read(scope, names)
    assert "two" == await storage.write(scope, adding("two"))


@on_postgresql
async def test_a_connection_that_breaks_in_a_function_has_it_run_again(
    storage: Storage, scope: Scope
) -> None:
    runs: list[int] = []

    def unlucky(tx: Transaction) -> None:
        add(tx, "one")
        runs.append(tx.scalar(select(func.pg_backend_pid())))
        if len(runs) == 1:
            cluster().say(f"SELECT pg_terminate_backend({runs[0]}, 5000)")
        add(tx, "two")

    await storage.write(scope, unlucky)

    assert 2 == len(runs)
    assert ["one", "two"] == await storage.read(scope, names)


@on_postgresql
async def test_a_database_that_went_away_is_used_again_when_it_is_back(
    storage: Storage, scope: Scope
) -> None:
    await storage.write(scope, adding("before"))

    with postgresql_stopped():
        calls = [storage.write(scope, adding("during")) for _ in range(5)]
        faults = await asyncio.gather(*calls, storage.read(scope, names), return_exceptions=True)
        assert all(isinstance(fault, DBAPIError) for fault in faults), faults

    await storage.write(scope, adding("later"))
    assert ["before", "later"] == await storage.read(scope, names)


@on_sqlite
async def test_a_database_file_that_is_locked_fails_the_call(house: House, scope: Scope) -> None:
    @event.listens_for(house.storage.engine, "connect")
    def hurry(connection: Any, _record: Any) -> None:
        connection.execute("PRAGMA busy_timeout=1")

    with house.storage.engine.connect() as blocker:
        blocker.exec_driver_sql("BEGIN IMMEDIATE")
        with pytest.raises(OperationalError, match="locked"):
            await house.storage.write(scope, adding("one"))
        blocker.exec_driver_sql("ROLLBACK")

    assert "one" == await house.storage.write(scope, adding("one"))


@contextmanager
def postgresql_stopped() -> Iterator[None]:
    cluster().stop()
    try:
        yield
    finally:
        cluster().start()


@on_postgresql
async def test_what_everybody_wants_to_change_everybody_changes_in_the_end(
    house: House, scope: Scope
) -> None:
    """Several servers, one row, a slow database: a fleet that registers with one activation."""
    await house.storage.write(scope, adding("counter"))
    servers = [house, *(House(house.url, ManualClock()) for _ in range(3))]

    def count(tx: Transaction) -> None:
        tx.execute(update(things).values(size=things.c.size + 1))
        tx.one(select(func.pg_sleep(0.03)))

    await asyncio.gather(*(each.storage.write(scope, count) for each in servers * 30))

    assert len(servers) * 30 == await house.storage.read(
        scope, lambda tx: tx.scalar(select(things.c.size))
    )
    for each in servers[1:]:
        each.storage.close()
