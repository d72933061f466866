"""Groups and streams as they are kept."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    Column,
    ColumnElement,
    delete,
    func,
    insert,
    literal,
    select,
    true,
    tuple_,
    update,
)

from ostler.capabilities.logs.model.logs import Group, Stream
from ostler.capabilities.logs.store.tables import groups, streams
from ostler.foundation.paging import Page, PageRequest
from ostler.foundation.storage import Instant, Transaction

_LAST = "\U0010ffff"
_NEVER = datetime.fromtimestamp(0, UTC)


def find(tx: Transaction, name: str) -> Group | None:
    """The group of that name."""
    row = tx.one(select(groups).where(groups.c.name == name))
    return None if row is None else _group(row)


def numbered(tx: Transaction, number: int) -> Group | None:
    """The group of that number."""
    row = tx.one(select(groups).where(groups.c.number == number))
    return None if row is None else _group(row)


def add(tx: Transaction, name: str, created: datetime, tags: Mapping[str, str]) -> None:
    """Keep a new group."""
    tx.execute(insert(groups).values(name=name, created=created, tags=dict(tags)))


def remove(tx: Transaction, number: int) -> None:
    """Forget a group and its streams; their events are nobody's then."""
    tx.execute(delete(streams).where(streams.c.group_number == number))
    tx.execute(delete(groups).where(groups.c.number == number))


def retain(tx: Transaction, number: int, days: int | None) -> None:
    """Have a group keep events for so many days."""
    tx.execute(update(groups).where(groups.c.number == number).values(retention=days))


def tag(tx: Transaction, number: int, tags: Mapping[str, str]) -> None:
    """Give a group these tags, in place of those it has."""
    tx.execute(update(groups).where(groups.c.number == number).values(tags=dict(tags)))


def some(tx: Transaction, prefix: str, part: str, asked: PageRequest) -> Page[Group]:
    """Some groups whose name begins with `prefix` and has `part` in it, whatever its case."""
    query = select(groups).where(_begins(groups.c.name, prefix))
    if part:
        query = query.where(func.lower(groups.c.name).contains(part.lower(), autoescape=True))
    if asked.after is not None:
        query = query.where(groups.c.name > asked.after[0])
    rows = tx.all(query.order_by(groups.c.name).limit(asked.limit + 1))
    return Page.cut([_group(row) for row in rows], asked.limit, lambda each: (each.name,))


def find_stream(tx: Transaction, group: int, name: str) -> Stream | None:
    """The stream of that name in the group."""
    row = tx.one(select(streams).where(streams.c.group_number == group, streams.c.name == name))
    return None if row is None else _stream(row)


def add_stream(tx: Transaction, group: int, name: str, created: datetime) -> None:
    """Keep a new stream."""
    tx.execute(insert(streams).values(group_number=group, name=name, created=created))


def remove_stream(tx: Transaction, number: int) -> None:
    """Forget a stream; its events are nobody's then."""
    tx.execute(delete(streams).where(streams.c.number == number))


def extended(
    tx: Transaction, stream: Stream, first: datetime, last: datetime, at: datetime
) -> None:
    """Note that a stream has events from then to then."""
    tx.execute(
        update(streams)
        .where(streams.c.number == stream.number)
        .values(
            first_event=min(first, stream.first_event or first),
            last_event=max(last, stream.last_event or last),
            last_ingestion=at,
        )
    )


def some_streams(
    tx: Transaction,
    group: int,
    *,
    prefix: str,
    by_time: bool,
    descending: bool,
    asked: PageRequest,
) -> Page[Stream]:
    """Some streams of a group, by their names or by their last events."""
    query = select(streams).where(streams.c.group_number == group, _begins(streams.c.name, prefix))
    last_event = func.coalesce(streams.c.last_event, literal(_NEVER, Instant()))
    order: Sequence[Any] = (last_event, streams.c.name) if by_time else (streams.c.name,)
    if asked.after is not None:
        kinds = [each.type for each in order]
        here, there = tuple_(*order), tuple_(*asked.after, types=kinds)
        query = query.where(here < there if descending else here > there)
    query = query.order_by(*(each.desc() if descending else each for each in order))
    rows = tx.all(query.add_columns(last_event.label("turn")).limit(asked.limit + 1))
    turns = {row.number: row.turn for row in rows}

    def key(stream: Stream) -> tuple[Any, ...]:
        return (turns[stream.number], stream.name) if by_time else (stream.name,)

    return Page.cut([_stream(row) for row in rows], asked.limit, key)


def named(tx: Transaction, group: int, names: Sequence[str], prefix: str) -> Mapping[int, str]:
    """The streams of these names, or with this beginning, by their numbers."""
    query = select(streams.c.number, streams.c.name).where(streams.c.group_number == group)
    query = (
        query.where(streams.c.name.in_(names))
        if names
        else query.where(_begins(streams.c.name, prefix))
    )
    return {row.number: row.name for row in tx.all(query)}


def names_of(tx: Transaction, numbers: Sequence[int]) -> Mapping[int, str]:
    """The names of streams."""
    query = select(streams.c.number, streams.c.name).where(streams.c.number.in_(numbers))
    return {row.number: row.name for row in tx.all(query)}


def _begins(column: Column[str], prefix: str) -> ColumnElement[bool]:
    """LIKE differs between the engines in what it does with case."""
    return (column >= prefix) & (column <= prefix + _LAST) if prefix else true()


def _group(row: Any) -> Group:
    return Group(row.number, row.name, row.created, row.retention, row.tags)


def _stream(row: Any) -> Stream:
    return Stream(
        row.number,
        row.group_number,
        row.name,
        row.created,
        row.first_event,
        row.last_event,
        row.last_ingestion,
    )
