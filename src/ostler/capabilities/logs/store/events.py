"""Events as they are kept, and forgotten."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, delete, select, tuple_

from ostler.capabilities.logs.model.logs import Event, Kept
from ostler.capabilities.logs.store import groups as group_store
from ostler.capabilities.logs.store.tables import events
from ostler.foundation.storage import Instant, Transaction

Place = tuple[datetime, int]
"""Where an event stands: its time, and its number among those of the same time."""

FORGOTTEN_AT_ONCE = 5_000


@dataclass(frozen=True, slots=True)
class Window:
    """Which times are asked for: from `since` on, and before `until`."""

    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Looked:
    """What fits of what was looked at, and where to go on; None at the end."""

    found: Sequence[Kept]
    last: Place | None


def add(
    tx: Transaction, group: int, stream: int, brought: Sequence[Event], ingested: datetime
) -> None:
    """Keep events."""
    tx.insert_many(
        events,
        [
            {
                "group_number": group,
                "stream_number": stream,
                "at": event.at,
                "ingested": ingested,
                "message": event.message,
            }
            for event in brought
        ],
    )


def of_stream(
    tx: Transaction,
    stream: int,
    window: Window,
    *,
    after: Place | None = None,
    before: Place | None = None,
    newest: bool,
    limit: int,
) -> list[Kept]:
    """Some events of a stream in the order of their times; the newest of them, or the oldest."""
    query = select(events).where(events.c.stream_number == stream, *_within(window))
    if after is not None:
        query = query.where(_place() > _bound(after))
    if before is not None:
        query = query.where(_place() < _bound(before))
    order = (
        (events.c.at.desc(), events.c.sequence.desc())
        if newest
        else (
            events.c.at,
            events.c.sequence,
        )
    )
    rows = tx.all(query.order_by(*order).limit(limit))
    found = [_kept(row, "") for row in rows]
    return found[::-1] if newest else found


def filtered(
    tx: Transaction,
    group: int,
    streams: Mapping[int, str] | None,
    window: Window,
    fits: Callable[[str], bool],
    *,
    after: Place | None,
    limit: int,
    most_looked_at: int,
    most_bytes: int,
) -> Looked:
    """Those of a group's events that fit, from the oldest on, out of some that are looked at.

    `streams` are the ones asked for, by their numbers; all where it is None.
    """
    query = select(events).where(events.c.group_number == group, *_within(window))
    if streams is not None:
        query = query.where(events.c.stream_number.in_(list(streams)))
    if after is not None:
        query = query.where(_place() > _bound(after))
    rows = tx.all(query.order_by(events.c.at, events.c.sequence).limit(most_looked_at))
    names = streams
    if names is None:
        names = group_store.names_of(tx, sorted({row.stream_number for row in rows}))
    found: list[Kept] = []
    size = 0
    for row in rows:
        name = names.get(row.stream_number)
        if name is not None and fits(row.message):
            if len(found) == limit or (found and size + len(row.message) > most_bytes):
                return Looked(found, (found[-1].at, found[-1].sequence))
            size += len(row.message)
            found.append(_kept(row, name))
    if len(rows) < most_looked_at:
        return Looked(found, None)
    return Looked(found, (rows[-1].at, rows[-1].sequence))


def forget(tx: Transaction, column: str, number: int, *, before: datetime | None = None) -> bool:
    """Forget some events of a group or a stream, all or the old ones; whether there are more."""
    conditions = [events.c[column] == number]
    if before is not None:
        conditions.append(events.c.at < before)
    some = select(events.c.sequence).where(*conditions).limit(FORGOTTEN_AT_ONCE)
    numbers = [row.sequence for row in tx.all(some)]
    if numbers:
        tx.execute(delete(events).where(and_(*conditions), events.c.sequence.in_(numbers)))
    return len(numbers) == FORGOTTEN_AT_ONCE


def _within(window: Window) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if window.since is not None:
        conditions.append(events.c.at >= window.since)
    if window.until is not None:
        conditions.append(events.c.at < window.until)
    return conditions


def _place() -> Any:
    return tuple_(events.c.at, events.c.sequence)


def _bound(place: Place) -> Any:
    return tuple_(*place, types=[Instant(), events.c.sequence.type])


def _kept(row: Any, stream: str) -> Kept:
    return Kept(row.sequence, stream, row.at, row.ingested, row.message)
