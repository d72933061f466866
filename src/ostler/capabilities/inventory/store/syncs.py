"""Resource data syncs as they are kept."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import delete, func, select, update

from ostler.capabilities.inventory.model.syncs import Destination, Direction, Sync, SyncStatus
from ostler.capabilities.inventory.store.tables import syncs
from ostler.foundation.paging import Page, PageRequest
from ostler.foundation.storage import Transaction

_LONGEST_MESSAGE = 1024


def find(tx: Transaction, name: str) -> Sync | None:
    """The sync of that name."""
    row = tx.one(select(syncs).where(syncs.c.name == name))
    return None if row is None else _sync(row)


def outward(tx: Transaction) -> Sequence[Sync]:
    """The syncs that write into buckets."""
    query = select(syncs).where(syncs.c.direction == Direction.OUT).order_by(syncs.c.name)
    return [_sync(row) for row in tx.all(query)]


def count(tx: Transaction, direction: Direction) -> int:
    """How many syncs of the direction there are."""
    counted = select(func.count()).select_from(syncs).where(syncs.c.direction == direction)
    return int(tx.scalar(counted))


def keep(tx: Transaction, sync: Sync) -> None:
    """Keep a sync, new or changed."""
    tx.upsert(
        syncs,
        {
            "name": sync.name,
            "direction": sync.direction,
            "destination": sync.destination,
            "source": sync.source,
            "created": sync.created,
            "modified": sync.modified,
            "status": sync.status,
            "message": sync.message,
            "tried": sync.tried,
            "succeeded": sync.succeeded,
        },
        key=["name"],
    )


def note(tx: Transaction, name: str, at: datetime, status: SyncStatus, message: str) -> None:
    """Note how a copy went."""
    values: dict[str, Any] = {
        "status": status,
        "message": message[:_LONGEST_MESSAGE],
        "tried": at,
    }
    if status is SyncStatus.SUCCESSFUL:
        values["succeeded"] = at
    tx.execute(update(syncs).where(syncs.c.name == name).values(**values))


def remove(tx: Transaction, name: str) -> None:
    """Forget a sync; what it copied stays where it is."""
    tx.execute(delete(syncs).where(syncs.c.name == name))


def page(tx: Transaction, asked: PageRequest, direction: Direction | None) -> Page[Sync]:
    """Syncs by name."""
    query = select(syncs).order_by(syncs.c.name).limit(asked.limit + 1)
    if direction is not None:
        query = query.where(syncs.c.direction == direction)
    if asked.after is not None:
        query = query.where(syncs.c.name > asked.after[0])
    found = [_sync(row) for row in tx.all(query)]
    return Page.cut(found, asked.limit, lambda each: (each.name,))


def _sync(row: Any) -> Sync:
    return Sync(
        name=row.name,
        direction=Direction(row.direction),
        created=row.created,
        modified=row.modified,
        destination=None
        if row.destination is None
        else msgspec.convert(row.destination, Destination),
        source=row.source,
        status=None if row.status is None else SyncStatus(row.status),
        message=row.message,
        tried=row.tried,
        succeeded=row.succeeded,
    )
