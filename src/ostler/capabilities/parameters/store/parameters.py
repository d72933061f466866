"""Parameters as they are kept: their newest versions, the older ones, and the labels."""

from collections.abc import Sequence
from typing import Any

import msgspec
from sqlalchemy import BindParameter, and_, bindparam, delete, func, insert, select, update

from ostler.capabilities.parameters.model.kinds import Kind, Tier
from ostler.capabilities.parameters.model.names import key_of, parent_of
from ostler.capabilities.parameters.model.parameters import Limits, Reading, Terms, Version
from ostler.capabilities.parameters.model.policies import Policy
from ostler.capabilities.parameters.store.tables import heads, labels, versions
from ostler.foundation.paging import Page, PageRequest
from ostler.foundation.secrets import Sealed
from ostler.foundation.storage import Transaction

READING = [
    versions.c[name]
    for name in ("key", "name", "version", "kind", "data_type", "key_id", "modified")
] + [versions.c.value, versions.c.sealed]
METADATA = [column for column in versions.c if column.name not in ("value", "sealed")]

_key: BindParameter[str] = bindparam("key")
_OF_KEY = select(*READING).where(versions.c.key == _key)
# Made once: these are the reads that applications wait for.
_NEWEST = _OF_KEY.order_by(versions.c.version.desc()).limit(1)
_NUMBERED = _OF_KEY.where(versions.c.version == bindparam("version"))
_LABELLED = _OF_KEY.join(
    labels, and_(labels.c.key == versions.c.key, labels.c.version == versions.c.version)
).where(labels.c.label == bindparam("label"))
_NEWEST_OF_SEVERAL = (
    select(*READING)
    .join(heads, and_(heads.c.key == versions.c.key, heads.c.version == versions.c.version))
    .where(heads.c.key.in_(bindparam("keys", expanding=True)))
)
_NEWEST_METADATA = (
    select(*METADATA).where(versions.c.key == _key).order_by(versions.c.version.desc()).limit(1)
)

_ANOTHER = insert(versions)


def read(tx: Transaction, key: str, selector: str = "") -> Reading | None:
    """The newest version; the one of a number or of a label, if there is a selector."""
    if not selector:
        row = tx.one(_NEWEST, {"key": key})
    elif selector.isdigit():
        number = int(selector)
        row = tx.one(_NUMBERED, {"key": key, "version": number}) if number < 2**63 else None
    else:
        row = tx.one(_LABELLED, {"key": key, "label": selector})
    return None if row is None else reading(row)


def read_newest(tx: Transaction, keys: Sequence[str]) -> dict[str, Reading]:
    """The newest versions of those of the parameters that there are."""
    found = tx.all(_NEWEST_OF_SEVERAL, {"keys": list(keys)})
    return {row.key: reading(row) for row in found}


def newest(tx: Transaction, key: str) -> Version | None:
    """What the newest version says, without its value."""
    row = tx.one(_NEWEST_METADATA, {"key": key})
    return None if row is None else version(row)


def find(tx: Transaction, key: str, number: int) -> Version | None:
    """What a version says, without its value."""
    row = tx.one(
        select(*METADATA).where(versions.c.key == key, versions.c.version == min(number, 2**63 - 1))
    )
    return None if row is None else version(row)


def exists(tx: Transaction, name: str) -> bool:
    """Whether there is such a parameter, by its name or its key, whatever that may be."""
    if "\0" in name:
        return False  # PostgreSQL does not even compare it
    return tx.scalar(select(heads.c.key).where(heads.c.key == key_of(name))) is not None


def full_tiers(tx: Transaction, limits: Limits) -> list[Tier]:
    """The tiers that take no more parameters."""
    tiers = (Tier.STANDARD, Tier.ADVANCED)
    return [tier for tier in tiers if _is_full(tx, tier, limits.count(tier))]


def write(tx: Transaction, written: Version) -> None:
    """Keep a new version, which is the newest from now on."""
    terms = written.terms
    tx.upsert(
        heads,
        {
            "key": written.key,
            "parent": parent_of(written.key),
            "version": written.number,
            "tier": terms.tier,
        },
        key=["key"],
        update=["version", "tier"],
    )
    value, sealed = _kept(written.value)
    tx.execute(
        _ANOTHER,
        {
            "key": written.key,
            "version": written.number,
            "name": terms.name,
            "kind": terms.kind,
            "tier": terms.tier,
            "data_type": terms.data_type,
            "value": value,
            "sealed": sealed,
            "key_id": terms.key_id,
            "description": terms.description,
            "pattern": terms.pattern,
            "policies": terms.policies,
            "modified": written.modified,
            "author": written.author,
        },
    )


