"""Access keys, what is revoked before its time, and what may be used once only."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import delete, insert, select, update

from ostler.capabilities.identity.model.entities import AccessKey, Use
from ostler.capabilities.identity.store import tables
from ostler.foundation.ids import AccountId
from ostler.foundation.secrets import Sealed
from ostler.foundation.storage import Transaction


@dataclass(frozen=True, slots=True)
class KeptKey:
    """An access key with its secret as it is kept; `first` is the one made at the first start."""

    key: AccessKey
    secret: Sealed = field(repr=False)
    first: bool = False


# Access keys


def add_key(tx: Transaction, kept: KeptKey) -> None:
    tx.execute(
        insert(tables.keys),
        {
            "access_key": kept.key.access_key,
            "account": kept.key.account,
            "user": kept.key.user,
            "secret": kept.secret.data,
            "active": kept.key.active,
            "first": kept.first,
            "created": kept.key.created,
        },
    )


def key(tx: Transaction, access_key: str) -> KeptKey | None:
    row = tx.one(select(tables.keys).where(tables.keys.c.access_key == access_key))
    return None if row is None else _key(row)


def keys_of(tx: Transaction, account: AccountId, user: str) -> list[KeptKey]:
    """A user's keys, the oldest first."""
    query = select(tables.keys).where(tables.keys.c.account == account, tables.keys.c.user == user)
    return [
        _key(row) for row in tx.all(query.order_by(tables.keys.c.created, tables.keys.c.access_key))
    ]


def first_key(tx: Transaction, account: AccountId) -> KeptKey | None:
    """The key that the server itself gave to the account's administrator."""
    of_account = tables.keys.c.account == account
    row = tx.one(select(tables.keys).where(of_account, tables.keys.c.first))
    return None if row is None else _key(row)


def set_active(tx: Transaction, access_key: str, *, active: bool) -> None:
    tx.execute(
        update(tables.keys).where(tables.keys.c.access_key == access_key).values(active=active)
    )


def note_use(tx: Transaction, access_key: str, use: Use) -> None:
    """Keep when a key was used last; a key that is gone by now is no fault."""
    values = {"used": use.at, "used_for": use.service, "used_in": use.region}
    tx.execute(update(tables.keys).where(tables.keys.c.access_key == access_key).values(values))


def drop_key(tx: Transaction, access_key: str) -> None:
    tx.execute(delete(tables.keys).where(tables.keys.c.access_key == access_key))


# What is good no more


def revoke(
    tx: Transaction, account: AccountId, subject: str, before: datetime, until: datetime
) -> None:
    """Make the sessions of `subject` that began by `before` worthless; none outlives `until`."""
    tx.execute(delete(tables.revoked).where(tables.revoked.c.until < before))
    tx.upsert(
        tables.revoked,
        {"account": account, "subject": subject, "before": before, "until": until},
        key=["account", "subject"],
    )


def revocations(tx: Transaction) -> dict[tuple[str, str], datetime]:
    """By account and subject: until when sessions that began are revoked."""
    return {(row.account, row.subject): row.before for row in tx.all(select(tables.revoked))}


def spend(tx: Transaction, digest: str, until: datetime, now: datetime) -> bool:
    """Keep the digest until then; whether it was not kept yet."""
    tx.execute(delete(tables.spent).where(tables.spent.c.until < now))
    if tx.scalar(select(tables.spent.c.digest).where(tables.spent.c.digest == digest)):
        return False
    tx.execute(insert(tables.spent), {"digest": digest, "until": until})
    return True


def _key(row: Any) -> KeptKey:
    used = None if row.used is None else Use(row.used, row.used_for, row.used_in)
    account = AccountId(row.account)
    key = AccessKey(row.access_key, account, row.user, row.created, row.active, used)
    return KeptKey(key, Sealed(row.secret), row.first)
