"""Associations and their versions as they are kept."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any

import msgspec
from sqlalchemy import Row, case, delete, func, insert, or_, select, update

from ostler.capabilities.associations.model import (
    DEFAULT_VERSION,
    ERRORS,
    LATEST_VERSION,
    OPEN,
    Association,
    Status,
    Terms,
    Version,
)
from ostler.capabilities.associations.store.tables import (
    associations,
    executions,
    members,
    runs,
    versions,
)
from ostler.foundation.paging import Page, PageRequest
from ostler.foundation.storage import Transaction

_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which associations are asked for; None wherever it does not matter."""

    association: str | None = None
    document: str | None = None
    name: str | None = None
    node: str | None = None
    status: str | None = None
    executed_before: datetime | None = None
    executed_after: datetime | None = None
    nothing: bool = False
    """Asked for something that no association has here."""


def add(tx: Transaction, association: Association) -> None:
    """Keep a new association and its first version."""
    tx.execute(
        insert(associations).values(
            association=association.id, created=association.created, **_standing(association)
        )
    )
    _add_version(tx, association)


def change(tx: Transaction, association: Association) -> None:
    """Keep a new version of the association."""
    save(tx, association)
    _add_version(tx, association)


def save(tx: Transaction, association: Association) -> None:
    """Keep how the association stands now."""
    its = associations.c.association == association.id
    tx.execute(update(associations).where(its).values(**_standing(association)))


def ended(tx: Transaction, association: str, at: datetime, *, succeeded: bool) -> None:
    """Note that an execution ended."""
    its = associations.c.association == association
    values = {"executed": at, **({"succeeded": at} if succeeded else {})}
    tx.execute(update(associations).where(its).values(**values))


def find(tx: Transaction, association: str) -> Association | None:
    """The association, None when there is none."""
    row = tx.one(select(associations).where(associations.c.association == association))
    return None if row is None else association_of(row)


def find_many(tx: Transaction, ids: Iterable[str]) -> dict[str, Association]:
    """Those of the associations that there are."""
    found, wanted = {}, list(ids)
    for start in range(0, len(wanted), _AT_ONCE):
        some = associations.c.association.in_(wanted[start : start + _AT_ONCE])
        for row in tx.all(select(associations).where(some)):
            found[row.association] = association_of(row)
    return found


def legacy(tx: Transaction, document: str, node: str) -> Association | None:
    """The association of a document with one node, made with InstanceId."""
    its = (associations.c.document == document, associations.c.node == node)
    row = tx.one(select(associations).where(*its))
    return None if row is None else association_of(row)


def every(tx: Transaction) -> list[Association]:
    """All of the scope's."""
    return [association_of(row) for row in tx.all(select(associations))]


def of_document(tx: Transaction, names: Sequence[str]) -> list[Association]:
    """Those that run the document in whatever version is its default or its latest.

    `names` are all by which it may be called.
    """
    found = tx.all(select(associations).where(associations.c.document.in_(names)))
    floating = (DEFAULT_VERSION, LATEST_VERSION)
    return [one for one in map(association_of, found) if one.terms.document_version in floating]


def uses(tx: Transaction, names: Sequence[str]) -> bool:
    """Whether an association runs the document."""
    its = select(associations.c.association).where(associations.c.document.in_(names))
    return tx.scalar(its.limit(1)) is not None


def count(tx: Transaction) -> int:
    """How many there are."""
    return int(tx.scalar(select(func.count()).select_from(associations)))


def exists(tx: Transaction, association: str) -> bool:
    """Whether there is such an association."""
    its = associations.c.association == association
    return tx.scalar(select(associations.c.association).where(its)) is not None


def page(tx: Transaction, wanted: Wanted, asked: PageRequest) -> Page[Association]:
    """The associations that are wanted, in the order of their ids."""
    if wanted.nothing:
        return Page([])
    query = select(associations).where(*_conditions(wanted))
    if asked.after is not None:
        query = query.where(associations.c.association > asked.after[0])
    query = query.order_by(associations.c.association).limit(asked.limit + 1)
    return Page.cut(
        [association_of(row) for row in tx.all(query)], asked.limit, lambda one: (one.id,)
    )