def trim(tx: Transaction, key: str, up_to: int) -> int | None:
    """Forget the versions up to that one; or, if any is labelled, nothing and the first such."""
    labelled: int | None = tx.scalar(
        select(func.min(labels.c.version)).where(labels.c.key == key, labels.c.version <= up_to)
    )
    if labelled is None:
        tx.execute(delete(versions).where(versions.c.key == key, versions.c.version <= up_to))
    return labelled


def change_policies(tx: Transaction, key: str, number: int, policies: Sequence[Policy]) -> None:
    """Remember what became of a version's policies."""
    tx.execute(
        update(versions)
        .where(versions.c.key == key, versions.c.version == number)
        .values(policies=list(policies))
    )


def remove(tx: Transaction, key: str) -> bool:
    """Forget the parameter and all its versions; whether there was one."""
    if not tx.execute(delete(heads).where(heads.c.key == key)).rowcount:
        return False
    tx.execute(delete(versions).where(versions.c.key == key))
    tx.execute(delete(labels).where(labels.c.key == key))
    return True


def history(tx: Transaction, key: str, asked: PageRequest) -> Page[Version]:
    """Some versions, the oldest first, with their values and labels."""
    query = select(versions).where(versions.c.key == key).order_by(versions.c.version)
    if asked.after is not None:
        query = query.where(versions.c.version > asked.after[0])
    rows = tx.all(query.limit(asked.limit + 1))
    carried: dict[int, list[str]] = {}
    for row in tx.all(select(labels.c.version, labels.c.label).where(labels.c.key == key)):
        carried.setdefault(row.version, []).append(row.label)
    found = [
        version(row, value=_value(row), labels=tuple(sorted(carried.get(row.version, ()))))
        for row in rows
    ]
    return Page.cut(found, asked.limit, lambda each: (each.number,))


def labels_of(tx: Transaction, key: str) -> dict[str, int]:
    """The parameter's labels, and which version each is on."""
    found = tx.all(select(labels.c.label, labels.c.version).where(labels.c.key == key))
    return {row.label: row.version for row in found}


def label(tx: Transaction, key: str, number: int, names: Sequence[str]) -> None:
    """Put labels on a version, wherever they were before."""
    tx.upsert(
        labels,
        [{"key": key, "label": name, "version": number} for name in names],
        key=["key", "label"],
    )


def unlabel(tx: Transaction, key: str, names: Sequence[str]) -> None:
    """Take labels off the parameter."""
    tx.execute(delete(labels).where(labels.c.key == key, labels.c.label.in_(names)))


def reading(row: Any) -> Reading:
    """A row of the columns of READING."""
    key, name, number, kind, data_type, key_id, modified, value, sealed = row
    return Reading(
        key,
        name,
        number,
        Kind(kind),
        data_type,
        key_id,
        modified,
        value if sealed is None else Sealed(bytes(sealed)),
    )


def version(row: Any, *, value: str | Sealed = "", labels: tuple[str, ...] = ()) -> Version:
    """A row that has the columns of METADATA."""
    return Version(
        key=row.key,
        number=row.version,
        terms=Terms(
            name=row.name,
            kind=Kind(row.kind),
            tier=Tier(row.tier),
            data_type=row.data_type,
            key_id=row.key_id,
            description=row.description,
            pattern=row.pattern,
            policies=msgspec.convert(row.policies, tuple[Policy, ...]),
        ),
        modified=row.modified,
        author=row.author,
        value=value,
        labels=labels,
    )


def _is_full(tx: Transaction, tier: Tier, most: int) -> bool:
    counted = select(heads.c.tier).where(heads.c.tier == tier).limit(1).offset(most - 1)
    return tx.scalar(counted) is not None


def _kept(value: str | Sealed) -> tuple[str | None, bytes | None]:
    return (None, value.data) if isinstance(value, Sealed) else (value, None)


def _value(row: Any) -> str | Sealed:
    return row.value if row.sealed is None else Sealed(bytes(row.sealed))
