"""Shares as they are kept: which account may use which version of which document."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, and_, case, delete, func, select

from ostler.capabilities.documents.model.names import LATEST
from ostler.capabilities.documents.model.sharing import EVERYBODY, Share
from ostler.capabilities.documents.store.documents import whole_query
from ostler.capabilities.documents.store.tables import heads, shares, versions
from ostler.foundation.ids import AccountId, Region
from ostler.foundation.storage import Transaction


def page(tx: Transaction, name: str, after: str | None, limit: int) -> Sequence[Share]:
    """With whom the document is shared, in the order of their numbers."""
    query = select(shares).where(shares.c.name == name).order_by(shares.c.guest).limit(limit)
    if after is not None:
        query = query.where(shares.c.guest > after)
    return [Share(row.guest, row.version) for row in tx.all(query)]


def of(tx: Transaction, name: str) -> Sequence[Share]:
    """With whom the document is shared."""
    return [
        Share(row.guest, row.version) for row in tx.all(select(shares).where(shares.c.name == name))
    ]


def for_guest(tx: Transaction, name: str, account: AccountId) -> Sequence[Share]:
    """The shares by which the account may use the document."""
    return [share for share in of(tx, name) if share.account in (account, EVERYBODY)]


def is_shared(tx: Transaction, name: str) -> bool:
    """Whether anybody but the owner may use the document."""
    return (
        tx.execute(select(shares.c.guest).where(shares.c.name == name).limit(1)).first() is not None
    )


def count_public(tx: Transaction) -> int:
    """How many of the scope's documents are shared with everybody."""
    return int(
        tx.scalar(select(func.count()).select_from(shares).where(shares.c.guest == EVERYBODY))
    )


def put(tx: Transaction, name: str, guests: Iterable[Share]) -> None:
    """Share the document."""
    rows = [{"name": name, "guest": share.account, "version": share.version} for share in guests]
    tx.upsert(shares, rows, key=("name", "guest"))


def remove(tx: Transaction, name: str, guests: Sequence[str]) -> None:
    """Share the document no longer with these."""
    tx.execute(delete(shares).where(shares.c.name == name, shares.c.guest.in_(guests)))


@dataclass(frozen=True, slots=True)
class Guest:
    """Somebody who looks for documents of other accounts in one region."""

    account: AccountId
    region: Region
    private: bool
    public: bool


def shared_query(guest: Guest) -> Select[Any]:
    """A query, of the whole house, of the versions of others that the guest may see."""
    shown = case(
        (shares.c.version == LATEST, heads.c.latest_version), else_=heads.c.default_version
    )
    accounts = [guest.account] if guest.private else []
    accounts += [AccountId(EVERYBODY)] if guest.public else []
    mine = and_(
        shares.c.account == heads.c.account,
        shares.c.region == heads.c.region,
        shares.c.name == heads.c.name,
        shares.c.guest.in_(accounts),
    )
    return whole_query().where(
        versions.c.version == shown,
        shares.c.region == guest.region,
        shares.c.account != guest.account,
        mine,
    )
