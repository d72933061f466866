"""Crashes: what was acknowledged is there afterwards, and what was begun is done once."""

import random
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select, update

from ostler.foundation.clock import SystemClock
from ostler.foundation.ids import SystemIds
from ostler.foundation.storage import Transaction
from ostler.foundation.storage.migrations import migrate
from ostler.foundation.timers import Due, Timers, timers
from tests.support.databases import FOUNDATION, House, fresh_database
from tests.support.mortal import SCOPE, count, deeds, metadata
from tests.support.postgresql import Cluster

ROOT = Path(__file__).parents[2]


@pytest.fixture
def house(engine: str) -> Iterator[House]:
    with fresh_database(engine) as url:
        house = House(url, SystemClock())
        metadata.create_all(house.storage.engine)
        yield house
        house.storage.close()


@pytest.mark.parametrize("engine", ["sqlite"])
async def test_what_was_acknowledged_outlives_the_process(house: House) -> None:
    acknowledged: set[str] = set()

    for life in ("first", "second"):
        with started("write", house.url, life) as process:
            acknowledged |= lines_until(process, random.randint(30, 300))
            process.kill()
            acknowledged |= rest_of(process)
        assert acknowledged <= await done(house)

    with house.storage.engine.connect() as connection:
        assert "ok" == connection.exec_driver_sql("PRAGMA integrity_check").scalar()


async def test_what_was_acknowledged_outlives_the_database_server() -> None:
    cluster = Cluster(durable=True)
    cluster.say("CREATE DATABASE crashing")
    house = House(cluster.url("crashing"), SystemClock())
    migrate(house.storage.engine, FOUNDATION)
    metadata.create_all(house.storage.engine)

    with started("write", house.url, "only") as process:
        acknowledged = lines_until(process, 100)
        cluster.crash()
        acknowledged |= rest_of(process)
    cluster.start()

    assert acknowledged <= await done(house)
    house.storage.close()
    cluster.remove()


async def test_work_that_was_interrupted_is_done_once(house: House) -> None:
    """Whichever moment its workers were killed in."""
    clock = SystemClock()
    names = {f"deed-{number}" for number in range(300)}

    def plan(tx: Transaction) -> None:
        for name in names:
            tx.schedule("work", name, clock.now())

    await house.storage.write(SCOPE, plan)
    with started("work", house.url, "only") as process:
        lines_until(process, random.randint(10, 100))
        process.kill()

    async def handler(due: Due) -> None:
        def deed(tx: Transaction) -> None:
            count(tx, due.key)
            tx.finish(due)

        await house.storage.write(due.scope, deed)

    later = LaterClock()
    rest = Timers(house.storage, later, SystemIds(), house.schedule, {"work": handler})
    if house.storage.dialect == "postgresql":
        await house.storage.write(None, run_leases_out)
    await rest.run_due()

    counts = await house.storage.read(None, counted)
    assert dict.fromkeys(names, 1) == counts


class LaterClock(SystemClock):
    """The time at which the leases of the dead have run out."""

    def now(self) -> datetime:
        return super().now() + timedelta(minutes=2)


@contextmanager
def started(kind: str, url: str, life: str) -> Iterator[subprocess.Popen[bytes]]:
    command = [sys.executable, "-m", "tests.support.mortal", kind, url, life]
    paths = {"PYTHONPATH": f"{ROOT / 'src'}:{ROOT}"}
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=paths, cwd=ROOT
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def lines_until(process: subprocess.Popen[bytes], many: int) -> set[str]:
    """So many lines of what the process says."""
    assert process.stdout is not None
    lines = [process.stdout.readline().decode().strip() for _ in range(many)]
    assert all(lines), "the process ended by itself"
    return set(lines)


def rest_of(process: subprocess.Popen[bytes]) -> set[str]:
    """What the process said before it died; a line that it did not end does not count."""
    assert process.stdout is not None
    return {line.decode().strip() for line in process.stdout if line.endswith(b"\n")}


async def done(house: House) -> set[str]:
    return set(await house.storage.read(None, counted))


def counted(tx: Transaction) -> dict[str, int]:
    return dict(tuple(row) for row in tx.all(select(deeds.c.name, deeds.c.count)))


def run_leases_out(tx: Transaction) -> None:
    """PostgreSQL's own clock decides there, and nobody can move it."""
    tx.execute(update(timers).values(lease_until=timers.c.lease_until - timedelta(minutes=2)))
