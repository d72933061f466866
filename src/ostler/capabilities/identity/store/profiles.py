"""Instance profiles."""

from typing import Any

from sqlalchemy import delete, func, select

from ostler.capabilities.identity.model.entities import InstanceProfile
from ostler.capabilities.identity.store import tables
from ostler.foundation.ids import AccountId
from ostler.foundation.storage import Transaction


def put(tx: Transaction, profile: InstanceProfile) -> None:
    """Keep a new profile, or what has changed of one."""
    tx.upsert(
        tables.profiles,
        {
            "account": profile.account,
            "name": profile.name,
            "folded_name": profile.name.lower(),
            "id": profile.id,
            "path": profile.path,
            "role": profile.role,
            "tags": dict(profile.tags),
            "created": profile.created,
        },
        key=["account", "name"],
    )


def profile(tx: Transaction, account: AccountId, name: str) -> InstanceProfile | None:
    row = tx.one(
        select(tables.profiles).where(
            tables.profiles.c.account == account, tables.profiles.c.name == name
        )
    )
    return None if row is None else _profile(row)


def name_is_taken(tx: Transaction, account: AccountId, name: str) -> bool:
    query = select(tables.profiles.c.name).where(
        tables.profiles.c.account == account, tables.profiles.c.folded_name == name.lower()
    )
    return tx.one(query) is not None


def profiles(
    tx: Transaction,
    account: AccountId,
    *,
    prefix: str = "/",
    role: str | None = None,
    after: str | None = None,
    limit: int | None = None,
) -> list[InstanceProfile]:
    """Those whose path begins with `prefix`, with this role if one is named, by name."""
    table = tables.profiles
    query = select(table).where(table.c.account == account)
    if prefix != "/":
        query = query.where(table.c.path.startswith(prefix, autoescape=True))
    if role is not None:
        query = query.where(table.c.role == role)
    if after is not None:
        query = query.where(table.c.folded_name > after)
    return [_profile(row) for row in tx.all(query.order_by(table.c.folded_name).limit(limit))]


def count(tx: Transaction, account: AccountId) -> int:
    query = select(func.count()).select_from(tables.profiles)
    return int(tx.scalar(query.where(tables.profiles.c.account == account)))


def drop(tx: Transaction, profile: InstanceProfile) -> None:
    tx.execute(
        delete(tables.profiles).where(
            tables.profiles.c.account == profile.account, tables.profiles.c.name == profile.name
        )
    )


def _profile(row: Any) -> InstanceProfile:
    return InstanceProfile(
        account=AccountId(row.account),
        name=row.name,
        id=row.id,
        created=row.created,
        path=row.path,
        role=row.role,
        tags=row.tags,
    )
