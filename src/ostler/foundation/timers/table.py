"""The table of timers, and what `tx` does with it: schedule, call off, finish."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal

from alembic.operations import Operations
from sqlalchemy import (
    Column,
    Index,
    Integer,
    MetaData,
    String,
    Text,
    bindparam,
    delete,
    func,
    select,
    update,
)

from ostler.foundation.ids import AccountId, Region
from ostler.foundation.storage import (
    Instant,
    Json,
    Later,
    Migration,
    Scope,
    Transaction,
    scoped_columns,
    scoped_table,
)

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


@dataclass(slots=True, eq=False)
class Lease:
    """A handler's right to a timer: the text that only this claim of it has."""

    name: str
    over: bool = False

    def end(self) -> None:
        """The timer is finished, or somebody else's."""
        self.over = True


@dataclass(frozen=True, slots=True)
class Due:
    """A timer whose time has come, leased to the handler that gets it.

    The scope of a timer that belongs to no account has an empty account and region. `attempt`
    counts from 1, and again from 1 when the timer is scheduled anew.
    """

    scope: Scope
    kind: str
    key: str
    due_at: datetime
    payload: Mapping[str, Any]
    attempt: int
    lease: Lease = field(compare=False, repr=False)


Handler = Callable[[Due], Awaitable[None]]


class Schedule:
    """Writes timers down: what `tx.schedule`, `tx.unschedule` and `tx.finish` do."""

    def __init__(self) -> None:
        self._listeners: list[Callable[[datetime], None]] = []

    def listen(self, nudge: Callable[[datetime], None]) -> None:
        """Have `nudge` called, in the event loop, with instants for which there are new timers."""
        self._listeners.append(nudge)

    def schedule(self, tx: Transaction, work: Sequence[Later]) -> None:
        # A lease stays with its handler: two at once would undo each other. The signal makes
        # the timer due again as soon as that handler has finished.
        rows = [
            {
                **({} if tx.scope else _whose(later.scope)),
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
            self._announce(tx, min(later.due_at for later in work))

    def unschedule(self, tx: Transaction, scope: Scope, kind: str, key: str) -> None:
        tx.execute(_DROP, _named(scope, kind, key))

    def finish(self, tx: Transaction, due: Due) -> None:
        left = let_go(tx, due)
        if left == "lost":
            raise LeaseLost(f"{due.kind} {due.key} of {due.scope}")
        tx.after_commit(due.lease.end)
        if left == "signalled":
            self._announce(tx, due.due_at)

    def _announce(self, tx: Transaction, instant: datetime) -> None:
        for nudge in self._listeners:
            tx.after_commit(lambda nudge=nudge: nudge(instant))  # type: ignore[misc]


def let_go(tx: Transaction, due: Due) -> Literal["done", "signalled", "lost"]:
    """Delete the timer, or leave it free when it was signalled meanwhile."""
    ours = {**_named(due.scope, due.kind, due.key), "of_lease": due.lease.name}
    if tx.execute(_DONE, ours).rowcount:
        return "done"
    return "signalled" if tx.execute(_FREE, ours).rowcount else "lost"


def leased(due: Due) -> tuple[Any, ...]:
    """The conditions under which a timer is still the one that `due` was a lease of."""
    return (
        timers.c.account == due.scope.account,
        timers.c.region == due.scope.region,
        timers.c.kind == due.kind,
        timers.c.key == due.key,
        timers.c.lease == due.lease.name,
    )


# Statements that are made once cost a third of what making them for every timer does.
_OF: tuple[Any, ...] = (
    timers.c.account == bindparam("of_account"),
    timers.c.region == bindparam("of_region"),
    timers.c.kind == bindparam("of_kind"),
    timers.c.key == bindparam("of_key"),
)
_OURS = (*_OF, timers.c.lease == bindparam("of_lease"))
_DROP = delete(timers).where(*_OF)
_DONE = delete(timers).where(*_OURS, timers.c.signalled == 0)
_FREE = update(timers).where(*_OURS).values(lease=None, lease_until=None, attempt=0)


def _named(scope: Scope, kind: str, key: str) -> dict[str, str]:
    return {
        "of_account": scope.account,
        "of_region": scope.region,
        "of_kind": kind,
        "of_key": key,
    }


@dataclass(frozen=True, slots=True)
class Dead:
    """A timer that failed too often to be tried again; scheduling it anew revives it."""

    scope: Scope
    kind: str
    key: str
    payload: Mapping[str, Any]
    dead_at: datetime
    fault: str


def dead_letters(tx: Transaction, limit: int = 100) -> list[Dead]:
    """The timers that were given up, the latest first."""
    given_up = select(timers).where(timers.c.dead_at.is_not(None))
    return [
        Dead(_scope(row), row.kind, row.key, row.payload or {}, row.dead_at, row.fault)
        for row in tx.all(given_up.order_by(timers.c.dead_at.desc()).limit(limit))
    ]


@dataclass(frozen=True, slots=True)
class Waiting:
    """How much waits to be done that should be done already, and for how long."""

    due: int
    lag: timedelta
    events: int
    """Of these, those that bring an event to a listener."""
    events_lag: timedelta
    dead: int


def waiting(tx: Transaction, *, now: datetime) -> Waiting:
    """What nobody works on though it is due, and what was given up."""
    due = (timers.c.due_at <= now, timers.c.dead_at.is_(None), timers.c.lease.is_(None))
    counted = select(func.count().label("number"), func.min(timers.c.due_at).label("oldest"))
    every = tx.one(counted.where(*due))
    events = tx.one(counted.where(*due, timers.c.kind.startswith("event:")))
    dead = select(func.count()).select_from(timers).where(timers.c.dead_at.is_not(None))
    assert every is not None
    assert events is not None
    return Waiting(
        due=every.number,
        lag=now - (every.oldest or now),
        events=events.number,
        events_lag=now - (events.oldest or now),
        dead=tx.scalar(dead),
    )


def due_of(row: Any, lease: str) -> Due:
    """The row of a timer as its handler gets it, once it has that lease."""
    return Due(
        scope=_scope(row),
        kind=row.kind,
        key=row.key,
        due_at=row.due_at,
        payload=row.payload or {},
        attempt=row.attempt + 1,
        lease=Lease(lease),
    )


def _scope(row: Any) -> Scope:
    return Scope(AccountId(row.account), Region(row.region))


def _whose(scope: Scope) -> dict[str, str]:
    return {"account": scope.account, "region": scope.region}


def _create(op: Operations) -> None:
    # Rows change often and live briefly: room in each page keeps PostgreSQL's updates in place.
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
        postgresql_with={"fillfactor": 70, "autovacuum_vacuum_scale_factor": 0.02},
    )
    op.create_index("timers_due", "timers", ["due_at"])


MIGRATIONS = (Migration("timers", 1, "create the timers", _create),)
