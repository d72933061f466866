"""Buckets as they are kept."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import BindParameter, bindparam, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from ostler.capabilities.buckets.model.objects import Bucket
from ostler.capabilities.buckets.store.beginnings import begins
from ostler.capabilities.buckets.store.tables import buckets, objects
from ostler.foundation.ids import AccountId, Region
from ostler.foundation.paging import Page, PageRequest
from ostler.foundation.storage import Transaction

_name: BindParameter[str] = bindparam("name")
_OF_NAME = select(buckets).where(buckets.c.name == _name)


def find(tx: Transaction, name: str) -> Bucket | None:
    """The bucket of that name; in a transaction of the whole house, whosever it is."""
    if "\0" in name:
        return None  # PostgreSQL does not even compare it
    row = tx.one(_OF_NAME, {"name": name})
    return None if row is None else _bucket(row)


def add(tx: Transaction, name: str, created: datetime, tags: Mapping[str, str]) -> bool:
    """Keep a new bucket in the transaction's scope; False when the name is taken, in any scope."""
    try:
        with tx.savepoint():
            tx.execute(insert(buckets).values(name=name, created=created, tags=dict(tags)))
    except IntegrityError:
        return False
    return True


def remove(tx: Transaction, name: str) -> None:
    """Forget a bucket that has nothing in it."""
    tx.execute(delete(buckets).where(buckets.c.name == name))


def tag(tx: Transaction, name: str, tags: Mapping[str, str]) -> None:
    """Give the bucket these tags, in place of those it has."""
    tx.execute(update(buckets).where(buckets.c.name == name).values(tags=dict(tags)))


def is_empty(tx: Transaction, name: str) -> bool:
    """Whether there is no object in it."""
    return tx.scalar(select(objects.c.key).where(objects.c.bucket == name).limit(1)) is None


def of_account(
    tx: Transaction, account: str, prefix: str, region: str, asked: PageRequest
) -> Page[Bucket]:
    """Some of the account's buckets in all regions, or in one, in the order of their names."""
    query = select(buckets).where(buckets.c.account == account, begins(buckets.c.name, prefix))
    if region:
        query = query.where(buckets.c.region == region)
    if asked.after is not None:
        query = query.where(buckets.c.name > asked.after[0])
    rows = tx.all(query.order_by(buckets.c.name).limit(asked.limit + 1))
    return Page.cut([_bucket(row) for row in rows], asked.limit, lambda each: (each.name,))


def _bucket(row: Any) -> Bucket:
    return Bucket(row.name, AccountId(row.account), Region(row.region), row.created, row.tags)
