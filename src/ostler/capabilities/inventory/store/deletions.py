"""Deletions of custom types, and what they have left to do."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import and_, delete, func, or_, select, update

from ostler.capabilities.inventory.model.deletions import Deletion, Progress
from ostler.capabilities.inventory.store.tables import deletions, items
from ostler.foundation.paging import Page, PageRequest
from ostler.foundation.storage import Transaction


def counts(tx: Transaction, type_name: str) -> dict[str, int]:
    """How many nodes told of the type, by the version of its schema."""
    query = (
        select(items.c.version, func.count())
        .where(items.c.type_name == type_name)
        .group_by(items.c.version)
    )
    rows: Sequence[Any] = tx.all(query)
    return dict(sorted(tuple(row) for row in rows))


def telling(tx: Transaction, type_name: str, limit: int) -> list[str]:
    """Some nodes that told of the type."""
    query = select(items.c.node).where(items.c.type_name == type_name).limit(limit)
    return [row.node for row in tx.all(query)]


def begin(tx: Transaction, deletion: Deletion, token: str) -> None:
    """Keep a new deletion; `token` is the caller's word for it, or empty."""
    tx.insert_many(
        deletions,
        [
            {
                "id": deletion.id,
                "type_name": deletion.type_name,
                "token": token,
                "started": deletion.started,
                "updated": deletion.updated,
                "progress": deletion.progress,
                "total": deletion.total,
                "remaining": deletion.left,
            }
        ],
    )


def go_on(tx: Transaction, deletion: Deletion) -> None:
    """Keep how far the deletion is."""
    tx.execute(
        update(deletions)
        .where(deletions.c.id == deletion.id)
        .values(updated=deletion.updated, progress=deletion.progress, remaining=deletion.left)
    )


def find(tx: Transaction, deletion: str) -> Deletion | None:
    """A deletion, by its id."""
    row = tx.one(select(deletions).where(deletions.c.id == deletion))
    return None if row is None else _deletion(row)


def asked_as(tx: Transaction, token: str) -> Deletion | None:
    """The deletion that somebody asked for with this token."""
    row = tx.one(select(deletions).where(deletions.c.token == token))
    return None if row is None else _deletion(row)


def page(tx: Transaction, asked: PageRequest, deletion: str | None) -> Page[Deletion]:
    """Deletions, the newest first."""
    query = select(deletions).order_by(deletions.c.started.desc(), deletions.c.id.desc())
    if deletion is not None:
        query = query.where(deletions.c.id == deletion)
    if asked.after is not None:
        started, last = asked.after
        same = and_(deletions.c.started == started, deletions.c.id < last)
        query = query.where(or_(deletions.c.started < started, same))
    found = [_deletion(row) for row in tx.all(query.limit(asked.limit + 1))]
    return Page.cut(found, asked.limit, lambda each: (each.started, each.id))


def forget(tx: Transaction, before: datetime) -> int:
    """Drop the deletions that were complete by then."""
    done = (deletions.c.progress == Progress.COMPLETE, deletions.c.updated < before)
    return tx.execute(delete(deletions).where(*done)).rowcount


def _deletion(row: Any) -> Deletion:
    return Deletion(
        id=row.id,
        type_name=row.type_name,
        started=row.started,
        updated=row.updated,
        progress=Progress(row.progress),
        total=row.total,
        left=row.remaining,
    )
