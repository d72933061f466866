"""Timers: what was scheduled happens, once its time has come, and whatever happens meanwhile."""

import asyncio
import itertools
from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from sqlalchemy import Column, Integer, MetaData, String, func, select, update

from ostler.foundation.clock import ManualClock
from ostler.foundation.ids import SequentialIds, SystemIds
from ostler.foundation.storage import Later, Scope, Storage, Transaction, scoped_table
from ostler.foundation.timers import (
    ATTEMPTS,
    LEASE,
    Due,
    Handler,
    LeaseLost,
    Timers,
    dead_letters,
    timers,
)
from tests.support.databases import House, create_tables

metadata = MetaData()
effects = scoped_table(
    "effects",
    metadata,
    Column("name", String(20), primary_key=True),
    Column("count", Integer, nullable=False),
)
MINUTE = timedelta(minutes=1)
Work = Callable[[Handler], Timers]


@pytest.fixture
def work(house: House, clock: ManualClock, ids: SequentialIds) -> Work:
    """The loop of a process with one handler, for timers of the kind `work`."""

    def start(handler: Handler) -> Timers:
        return Timers(house.storage, clock, ids, house.schedule, {"work": handler})

    return start


@pytest.fixture
def seen() -> list[Due]:
    return []


@pytest.fixture
def see(seen: list[Due]) -> Handler:
    async def note(due: Due) -> None:
        seen.append(due)

    return note


async def test_a_timer_runs_once_its_time_has_come(
    storage: Storage, scope: Scope, clock: ManualClock, work: Work, see: Handler, seen: list[Due]
) -> None:
    loop = work(see)
    await schedule(storage, scope, "one", clock.now() + MINUTE, {"size": 1})

    assert 0 == await loop.run_due()
    await clock.advance(MINUTE)
    assert 1 == await loop.run_due()
    assert 0 == await loop.run_due()

    [due] = seen
    assert (scope, "work", "one", {"size": 1}, 1) == (
        due.scope,
        due.kind,
        due.key,
        due.payload,
        due.attempt,
    )


async def test_timers_run_in_the_order_of_their_time(
    storage: Storage, scope: Scope, clock: ManualClock, work: Work, see: Handler, seen: list[Due]
) -> None:
    for minutes in (3, 1, 2):
        await schedule(storage, scope, str(minutes), clock.now() + minutes * MINUTE)
    await clock.advance(5 * MINUTE)

    await work(see).run_due()

    assert ["1", "2", "3"] == [due.key for due in seen]


async def test_scheduling_again_replaces(
    storage: Storage, scope: Scope, clock: ManualClock, work: Work, see: Handler, seen: list[Due]
) -> None:
    await schedule(storage, scope, "one", clock.now(), {"size": 1})
    await schedule(storage, scope, "one", clock.now() + MINUTE, {"size": 2})

    assert 0 == await work(see).run_due()
    await clock.advance(MINUTE)
    assert 1 == await work(see).run_due()
    assert [{"size": 2}] == [due.payload for due in seen]


async def test_what_is_called_off_does_not_happen(
    storage: Storage, scope: Scope, clock: ManualClock, work: Work, see: Handler
) -> None:
    await schedule(storage, scope, "one", clock.now())

    await storage.write(scope, lambda tx: tx.unschedule("work", "one"))

    assert 0 == await work(see).run_due()


async def test_each_scope_and_the_house_have_timers_of_their_own(
    storage: Storage,
    scope: Scope,
    other_scope: Scope,
    clock: ManualClock,
    work: Work,
    see: Handler,
    seen: list[Due],
) -> None:
    for each in (scope, other_scope, None):
        await schedule(storage, each, "one", clock.now())

    assert 3 == await work(see).run_due()
    assert {scope.account, other_scope.account, ""} == {due.scope.account for due in seen}


async def test_a_scope_schedules_nothing_for_another(
    storage: Storage, scope: Scope, other_scope: Scope, clock: ManualClock
) -> None:
    theirs = Later(other_scope, "work", "one", clock.now())

    with pytest.raises(ValueError, match="own"):
        await storage.write(scope, lambda tx: tx.schedule_many([theirs]))


async def test_a_kind_without_a_handler_waits_for_a_process_that_has_one(
    storage: Storage, scope: Scope, clock: ManualClock, work: Work, see: Handler
) -> None:
    await storage.write(scope, lambda tx: tx.schedule("unknown", "one", clock.now()))

    loop = work(see)
    assert 0 == await loop.run_due()
    loop.serve({"unknown": see})
    assert 1 == await loop.run_due()