def version(tx: Transaction, association: str, number: int) -> Version | None:
    """What was asked for then."""
    its = (versions.c.association == association, versions.c.number == number)
    row = tx.one(select(versions).where(*its))
    return None if row is None else _version(row)


def version_page(tx: Transaction, association: str, asked: PageRequest) -> Page[Version]:
    """The versions, the oldest first."""
    query = select(versions).where(versions.c.association == association)
    if asked.after is not None:
        query = query.where(versions.c.number > asked.after[0])
    query = query.order_by(versions.c.number).limit(asked.limit + 1)
    return Page.cut([_version(row) for row in tx.all(query)], asked.limit, lambda v: (v.number,))


def forget(tx: Transaction, association: str) -> bool:
    """Drop an association with all that was kept of it; whether there was one."""
    for table in (runs, executions, members, versions):
        tx.execute(delete(table).where(table.c.association == association))
    gone = delete(associations).where(associations.c.association == association)
    return bool(tx.execute(gone).rowcount)


def association_of(row: Row[Any]) -> Association:
    """The association in a row of its table."""
    return Association(
        id=row.association,
        version=row.version,
        terms=_terms(msgspec.json.encode(row.terms)),
        created=row.created,
        updated=row.updated,
        since=row.since,
        resolved=row.resolved,
        run_limit=row.run_limit,
        due=row.due,
        executed=row.executed,
        succeeded=row.succeeded,
        legacy_status=row.legacy_status,
    )


def _add_version(tx: Transaction, association: Association) -> None:
    tx.execute(
        insert(versions).values(
            association=association.id,
            number=association.version,
            created=association.updated,
            terms=msgspec.to_builtins(association.terms),
        )
    )


def _conditions(wanted: Wanted) -> list[Any]:
    table, found = associations, []
    for column, value in (
        (table.c.association, wanted.association),
        (table.c.document, wanted.document),
        (table.c.name, wanted.name),
    ):
        if value is not None:
            found.append(column == value)
    if wanted.executed_before is not None:
        found.append(table.c.executed < wanted.executed_before)
    if wanted.executed_after is not None:
        found.append(table.c.executed > wanted.executed_after)
    if wanted.node is not None:
        having = select(members.c.association).where(members.c.node == wanted.node)
        found.append(or_(table.c.association.in_(having), table.c.node == wanted.node))
    if wanted.status is not None:
        found.append(_status() == wanted.status)
    return found


def _status() -> Any:
    """The coarse status of an association, as SQL: what `model.standing` says."""
    its = members.c.association == associations.c.association

    def number(statuses: Sequence[Status]) -> Any:
        return func.coalesce(func.sum(case((members.c.status.in_(statuses), 1), else_=0)), 0)

    begun = func.count() - number([Status.ASSOCIATED])
    return (
        select(
            case(
                (begun == 0, "Pending"),
                (number(OPEN) > 0, "Pending"),
                (number(ERRORS) > 0, "Failed"),
                else_="Success",
            )
        )
        .where(its)
        .correlate(associations)
        .scalar_subquery()
    )


def _standing(association: Association) -> dict[str, Any]:
    return {
        "version": association.version,
        "document": association.terms.document,
        "name": association.terms.name,
        "node": association.terms.node,
        "terms": msgspec.to_builtins(association.terms),
        "updated": association.updated,
        "since": association.since,
        "resolved": association.resolved,
        "run_limit": association.run_limit,
        "due": association.due,
        "executed": association.executed,
        "succeeded": association.succeeded,
        "legacy_status": association.legacy_status,
    }


@lru_cache(maxsize=4096)
def _terms(kept: bytes) -> Terms:
    return msgspec.json.decode(kept, type=Terms)


def _version(row: Row[Any]) -> Version:
    return Version(row.association, row.number, row.created, msgspec.convert(row.terms, Terms))
