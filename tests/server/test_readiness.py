"""Health and readiness: what the server says of itself to whoever asks."""

import json
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from ostler.capabilities.nodes.service.presence import RENEWAL
from ostler.foundation.clock import ManualClock
from ostler.server.compose import House, compose
from ostler.server.readiness import GOOD_FOR, LEAST_FREE
from ostler.server.settings import Settings
from tests.server.doors import get


@asynccontextmanager
async def running_house(data: Path, clock: ManualClock) -> AsyncIterator[House]:
    house = await compose(Settings(data=data), clock=clock)
    async with house.running():
        await clock.advance(timedelta(0))
        yield house


async def ask(house: House, path: str) -> tuple[int, Any]:
    answer = await get(house.front, path)
    return answer.status, json.loads(answer.body)


async def test_a_server_at_work_is_healthy_and_ready(tmp_path: Path, clock: ManualClock) -> None:
    async with running_house(tmp_path, clock) as house:
        assert (200, {"status": "ok", "region": "us-east-1"}) == await ask(house, "/health")
        assert (200, {"status": "ready"}) == await ask(house, "/ready")


async def test_a_server_without_its_workers_is_not_ready(tmp_path: Path) -> None:
    house = await compose(Settings(data=tmp_path), clock=ManualClock())

    status, told = await ask(house, "/ready")

    assert 503 == status
    assert "not ready" == told["status"]
    assert "worker timers: is not at work" in told["because"]
    house.storage.close()


async def test_a_server_without_its_database_is_not_ready_but_healthy(
    tmp_path: Path, clock: ManualClock
) -> None:
    async with running_house(tmp_path, clock) as house:
        house.storage.close()

        told = {"status": "not ready", "because": ["database: does not answer"]}
        assert (503, told) == await ask(house, "/ready")
        assert 200 == (await ask(house, "/health"))[0]


async def test_tables_that_lack_a_migration_are_noticed(tmp_path: Path, clock: ManualClock) -> None:
    """As when an older backup was put beneath a server that runs."""
    async with running_house(tmp_path, clock) as house:
        older = text("DELETE FROM migrations WHERE capability = 'tags'")
        await house.storage.write(None, lambda tx: tx.execute(older).rowcount)

        told = {"status": "not ready", "because": ["migrations: 1 are not done"]}
        assert (503, told) == await ask(house, "/ready")


async def test_asking_often_costs_one_question_to_the_database(
    tmp_path: Path, clock: ManualClock
) -> None:
    async with running_house(tmp_path, clock) as house:
        assert 200 == (await ask(house, "/ready"))[0]
        house.storage.close()

        assert 200 == (await ask(house, "/ready"))[0]
        await clock.advance(GOOD_FOR)
        assert 503 == (await ask(house, "/ready"))[0]


async def test_a_server_whose_disk_is_full_is_not_ready(
    tmp_path: Path, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with running_house(tmp_path, clock) as house:
        usage = shutil.disk_usage(tmp_path)
        monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=LEAST_FREE - 1))
        full = await ask(house, "/ready")
        monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=LEAST_FREE))
        freed = await ask(house, "/ready")

    told = {"status": "not ready", "because": ["disk: is full, or nearly"]}
    assert ((503, told), 200) == (full, freed[0])


async def test_a_server_whose_database_takes_no_changes_is_not_ready(
    tmp_path: Path, clock: ManualClock
) -> None:
    """So it is with a full disk beneath the database, which answers questions all the same."""
    stuck = text(
        "CREATE TRIGGER full BEFORE UPDATE ON nodes_servers "
        "BEGIN SELECT RAISE(ABORT, 'database or disk is full'); END"
    )
    async with running_house(tmp_path, clock) as house:
        await house.storage.write(None, lambda tx: tx.execute(stuck).rowcount)
        await clock.advance(RENEWAL)
        full = await eventually_said(house, clock, 503)
        freed = text("DROP TRIGGER full")
        await house.storage.write(None, lambda tx: tx.execute(freed).rowcount)
        await clock.advance(RENEWAL)
        ready = await eventually_said(house, clock, 200)

    told = {"status": "not ready", "because": ["database: takes no changes"]}
    assert (told, {"status": "ready"}) == (full, ready)


async def eventually_said(house: House, clock: ManualClock, wanted: int) -> Any:
    """What the server says once its pulse, which beats in a thread, has been felt."""
    for _ in range(200):
        status, told = await ask(house, "/ready")
        if status == wanted:
            return told
        await house.storage.write(None, lambda tx: None)
        await clock.advance(timedelta(0))
    raise AssertionError(f"never {wanted}")