async def test_a_handler_finishes_its_timer_with_its_effects(
    storage: Storage, scope: Scope, clock: ManualClock, work: Work
) -> None:
    await create_tables(storage, metadata)
    await schedule(storage, scope, "one", clock.now())

    async def handler(due: Due) -> None:
        await storage.write(due.scope, lambda tx: done(tx, due.key, due))

    loop = work(handler)

    assert 1 == await loop.run_due()
    assert 0 == await loop.run_due()
    assert {"one": 1} == await counted(storage)


async def test_a_handler_finishes_and_schedules_anew_in_one_transaction(
    storage: Storage, scope: Scope, clock: ManualClock, work: Work
) -> None:
    await schedule(storage, scope, "one", clock.now())

    async def handler(due: Due) -> None:
        def again(tx: Transaction) -> None:
            tx.finish(due)
            tx.schedule(due.kind, due.key, due.due_at + MINUTE)

        await storage.write(due.scope, again)

    loop = work(handler)

    assert 1 == await loop.run_due()
    await clock.advance(3 * MINUTE)
    assert 3 == await loop.run_due()


async def test_a_handler_may_simply_schedule_the_same_timer_anew(
    storage: Storage, scope: Scope, clock: ManualClock, work: Work
) -> None:
    await schedule(storage, scope, "one", clock.now())

    async def handler(due: Due) -> None:
        await schedule(storage, due.scope, due.key, due.due_at + MINUTE)

    loop = work(handler)

    assert 1 == await loop.run_due()
    await clock.advance(MINUTE)
    assert 1 == await loop.run_due()


async def test_a_signal_during_the_work_makes_it_due_at_once(
    storage: Storage, scope: Scope, clock: ManualClock, work: Work
) -> None:
    """And not before the handler that is at work has finished: it keeps its lease."""
    await create_tables(storage, metadata)
    await schedule(storage, scope, "one", clock.now(), {"round": 1})
    rounds: list[int] = []

    async def handler(due: Due) -> None:
        rounds.append(due.payload["round"])
        if len(rounds) == 1:
            await schedule(storage, scope, "one", clock.now(), {"round": 2})
            assert 0 == await other.run_due()
        await storage.write(due.scope, lambda tx: done(tx, due.key, due))

    loop, other = work(handler), work(handler)

    assert 2 == await loop.run_due()
    assert [1, 2] == rounds
    assert {"one": 2} == await counted(storage)


async def test_what_was_called_off_during_the_work_has_no_effect(
    storage: Storage, scope: Scope, clock: ManualClock, work: Work
) -> None:
    await create_tables(storage, metadata)
    await schedule(storage, scope, "one", clock.now())

    async def handler(due: Due) -> None:
        await storage.write(scope, lambda tx: tx.unschedule("work", "one"))
        await storage.write(due.scope, lambda tx: done(tx, due.key, due))

    assert 1 == await work(handler).run_due()
    assert {} == await counted(storage)


async def test_a_stalled_handler_is_fenced_off(
    storage: Storage, scope: Scope, clock: ManualClock, work: Work
) -> None:
    """Its lease runs out, another takes over, and the effects of the first are undone."""
    await create_tables(storage, metadata)
    await schedule(storage, scope, "one", clock.now())
    stalled, go_on = asyncio.Event(), asyncio.Event()
    lost: list[LeaseLost] = []

    async def slow(due: Due) -> None:
        stalled.set()
        await go_on.wait()
        try:
            await storage.write(due.scope, lambda tx: done(tx, "slow", due))
        except LeaseLost as fault:
            lost.append(fault)
            raise

    async def quick(due: Due) -> None:
        await storage.write(due.scope, lambda tx: done(tx, "quick", due))

    first = asyncio.create_task(work(slow).run_due())
    await stalled.wait()
    second = work(quick)
    assert 0 == await second.run_due()
    await run_leases_out(storage, clock)
    assert 1 == await second.run_due()
    go_on.set()
    await first

    assert 1 == len(lost)
    assert {"quick": 1} == await counted(storage)


async def test_the_same_process_is_fenced_off_from_its_own_older_attempt(
    storage: Storage, scope: Scope, clock: ManualClock, work: Work
) -> None:
    await schedule(storage, scope, "one", clock.now())
    attempts: list[Due] = []

    async def handler(due: Due) -> None:
        attempts.append(due)
        if len(attempts) == 1:
            await run_leases_out(storage, clock)
            await loop.run_due()
            with pytest.raises(LeaseLost):
                await storage.write(due.scope, lambda tx: tx.finish(due))

    loop = work(handler)
    await loop.run_due()

    assert [1, 2] == [due.attempt for due in attempts]


