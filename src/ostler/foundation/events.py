"""Events: what happened, kept with the change that made it happen, and told to who listens."""

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec
from alembic.operations import Operations
from sqlalchemy import Column, Index, MetaData, String, Text, delete, func, insert, select

from ostler.foundation.clock import Clock
from ostler.foundation.ids import AccountId, Region
from ostler.foundation.storage import (
    Instant,
    Later,
    Migration,
    Scope,
    Storage,
    Transaction,
    numbered,
    scoped_columns,
    scoped_table,
)
from ostler.foundation.timers import Due, Handler

metadata = MetaData()
events = scoped_table(
    "events",
    metadata,
    numbered("sequence"),
    Column("kind", String(128), nullable=False),
    Column("at", Instant, nullable=False),
    Column("body", Text, nullable=False),
    keyed=False,
)
Index("events_at", events.c.at)


class Event(msgspec.Struct, frozen=True):
    """Something that happened; subclasses are named in the past tense."""


class Announcement(Event, frozen=True):
    """Something that happened, in the shape that EventBridge gives to all that happens."""

    source: str
    detail_type: str
    detail: dict[str, Any]
    resources: tuple[str, ...] = ()


Listener = Callable[[Scope, Any], Awaitable[None]]
"""A coroutine function of the scope and the event; it may be told the same thing twice."""


Wanted = Callable[[Transaction, Scope], bool]
"""Whether anybody wants to know what happens in a scope; asked in the transaction that tells it."""


@dataclass(frozen=True, slots=True)
class Told:
    """An event as it was written down: the body is its members, as JSON has them."""

    sequence: int
    scope: Scope
    kind: str
    at: datetime
    body: Mapping[str, Any]


class Bulletin:
    """Writes events down, and sees to it that each listener hears of them: `tx.tell`.

    `overheard` is told of what this process has told, at most once, in passing: to count it.
    """

    def __init__(
        self, clock: Clock, *, overheard: Callable[[Sequence[Event]], None] | None = None
    ) -> None:
        self._clock = clock
        self._overheard = overheard
        self._listeners: dict[type[Event], dict[str, Listener]] = {}
        self._wakened: dict[type[Event], dict[str, Wanted]] = {}

    def wake(self, event: type[Event], timer: str, wanted: Wanted) -> None:
        """Have the timer of this kind due in the scope of such an `event`, where that is wanted,
        for those who read with `since` what was told: much at once where much happens."""
        self._wakened.setdefault(event, {})[timer] = wanted

    def subscribe(self, event: type[Event], listener: Listener) -> None:
        """Tell `listener` of every `event` and of what is derived from it.

        What it has not heard yet is kept under its name: one that is renamed needs a migration.
        """
        timer = f"event:{_capability(listener)}.{listener.__qualname__}"
        self._listeners.setdefault(event, {})[timer] = listener

    def handlers(self, storage: Storage) -> dict[str, Handler]:
        """The timers' handlers that bring the events to their listeners."""
        listeners: dict[str, Listener] = {}
        for several in self._listeners.values():
            for timer, listener in several.items():
                if listeners.setdefault(timer, listener) != listener:
                    raise ValueError(f"two listeners are called {timer}")
        return {timer: _bringer(each) for timer, each in listeners.items()}

    def write(self, tx: Transaction, told: Sequence[tuple[Scope, Event]]) -> None:
        # The numbers are given out and committed by one transaction after the other, so that
        # whoever has read up to a number never misses a smaller one that is committed later.
        tx.alone("events")
        now = self._clock.now()
        rows = [
            {
                "account": scope.account,
                "region": scope.region,
                "kind": _kind(type(event)),
                "at": now,
                "body": msgspec.json.encode(event).decode(),
            }
            for scope, event in told
        ]
        numbering = insert(events).returning(events.c.sequence, sort_by_parameter_order=True)
        sequences = tx.execute(numbering, rows).scalars()
        tx.schedule_many(
            [
                Later(scope, timer, str(sequence), now, _payload(event))
                for (scope, event), sequence in zip(told, sequences, strict=True)
                for timer in _named_for(self._listeners, type(event))
            ]
        )
        self._wake_up(tx, told, now)

        if self._overheard is not None:
            overheard, what = self._overheard, [event for _, event in told]
            tx.after_commit(lambda: overheard(what))

    def _wake_up(self, tx: Transaction, told: Sequence[tuple[Scope, Event]], now: datetime) -> None:
        kinds: dict[Scope, set[type[Event]]] = {}
        for scope, event in told:
            kinds.setdefault(scope, set()).add(type(event))
        for scope in sorted(kinds, key=lambda each: (each.account, each.region)):
            sleeping = {
                timer: self._wakened[each][timer]
                for kind in kinds[scope]
                for each in kind.__mro__
                for timer in self._wakened.get(each, ())
            }
            for timer, wanted in sleeping.items():
                if wanted(tx, scope):
                    tx.schedule(timer, "", now, scope=scope)


