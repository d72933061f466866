"""The loop of timers, on a storage without threads, so that the manual clock moves all there is."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta

import pytest

from ostler.foundation.clock import ManualClock
from ostler.foundation.ids import SequentialIds
from ostler.foundation.storage import Scope, Storage
from ostler.foundation.timers import LEASE, Due, Timers
from tests.support.databases import House, fresh_database

MINUTE = timedelta(minutes=1)


@pytest.fixture
def inline() -> Iterator[House]:
    with fresh_database("sqlite") as url:
        house = House(url, ManualClock(), inline=True)
        yield house
        house.storage.close()


async def test_the_loop_wakes_when_something_is_due_or_scheduled(
    inline: House, clock: ManualClock, scope: Scope, ids: SequentialIds
) -> None:
    ran: list[tuple[str, datetime]] = []

    async def handler(due: Due) -> None:
        ran.append((due.key, clock.now()))

    start = clock.now()
    await schedule(inline.storage, scope, "later", start + 30 * MINUTE)
    loop = Timers(inline.storage, clock, ids, inline.schedule, {"work": handler})
    async with running(loop):
        await clock.advance(MINUTE)
        await schedule(inline.storage, scope, "now", clock.now())
        await clock.advance(timedelta(0))
        await schedule(inline.storage, scope, "soon", start + 2 * MINUTE)
        await clock.advance(60 * MINUTE)

    minutes = [(key, (at - start) / MINUTE) for key, at in ran]
    assert [("now", 1), ("soon", 2), ("later", 30)] == minutes


async def test_the_loop_keeps_the_lease_of_long_work(
    inline: House, clock: ManualClock, scope: Scope, ids: SequentialIds
) -> None:
    starts: list[int] = []

    async def handler(due: Due) -> None:
        starts.append(due.attempt)
        await clock.sleep(5 * LEASE)

    await schedule(inline.storage, scope, "long", clock.now())
    loops = [
        Timers(inline.storage, clock, ids, inline.schedule, {"work": handler}) for _ in range(2)
    ]
    async with running(loops[0]), running(loops[1]):
        await clock.advance(10 * LEASE)

    assert [1] == starts


async def test_a_stopped_loop_gives_its_work_back(
    inline: House, clock: ManualClock, scope: Scope, ids: SequentialIds
) -> None:
    attempts: list[int] = []

    async def handler(due: Due) -> None:
        attempts.append(due.attempt)
        await clock.sleep(MINUTE)

    await schedule(inline.storage, scope, "one", clock.now())
    for _ in range(2):
        async with running(Timers(inline.storage, clock, ids, inline.schedule, {"work": handler})):
            await clock.advance(timedelta(seconds=1))

    assert [1, 1] == attempts


async def test_a_lone_server_goes_on_at_once_where_it_was_killed(
    inline: House, clock: ManualClock, scope: Scope, ids: SequentialIds
) -> None:
    attempts: list[int] = []
    at_work = asyncio.Event()

    async def stuck(due: Due) -> None:
        at_work.set()
        await clock.sleep(MINUTE)

    async def quick(due: Due) -> None:
        attempts.append(due.attempt)

    await schedule(inline.storage, scope, "one", clock.now())
    killed = Timers(inline.storage, clock, ids, inline.schedule, {"work": stuck})
    dying = asyncio.create_task(killed.run_due())
    await at_work.wait()
    again = Timers(inline.storage, clock, ids, inline.schedule, {"work": quick})
    assert 0 == await again.run_due()

    await again.take_over()

    assert 1 == await again.run_due()
    assert [2] == attempts
    dying.cancel()


async def test_at_most_64_handlers_run_at_once(
    inline: House, clock: ManualClock, scope: Scope, ids: SequentialIds
) -> None:
    now, most, done = 0, 0, 0

    async def handler(due: Due) -> None:
        nonlocal now, most, done
        now += 1
        most = max(now, most)
        await clock.sleep(timedelta(seconds=1))
        now -= 1
        done += 1

    for number in range(150):
        await schedule(inline.storage, scope, str(number), clock.now())
    async with running(Timers(inline.storage, clock, ids, inline.schedule, {"work": handler})):
        await clock.advance(MINUTE)

    assert (64, 150) == (most, done)


async def schedule(storage: Storage, scope: Scope, key: str, due_at: datetime) -> None:
    await storage.write(scope, lambda tx: tx.schedule("work", key, due_at))


@asynccontextmanager
async def running(loop: Timers) -> AsyncIterator[None]:
    """A loop that runs as long as the block does."""
    task = asyncio.create_task(loop.run())
    yield
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
