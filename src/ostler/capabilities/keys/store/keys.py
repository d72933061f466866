"""Keys, their materials, their aliases and their tags, as they are kept."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import delete, func, insert, select, update

from ostler.capabilities.keys.model.keys import Alias, Key, Name, Rotation, State
from ostler.capabilities.keys.store.tables import aliases, keys, materials, tags
from ostler.foundation.paging import Page, PageRequest
from ostler.foundation.secrets import Sealed
from ostler.foundation.storage import Scope, Transaction


def find(tx: Transaction, name: Name) -> Key | None:
    """The key of that name, with its aliases and tags."""
    id_ = name.id
    if name.alias:
        id_ = tx.scalar(select(aliases.c.key).where(aliases.c.name == name.alias)) or ""
    row = tx.one(select(keys).where(keys.c.id == id_))
    return None if row is None else _key(tx, name.scope, row)


def add(tx: Transaction, key: Key) -> None:
    """Keep a new key."""
    tx.execute(insert(keys), _members(key))


def change(tx: Transaction, key: Key) -> None:
    """Keep what became of a key."""
    members = _members(key)
    del members["id"], members["created"]
    tx.execute(update(keys).where(keys.c.id == key.id).values(**members))


def remove(tx: Transaction, id_: str) -> None:
    """Forget a key and all that belongs to it; nothing that it sealed opens any more."""
    tx.execute(delete(keys).where(keys.c.id == id_))
    for table in (materials, aliases, tags):
        tx.execute(delete(table).where(table.c.key == id_))


def listed(tx: Transaction, asked: PageRequest) -> Page[str]:
    """Some keys' ids, in order."""
    query = select(keys.c.id).order_by(keys.c.id).limit(asked.limit + 1)
    if asked.after is not None:
        query = query.where(keys.c.id > asked.after[0])
    return Page.cut([row.id for row in tx.all(query)], asked.limit, lambda each: (each,))


def keep_material(
    tx: Transaction, key: str, number: int, sealed: Sealed, *, on_demand: bool, at: Any
) -> None:
    """Keep what a key seals with from now on."""
    row = {"key": key, "number": number, "sealed": sealed.data}
    tx.execute(insert(materials), {**row, "on_demand": on_demand, "created": at})


def material(tx: Transaction, key: str, number: int) -> Sealed | None:
    """What a key sealed with at the time of that number."""
    found = tx.scalar(
        select(materials.c.sealed).where(materials.c.key == key, materials.c.number == number)
    )
    return None if found is None else Sealed(bytes(found))


def rotations(tx: Transaction, key: str, asked: PageRequest) -> Page[Rotation]:
    """When the key got other material than its first."""
    query = (
        select(materials.c.number, materials.c.created, materials.c.on_demand)
        .where(materials.c.key == key, materials.c.number > 1)
        .order_by(materials.c.number)
        .limit(asked.limit + 1)
    )
    if asked.after is not None:
        query = query.where(materials.c.number > asked.after[0])
    found = [Rotation(row.number, row.created, row.on_demand) for row in tx.all(query)]
    return Page.cut(found, asked.limit, lambda each: (each.number,))


def alias(tx: Transaction, name: str) -> Alias | None:
    """The alias of that name."""
    row = tx.one(select(aliases).where(aliases.c.name == name))
    return None if row is None else _alias(row)


def keep_alias(tx: Transaction, kept: Alias) -> None:
    """Keep an alias, new or given to another key."""
    members = {"key": kept.key, "created": kept.created, "updated": kept.updated}
    tx.upsert(aliases, {"name": kept.name, **members}, key=["name"])


def remove_alias(tx: Transaction, name: str) -> None:
    """Forget an alias."""
    tx.execute(delete(aliases).where(aliases.c.name == name))


def aliases_listed(tx: Transaction, key: str | None, asked: PageRequest) -> Page[Alias]:
    """Some aliases, of one key or of all, in order."""
    query = select(aliases).order_by(aliases.c.name).limit(asked.limit + 1)
    if key is not None:
        query = query.where(aliases.c.key == key)
    if asked.after is not None:
        query = query.where(aliases.c.name > asked.after[0])
    return Page.cut([_alias(row) for row in tx.all(query)], asked.limit, lambda each: (each.name,))


def put_tags(tx: Transaction, key: str, given: Mapping[str, str]) -> int:
    """Give the key these tags; how many it has then."""
    rows = [{"key": key, "tag": tag, "value": value} for tag, value in given.items()]
    tx.upsert(tags, rows, key=["key", "tag"])
    return int(tx.scalar(select(func.count()).select_from(tags).where(tags.c.key == key)))


def drop_tags(tx: Transaction, key: str, given: Sequence[str]) -> None:
    """Take these tags from the key."""
    tx.execute(delete(tags).where(tags.c.key == key, tags.c.tag.in_(given)))


def _key(tx: Transaction, scope: Scope, row: Any) -> Key:
    carried = tx.all(select(tags.c.tag, tags.c.value).where(tags.c.key == row.id))
    named = tx.all(select(aliases.c.name).where(aliases.c.key == row.id))
    return Key(
        id=row.id,
        scope=Scope(scope.account, scope.region),
        created=row.created,
        policy=row.policy,
        description=row.description,
        state=State(row.state),
        service=row.service,
        material=row.material,
        rotates=row.rotates,
        period=row.period,
        rotates_at=row.rotates_at,
        deleted_at=row.deleted_at,
        aliases=tuple(sorted(each.name for each in named)),
        tags=tuple(sorted((each.tag, each.value) for each in carried)),
    )


def _members(key: Key) -> dict[str, Any]:
    names = ("id", "created", "policy", "description", "state", "service", "material")
    more = ("rotates", "period", "rotates_at", "deleted_at")
    return {name: getattr(key, name) for name in (*names, *more)}


def _alias(row: Any) -> Alias:
    return Alias(row.name, row.key, row.created, row.updated)
