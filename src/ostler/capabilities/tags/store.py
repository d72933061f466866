"""The table of tags: who carries which key with which value."""

from collections.abc import Mapping, Sequence

from sqlalchemy import Column, Index, MetaData, Select, String, delete, func, select

from ostler.foundation.storage import Transaction, scoped_table

metadata = MetaData()

Ids = Select[str]
"""A query of ids."""

carried = scoped_table(
    "tags_carried",
    metadata,
    Column("kind", String(64), primary_key=True),
    Column("id", String(2048), primary_key=True),
    Column("key", String(128), primary_key=True),
    Column("value", String(256), nullable=False),
)
Index("tags_carried_by_key", carried.c.account, carried.c.region, carried.c.kind, carried.c.key)


def of(tx: Transaction, kind: str, resource: str) -> dict[str, str]:
    """The tags of one resource, in the order of their keys."""
    found = tx.all(
        select(carried.c.key, carried.c.value).where(
            carried.c.kind == kind, carried.c.id == resource
        )
    )
    return {row.key: row.value for row in sorted(found, key=lambda row: row.key)}


def of_many(tx: Transaction, kind: str, resources: Sequence[str]) -> dict[str, dict[str, str]]:
    """The tags of some resources; those without any are left out."""
    found = tx.all(
        select(carried.c.id, carried.c.key, carried.c.value).where(
            carried.c.kind == kind, carried.c.id.in_(resources)
        )
    )
    many: dict[str, dict[str, str]] = {}
    for row in sorted(found, key=lambda row: row.key):
        many.setdefault(row.id, {})[row.key] = row.value
    return many


def write(tx: Transaction, kind: str, resource: str, tags: Mapping[str, str]) -> None:
    """Give the resource these tags; others that it carries stay."""
    tx.upsert(
        carried,
        [{"kind": kind, "id": resource, "key": key, "value": tags[key]} for key in sorted(tags)],
        key=["kind", "id", "key"],
    )


def remove(tx: Transaction, kind: str, resource: str, keys: Sequence[str]) -> None:
    """Take these keys from the resource, as far as it carries them."""
    tx.execute(
        delete(carried).where(
            carried.c.kind == kind, carried.c.id == resource, carried.c.key.in_(keys)
        )
    )


def drop(tx: Transaction, kind: str, resource: str) -> None:
    """Take all its tags from the resource."""
    tx.execute(delete(carried).where(carried.c.kind == kind, carried.c.id == resource))


def carriers(kind: str, keys: Sequence[str], values: Sequence[str] | None) -> Ids:
    """A query of the ids that carry one of the keys, with one of the values if any are named."""
    query = select(carried.c.id).where(carried.c.kind == kind, carried.c.key.in_(keys))
    return query if values is None else query.where(carried.c.value.in_(values))


def found(tx: Transaction, query: Ids) -> list[str]:
    """The ids of the query, in order."""
    return sorted({row.id for row in tx.all(query)})


def count(tx: Transaction, kind: str, resource: str) -> int:
    """How many tags the resource carries."""
    counted = tx.scalar(
        select(func.count())
        .select_from(carried)
        .where(carried.c.kind == kind, carried.c.id == resource)
    )
    return int(counted)
