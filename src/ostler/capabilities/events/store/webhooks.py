"""Connections and API destinations as they are kept."""

from typing import Any

from sqlalchemy import Row, delete, func, select

from ostler.capabilities.events.model.webhooks import Connection, Destination, Way
from ostler.capabilities.events.store.tables import connections, destinations
from ostler.foundation.paging import Page, PageRequest
from ostler.foundation.secrets import Sealed
from ostler.foundation.storage import Transaction


def connection(tx: Transaction, name: str) -> Connection | None:
    """The connection; None when there is none."""
    row = tx.one(select(connections).where(connections.c.name == name))
    return None if row is None else _connection(row)


def write_connection(tx: Transaction, changed: Connection) -> None:
    """Keep a connection, new or changed."""
    tx.upsert(
        connections,
        {
            "name": changed.name,
            "id": changed.id,
            "way": changed.way.value,
            "sealed": changed.sealed.data,
            "description": changed.description,
            "created": changed.created,
            "modified": changed.modified,
        },
        key=["name"],
    )


def remove_connection(tx: Transaction, name: str) -> None:
    """Forget a connection."""
    tx.execute(delete(connections).where(connections.c.name == name))


def connection_page(tx: Transaction, prefix: str, asked: PageRequest) -> Page[Connection]:
    """The connections whose names begin so, by name."""
    query = select(connections).order_by(connections.c.name)
    if prefix:
        query = query.where(func.substr(connections.c.name, 1, len(prefix)) == prefix)
    if asked.after:
        query = query.where(connections.c.name > asked.after[0])
    found = [_connection(row) for row in tx.all(query.limit(asked.limit + 1))]
    return Page.cut(found, asked.limit, lambda one: (one.name,))


def destination(tx: Transaction, name: str) -> Destination | None:
    """The API destination; None when there is none."""
    row = tx.one(select(destinations).where(destinations.c.name == name))
    return None if row is None else _destination(row)


def write_destination(tx: Transaction, changed: Destination) -> None:
    """Keep an API destination, new or changed."""
    tx.upsert(destinations, {name: getattr(changed, name) for name in _DESTINATION}, key=["name"])


def remove_destination(tx: Transaction, name: str) -> None:
    """Forget an API destination."""
    tx.execute(delete(destinations).where(destinations.c.name == name))


def destination_page(
    tx: Transaction, prefix: str, asked: PageRequest, *, by: str | None = None
) -> Page[Destination]:
    """The API destinations whose names begin so, by name; of one connection if it is named."""
    query = select(destinations).order_by(destinations.c.name)
    if prefix:
        query = query.where(func.substr(destinations.c.name, 1, len(prefix)) == prefix)
    if by is not None:
        query = query.where(destinations.c.connection == by)
    if asked.after:
        query = query.where(destinations.c.name > asked.after[0])
    found = [_destination(row) for row in tx.all(query.limit(asked.limit + 1))]
    return Page.cut(found, asked.limit, lambda one: (one.name,))


_DESTINATION = (
    "name",
    "id",
    "connection",
    "endpoint",
    "method",
    "pace",
    "description",
    "created",
    "modified",
)


def _connection(row: Row[Any]) -> Connection:
    return Connection(
        name=row.name,
        id=row.id,
        way=Way(row.way),
        sealed=Sealed(row.sealed),
        created=row.created,
        modified=row.modified,
        description=row.description,
    )


def _destination(row: Row[Any]) -> Destination:
    return Destination(**{name: getattr(row, name) for name in _DESTINATION})
