"""Lists of documents: the scope's own, and those of others."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Select, Text, and_, func, or_, type_coerce

from ostler.capabilities.documents.model.documents import DocumentDescription
from ostler.capabilities.documents.model.filters import NAME, PLATFORM, TYPE, WORD, Wanted
from ostler.capabilities.documents.store.documents import described, whole_query
from ostler.capabilities.documents.store.sharing import Guest, shared_query
from ostler.capabilities.documents.store.tables import heads, versions
from ostler.foundation.storage import Transaction


def own(
    tx: Transaction,
    wanted: Wanted,
    carriers: Sequence[Sequence[str]],
    after: str | None,
    limit: int,
) -> Sequence[DocumentDescription]:
    """The default versions of the scope's documents; `carriers` are names of which one must be."""
    query = _holding(whole_query(), wanted).where(versions.c.version == heads.c.default_version)
    for names in carriers:
        query = query.where(heads.c.name.in_(names))
    if after is not None:
        query = query.where(heads.c.name > after)
    return [described(row) for row in tx.all(query.order_by(heads.c.name).limit(limit))]


def shared(
    tx: Transaction, guest: Guest, wanted: Wanted, after: tuple[str, str] | None, limit: int
) -> Sequence[DocumentDescription]:
    """The versions that other accounts share with the guest, by owner and name."""
    owner, name = heads.c.account, heads.c.name
    query = _holding(shared_query(guest), wanted)
    if after is not None:
        query = query.where(or_(owner > after[0], and_(owner == after[0], name > after[1])))
    return [described(row) for row in tx.all(query.order_by(owner, name).limit(limit))]


def _holding(query: Select[Any], wanted: Wanted) -> Select[Any]:
    for key, values in wanted.criteria:
        query = query.where(or_(*(_holds(key, value) for value in values)))
    return query


def _holds(key: str, value: str) -> ColumnElement[bool]:
    if key == NAME:
        # LIKE differs between the engines in what it does with case.
        return func.substr(heads.c.name, 1, len(value)) == value
    if key == WORD:
        return func.lower(heads.c.name).contains(value.lower(), autoescape=True)
    if key == PLATFORM:
        platforms = type_coerce(versions.c.platform_types, Text)
        return platforms.contains(f'"{value}"', autoescape=True)
    return (heads.c.type if key == TYPE else versions.c.target_type) == value