async def test_one_poisoned_timer_harms_no_other(
    storage: Storage, scope: Scope, clock: ManualClock, work: Work
) -> None:
    """It is tried again alone, after 1, 2, 4 … seconds, and given up after twelve attempts."""
    for key in ("one", "poison", "two"):
        await schedule(storage, scope, key, clock.now())
    done: list[str] = []
    tried_at: list[datetime] = []

    async def handler(due: Due) -> None:
        if due.key == "poison":
            tried_at.append(clock.now())
            raise ValueError("unhealthy")
        done.append(due.key)

    loop = work(handler)
    for _ in range(ATTEMPTS):
        with pytest.raises(ValueError):
            await loop.run_due()
        while not await due_now(storage, clock) and len(tried_at) < ATTEMPTS:
            await clock.advance(timedelta(seconds=1))
    await clock.advance(60 * MINUTE)
    assert 0 == await loop.run_due()

    pauses = [(later - at).total_seconds() for at, later in itertools.pairwise(tried_at)]
    assert ["one", "two"] == done
    assert [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300] == pauses
    assert (ATTEMPTS, 1) == (loop.failures, loop.deaths)
    [dead] = await storage.read(scope, dead_letters)
    assert ("poison", "ValueError('unhealthy')") == (dead.key, dead.fault)


async def test_scheduling_revives_the_dead(
    storage: Storage, scope: Scope, clock: ManualClock, work: Work, see: Handler, seen: list[Due]
) -> None:
    await schedule(storage, scope, "one", clock.now())
    await storage.write(
        None, lambda tx: tx.execute(update(timers).values(dead_at=clock.now(), attempt=12)).rowcount
    )
    assert 0 == await work(see).run_due()

    await schedule(storage, scope, "one", clock.now())

    assert 1 == await work(see).run_due()
    assert [1] == [due.attempt for due in seen]


async def test_a_signal_during_a_failure_starts_anew(
    storage: Storage, scope: Scope, clock: ManualClock, work: Work
) -> None:
    await schedule(storage, scope, "one", clock.now())
    attempts: list[int] = []

    async def handler(due: Due) -> None:
        attempts.append(due.attempt)
        if len(attempts) < 4:
            if len(attempts) == 3:
                await schedule(storage, scope, "one", clock.now())
            raise ValueError

    loop = work(handler)
    for _ in range(3):
        with pytest.raises(ValueError):
            await loop.run_due()
        await clock.advance(timedelta(seconds=2))
    await loop.run_due()

    assert [1, 2, 3, 1] == attempts


async def test_two_processes_share_the_work(
    house: House, storage: Storage, scope: Scope, clock: ManualClock, work: Work
) -> None:
    await create_tables(storage, metadata)
    names = [f"{n:03}" for n in range(200)]

    def add(tx: Transaction) -> None:
        for name in names:
            tx.schedule("work", name, clock.now())

    async def handler(due: Due) -> None:
        await storage.write(due.scope, lambda tx: done(tx, due.key, due))

    neighbour = House(house.url, clock)
    other = Timers(neighbour.storage, clock, SystemIds(), neighbour.schedule, {"work": handler})
    await storage.write(scope, add)
    shares = await asyncio.gather(work(handler).run_due(), other.run_due())
    neighbour.storage.close()

    assert len(names) == sum(shares)
    assert dict.fromkeys(names, 1) == await counted(storage)


async def schedule(
    storage: Storage,
    scope: Scope | None,
    key: str,
    due_at: datetime,
    payload: dict[str, int] | None = None,
) -> None:
    await storage.write(scope, lambda tx: tx.schedule("work", key, due_at, payload))


async def run_leases_out(storage: Storage, clock: ManualClock) -> None:
    """Let the time pass that a lease lasts; on PostgreSQL that is the database's own time."""
    if storage.dialect == "sqlite":
        await clock.advance(LEASE)
        return

    def expire(tx: Transaction) -> None:
        tx.execute(update(timers).values(lease_until=timers.c.lease_until - 2 * LEASE))

    await storage.write(None, expire)


async def due_now(storage: Storage, clock: ManualClock) -> bool:
    now = clock.now()
    soonest = select(func.count()).select_from(timers).where(timers.c.due_at <= now)
    return bool(await storage.read(None, lambda tx: tx.scalar(soonest)))


def count(tx: Transaction, name: str) -> None:
    tx.upsert(
        effects,
        {"name": name, "count": 1},
        key=["name"],
        update={"count": effects.c.count + 1},
    )


async def counted(storage: Storage) -> dict[str, int]:
    counts = select(effects.c.name, effects.c.count)
    return await storage.read(None, lambda tx: dict(tuple(row) for row in tx.all(counts)))


def done(tx: Transaction, name: str, due: Due) -> None:
    count(tx, name)
    tx.finish(due)
