"""Timers: what must happen later, kept in the database until it has happened."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import structlog
from alembic.operations import Operations
from sqlalchemy import (
    Column,
    Index,
    Integer,
    MetaData,
    String,
    Text,
    delete,
    or_,
    select,
    tuple_,
    update,
)

from ostler.foundation.clock import Clock
from ostler.foundation.ids import AccountId, Ids, Region
from ostler.foundation.storage import (
    Instant,
    Json,
    Later,
    Migration,
    Scope,
    Storage,
    Transaction,
    scoped_columns,
    scoped_table,
)

LEASE = timedelta(seconds=60)
_RENEWAL = LEASE / 3
_ATTEMPTS = 12
_LONGEST_PAUSE = timedelta(minutes=5)
_AT_ONCE = 64
_POLL = timedelta(seconds=1)

_log = structlog.get_logger(__name__)

metadata = MetaData()
timers = scoped_table(
    "timers",
    metadata,
    Column("kind", String(128), primary_key=True),
    Column("key", String(512), primary_key=True),
    Column("due_at", Instant, nullable=False),
    Column("payload", Json),
    Column("attempt", Integer, nullable=False),
    Column("lease", String(64)),
    Column("lease_until", Instant),
    Column("signalled", Integer, nullable=False),
    Column("dead_at", Instant),
    Column("fault", Text),
)
Index("timers_due", timers.c.due_at)


class LeaseLost(Exception):
    """The timer was given to somebody else, or called off, while this handler was at work."""


@dataclass(frozen=True, slots=True)
class Due:
    """A timer whose time has come, leased to the handler that gets it.

    The scope of a timer that belongs to no account has an empty account and region.
    `attempt` counts from 1.
    """

    scope: Scope
    kind: str
    key: str
    due_at: datetime
    payload: Mapping[str, Any]
    attempt: int
    lease: str


Handler = Callable[[Due], Awaitable[None]]


class Schedule:
    """Writes timers down: what `tx.schedule`, `tx.unschedule` and `tx.finish` do."""

    def __init__(self) -> None:
        self._listeners: list[Callable[[datetime], None]] = []

    def listen(self, nudge: Callable[[datetime], None]) -> None:
        """Have `nudge` called, in the event loop, with every instant that was scheduled."""
        self._listeners.append(nudge)

    def schedule(self, tx: Transaction, work: Sequence[Later]) -> None:
        # A lease stays with its handler: two at once would undo each other. The signal makes
        # the timer due again as soon as that handler has finished.
        rows = [
            {
                **_whose(tx, later.scope),
                "kind": later.kind,
                "key": later.key,
                "due_at": later.due_at,
                "payload": later.payload,
                "attempt": 0,
                "signalled": 1,
                "dead_at": None,
                "fault": None,
            }
            for later in work
        ]
        if rows:
            tx.upsert(timers, rows, key=("kind", "key"))
            soonest = min(later.due_at for later in work)
            tx.after_commit(lambda: self._nudge(soonest))

    def unschedule(self, tx: Transaction, scope: Scope, kind: str, key: str) -> None:
        tx.execute(delete(timers).where(*_is(scope, kind, key)))

    def finish(self, tx: Transaction, due: Due) -> None:
        ours = (*_is(due.scope, due.kind, due.key), timers.c.lease == due.lease)
        if tx.execute(delete(timers).where(*ours, timers.c.signalled == 0)).rowcount:
            return
        if not tx.execute(update(timers).where(*ours).values(_RELEASED)).rowcount:
            raise LeaseLost(f"{due.kind} {due.key} of {due.scope}")
        tx.after_commit(lambda: self._nudge(due.due_at))

    def _nudge(self, due_at: datetime) -> None:
        for nudge in self._listeners:
            nudge(due_at)


class Timers:
    """Runs handlers when their timers are due."""

    def __init__(
        self,
        storage: Storage,
        clock: Clock,
        ids: Ids,
        schedule: Schedule,
        handlers: Mapping[str, Handler] | None = None,
    ) -> None:
        self._storage = storage
        self._clock = clock
        self._ids = ids
        self._handlers = dict(handlers or {})
        schedule.listen(self._nudge)

    def serve(self, handlers: Mapping[str, Handler]) -> None:
        """Run these, too."""
        if twice := handlers.keys() & self._handlers.keys():
            raise ValueError(f"two handlers of {', '.join(sorted(twice))}")
        self._handlers.update(handlers)

    async def run_due(self) -> int:
        """Run everything that is due now until nothing is; how much that was."""
        count = 0
        while due := await self._claim(_AT_ONCE):
            count += len(due)
            await asyncio.gather(*(self._handle(each) for each in due))
        return count

    async def run(self, handlers: Mapping[str, Handler] | None = None) -> None:
        """Run handlers when their timers are due, until cancelled."""
        self.serve(handlers or {})
        while True:
            await self.run_due()
            await self._clock.sleep(_POLL)

    async def _claim(self, most: int) -> Sequence[Due]:
        lease = self._ids.token(16)
        now = self._clock.now()
        kinds = list(self._handlers)

        def take(tx: Transaction) -> Sequence[Due]:
            free = or_(timers.c.lease.is_(None), timers.c.lease_until <= now)
            candidates = (
                select(*_KEY)
                .where(timers.c.due_at <= now, timers.c.dead_at.is_(None), free)
                .where(timers.c.kind.in_(kinds))
                .order_by(timers.c.due_at)
                .limit(most)
                .with_for_update(skip_locked=True)
            )
            taken = (
                update(timers)
                .where(tuple_(*_KEY).in_(candidates))
                .values(
                    lease=lease,
                    lease_until=now + LEASE,
                    attempt=timers.c.attempt + 1,
                    signalled=0,
                )
                .returning(timers)
            )
            rows = sorted(tx.all(taken), key=lambda row: (row.due_at, row.kind, row.key))
            return [_due(row) for row in rows]

        return await self._storage.claim(take) if kinds else ()

    async def _handle(self, due: Due) -> None:
        try:
            await self._handlers[due.kind](due)
            await self._storage.write(None, lambda tx: _release(tx, due))
        except LeaseLost:
            _log.info("timer_lease_lost", kind=due.kind, key=due.key)
        except Exception as fault:  # noqa: BLE001 - whatever it was, it is tried again later
            _log.exception("timer_failed", kind=due.kind, key=due.key, attempt=due.attempt)
            await self._put_off(due, fault)

    async def _put_off(self, due: Due, fault: BaseException) -> None:
        now = self._clock.now()
        pause = min(_LONGEST_PAUSE, timedelta(seconds=2 ** (due.attempt - 1)))
        dead = due.attempt >= _ATTEMPTS

        def release(tx: Transaction) -> None:
            ours = (*_is(due.scope, due.kind, due.key), timers.c.lease == due.lease)
            later = {
                "lease": None,
                "lease_until": None,
                "fault": repr(fault),
                "due_at": now + pause,
                "dead_at": now if dead else None,
            }
            tx.execute(update(timers).where(*ours).values(later))

        await self._storage.write(None, release)

    def _nudge(self, due_at: datetime) -> None:
        pass


_KEY = (timers.c.account, timers.c.region, timers.c.kind, timers.c.key)
_RELEASED = {"lease": None, "lease_until": None, "attempt": 0}


def _is(scope: Scope, kind: str, key: str) -> tuple[Any, ...]:
    return (
        timers.c.account == scope.account,
        timers.c.region == scope.region,
        timers.c.kind == kind,
        timers.c.key == key,
    )


def _whose(tx: Transaction, scope: Scope) -> dict[str, str]:
    return {"account": scope.account, "region": scope.region} if tx.scope is None else {}


def _release(tx: Transaction, due: Due) -> None:
    """What the loop does for a handler that returned without finishing its timer itself."""
    ours = (*_is(due.scope, due.kind, due.key), timers.c.lease == due.lease)
    if not tx.execute(delete(timers).where(*ours, timers.c.signalled == 0)).rowcount:
        tx.execute(update(timers).where(*ours).values(_RELEASED))


def _due(row: Any) -> Due:
    return Due(
        scope=Scope(AccountId(row.account), Region(row.region)),
        kind=row.kind,
        key=row.key,
        due_at=row.due_at,
        payload=row.payload or {},
        attempt=row.attempt,
        lease=row.lease,
    )


def _create(op: Operations) -> None:
    op.create_table(
        "timers",
        *scoped_columns(),
        Column("kind", String(128), primary_key=True),
        Column("key", String(512), primary_key=True),
        Column("due_at", Instant, nullable=False),
        Column("payload", Json),
        Column("attempt", Integer, nullable=False),
        Column("lease", String(64)),
        Column("lease_until", Instant),
        Column("signalled", Integer, nullable=False),
        Column("dead_at", Instant),
        Column("fault", Text),
    )
    op.create_index("timers_due", "timers", ["due_at"])


MIGRATIONS = (Migration("timers", 1, "create the timers", _create),)
