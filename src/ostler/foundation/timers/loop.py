"""The loop that runs handlers when their timers are due."""

import asyncio
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import structlog
from sqlalchemy import BigInteger, case, cast, func, literal, or_, select, tuple_, update

from ostler.foundation.clock import Clock
from ostler.foundation.ids import Ids
from ostler.foundation.storage import Instant, Storage, Transaction
from ostler.foundation.timers.table import (
    Due,
    Handler,
    LeaseLost,
    Schedule,
    due_of,
    leased,
    let_go,
    timers,
)

LEASE = timedelta(seconds=6)
"""What a server that dies holds back from the others, at most so long.

A server that is merely slow for so long loses the work, too, and undoes its own part of it.
"""
ATTEMPTS = 12
_AT_ONCE = 64
_SHORTEST_PAUSE = timedelta(seconds=1)
_LONGEST_PAUSE = timedelta(minutes=5)
# How long another process's new timers may go unnoticed; one's own are noticed at once.
_POLL = {"sqlite": timedelta(minutes=1), "postgresql": timedelta(seconds=1)}

_KEY = (timers.c.account, timers.c.region, timers.c.kind, timers.c.key)

_log = structlog.get_logger(__name__)


class Timers:
    """Runs handlers when their timers are due, up to 64 at once."""

    def __init__(
        self,
        storage: Storage,
        clock: Clock,
        ids: Ids,
        schedule: Schedule,
        handlers: Mapping[str, Handler] | None = None,
        *,
        lease: timedelta = LEASE,
    ) -> None:
        self._storage = storage
        self._clock = clock
        self._ids = ids
        self._handlers: dict[str, Handler] = {}
        self._lease = lease
        self._running: dict[asyncio.Task[None], Due] = {}
        self._waits_until: datetime | None = None
        self._woken = asyncio.Event()
        self._renewing = False
        self._interrupted: list[str] = []
        self.failures = 0
        self.deaths = 0
        self.serve(handlers or {})
        schedule.listen(self._nudge)

    def serve(self, handlers: Mapping[str, Handler]) -> None:
        """Run these, too; timers without a handler wait for a process that has one."""
        if twice := handlers.keys() & self._handlers.keys():
            raise ValueError(f"two handlers of {', '.join(sorted(twice))}")
        self._handlers.update(handlers)

    async def take_over(self) -> None:
        """Free whatever is leased, for a server that knows it is alone: its former self died."""
        await self._storage.write(None, _free_all)

    async def run_due(self) -> int:
        """Run everything that is due now until nothing is; how much that was.

        What a handler raises counts as it does in `run`; the first such fault is raised here,
        too, once everything else has run.
        """
        count = 0
        faults: list[BaseException] = []
        while due := await self._claim(_AT_ONCE):
            count += len(due)
            outcomes = await asyncio.gather(*(self._handle(each) for each in due))
            faults += [fault for fault in outcomes if fault is not None]
        if faults:
            raise faults[0]
        return count

    async def run(self, handlers: Mapping[str, Handler] | None = None) -> None:
        """Run handlers when their timers are due, until cancelled."""
        self.serve(handlers or {})
        try:
            async with asyncio.TaskGroup() as group:
                while True:
                    await self._turn(group)
        finally:
            await self._give_back()

    async def _turn(self, group: asyncio.TaskGroup) -> None:
        """Start what is due, or wait until something may be."""
        self._woken.clear()
        self._waits_until = None
        room = _AT_ONCE - len(self._running)
        try:
            due = await self._claim(room) if room else []
            next_at = await self._storage.read(None, self._next) if len(due) < room else None
        except Exception:  # noqa: BLE001 - the database will be back
            _log.exception("timers_unreachable")
            await self._clock.sleep(_SHORTEST_PAUSE)
            return
        for each in due:
            task = group.create_task(self._run_one(each))
            self._running[task] = each
            task.add_done_callback(self._done)
        if due and not self._renewing:
            group.create_task(self._renew())
        if len(due) == room > 0:
            return
        now = self._clock.now()
        poll = now + _POLL[self._storage.dialect]
        self._waits_until = min(next_at or poll, poll)
        if self._waits_until > now or not room:
            await self._wait(self._waits_until)

    async def _wait(self, instant: datetime) -> None:
        waits = [
            asyncio.ensure_future(self._clock.sleep_until(instant)),
            asyncio.ensure_future(self._woken.wait()),
        ]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for each in waits:
                each.cancel()

    async def _run_one(self, due: Due) -> None:
        try:
            await self._handle(due)
        except asyncio.CancelledError:
            self._interrupted.append(due.lease.name)
            raise
        except Exception:  # noqa: BLE001 - its lease runs out, and then it is tried again
            _log.exception("timer_not_settled", kind=due.kind, key=due.key)

    def _done(self, task: asyncio.Task[None]) -> None:
        if len(self._running) == _AT_ONCE:
            self._woken.set()
        del self._running[task]

    def _nudge(self, instant: datetime) -> None:
        if self._waits_until is None or instant < self._waits_until:
            self._woken.set()

    async def _claim(self, most: int) -> list[Due]:
        lease = self._ids.token(16)
        now = self._clock.now()
        kinds = list(self._handlers)

        def take(tx: Transaction) -> list[Due]:
            today = lease_clock(tx, now)
            free = or_(timers.c.lease.is_(None), timers.c.lease_until <= today)
            candidates = (
                select(timers)
                .where(timers.c.due_at <= now, timers.c.dead_at.is_(None), free)
                .where(timers.c.kind.in_(kinds))
                .order_by(timers.c.due_at, timers.c.kind, timers.c.key)
                .limit(most)
                .with_for_update(skip_locked=True)
            )
            rows = tx.all(candidates)
            keys = [(row.account, row.region, row.kind, row.key) for row in rows]
            if keys:
                taken = {
                    "lease": lease,
                    "lease_until": lease_clock(tx, now, self._lease),
                    "attempt": timers.c.attempt + 1,
                    "signalled": 0,
                }
                tx.execute(update(timers).where(tuple_(*_KEY).in_(keys)).values(taken))
            return [due_of(row, lease) for row in rows]

        return await self._storage.claim(take) if kinds else []

    def _next(self, tx: Transaction) -> datetime | None:
        """When the next timer that nobody works on and we have a handler for will be due."""
        soonest = (
            select(timers.c.due_at)
            .where(timers.c.dead_at.is_(None), timers.c.lease.is_(None))
            .where(timers.c.kind.in_(list(self._handlers)))
            .order_by(timers.c.due_at)
            .limit(1)
        )
        instant: datetime | None = tx.scalar(soonest)
        return instant

    async def _handle(self, due: Due) -> Exception | None:
        """Run the handler of a timer, and settle the timer; what the handler raised."""
        try:
            await self._handlers[due.kind](due)
            if not due.lease.over:
                left = await self._storage.write(None, lambda tx: let_go(tx, due))
                if left == "signalled":
                    self._nudge(due.due_at)
        except LeaseLost:
            _log.info("timer_lease_lost", kind=due.kind, key=due.key)
        except Exception as fault:  # noqa: BLE001 - whatever it was, it is tried again later
            _log.exception("timer_failed", kind=due.kind, key=due.key, attempt=due.attempt)
            self.failures += 1
            await self._put_off(due, fault)
            return fault
        return None

    async def _put_off(self, due: Due, fault: Exception) -> None:
        """Free the timer for another attempt after a while, or give it up."""
        now = self._clock.now()
        pause = min(_LONGEST_PAUSE, _SHORTEST_PAUSE * 2 ** (due.attempt - 1))
        again_at = literal(now + pause, Instant())
        signalled = timers.c.signalled == 1
        soon = literal(now + _SHORTEST_PAUSE, Instant())
        dead = due.attempt >= ATTEMPTS
        # What was scheduled while the handler failed is another matter than what it failed at.
        later = {
            "lease": None,
            "lease_until": None,
            "fault": repr(fault),
            "due_at": case(
                (~signalled, again_at), (timers.c.due_at < soon, soon), else_=timers.c.due_at
            ),
            "dead_at": case((~signalled, literal(now if dead else None, Instant()))),
        }

        def release(tx: Transaction) -> bool:
            return tx.execute(update(timers).where(*leased(due)).values(later)).rowcount > 0

        freed = await self._storage.write(None, release)
        self._nudge(now)
        if freed and dead:
            self.deaths += 1
            _log.error("timer_given_up", kind=due.kind, key=due.key, fault=repr(fault))

    async def _renew(self) -> None:
        """Keep the leases of what is running, as long as anything is."""
        self._renewing = True
        try:
            while self._running:
                await self._clock.sleep(self._lease / 3)
                await self._prolong({due.lease.name for due in self._running.values()})
        finally:
            self._renewing = False

    async def _prolong(self, leases: set[str]) -> None:
        now = self._clock.now()

        def prolong(tx: Transaction) -> None:
            until = lease_clock(tx, now, self._lease)
            ours = update(timers).where(timers.c.lease.in_(leases))
            tx.execute(ours.values(lease_until=until))

        try:
            await self._storage.write(None, prolong)
        except Exception:  # noqa: BLE001 - the handlers are fenced; what is lost runs again
            _log.exception("leases_not_prolonged")

    async def _give_back(self) -> None:
        """Free what was interrupted, for the process that goes on with it."""
        free = {"lease": None, "lease_until": None, "attempt": timers.c.attempt - 1}
        theirs = update(timers).where(timers.c.lease.in_(self._interrupted)).values(free)
        if self._interrupted:
            await self._storage.write(None, lambda tx: tx.execute(theirs).rowcount)


def _free_all(tx: Transaction) -> None:
    free = {"lease": None, "lease_until": None}
    tx.execute(update(timers).where(timers.c.lease.is_not(None)).values(free))


def lease_clock(tx: Transaction, now: datetime, later: timedelta = timedelta(0)) -> Any:
    """The clock by which leases run out: the database's, where several servers share it."""
    if tx.dialect == "sqlite":
        return now + later
    microseconds = func.extract("epoch", func.clock_timestamp()) * 1_000_000
    return cast(microseconds, BigInteger) + later // timedelta(microseconds=1)