def since(
    tx: Transaction, sequence: int, limit: int = 1000, *, kind: type[Event] | None = None
) -> list[Told]:
    """What was told after `sequence`, in order, in the transaction's scope; of one kind only."""
    later = select(events).where(events.c.sequence > sequence).order_by(events.c.sequence)
    if kind is not None:
        later = later.where(events.c.kind == _kind(kind))
    return [
        Told(
            row.sequence,
            Scope(AccountId(row.account), Region(row.region)),
            row.kind,
            row.at,
            msgspec.json.decode(row.body),
        )
        for row in tx.all(later.limit(limit))
    ]


def oldest(tx: Transaction) -> int:
    """The number of the first event that is kept in the transaction's scope."""
    return int(tx.scalar(select(func.coalesce(func.min(events.c.sequence), 0))))


def newest(tx: Transaction) -> int:
    """The number of the last event told in the transaction's scope."""
    return int(tx.scalar(select(func.coalesce(func.max(events.c.sequence), 0))))


def forget(tx: Transaction, before: datetime) -> int:
    """Drop what was told before that instant; how much that was."""
    return tx.execute(delete(events).where(events.c.at < before)).rowcount


def _named_for(timers: Mapping[type[Event], Iterable[str]], event: type[Event]) -> Sequence[str]:
    """The timers of an event's class and of those that it is derived from."""
    return list(dict.fromkeys(timer for each in event.__mro__ for timer in timers.get(each, ())))


def _bringer(listener: Listener) -> Handler:
    async def bring(due: Due) -> None:
        event = _class_of(due.payload["kind"])
        await listener(due.scope, msgspec.convert(due.payload["event"], event))

    return bring


def _capability(thing: Any) -> str:
    """The capability that defines it, or else the package."""
    parts = str(thing.__module__).split(".")
    if "capabilities" in parts[:-1]:
        return parts[parts.index("capabilities") + 1]
    return parts[-2] if len(parts) > 1 else parts[-1]


def _kind(event: type[Event]) -> str:
    return f"{_capability(event)}.{event.__name__}"


def _class_of(kind: str) -> type[Event]:
    waiting: list[type[Event]] = [Event]
    while waiting:
        each = waiting.pop()
        if _kind(each) == kind:
            return each
        waiting += each.__subclasses__()
    raise LookupError(f"no event is called {kind}")


def _payload(event: Event) -> dict[str, Any]:
    return {"kind": _kind(type(event)), "event": msgspec.to_builtins(event)}


def _create(op: Operations) -> None:
    op.create_table(
        "events",
        *scoped_columns(keyed=False),
        numbered("sequence"),
        Column("kind", String(128), nullable=False),
        Column("at", Instant, nullable=False),
        Column("body", Text, nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_index("events_at", "events", ["at"])


MIGRATIONS = (Migration("events", 1, "create the events", _create),)
