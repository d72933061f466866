"""Lists of parameters: by their place in the hierarchy, and by all that filters ask."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import BindParameter, ColumnElement, Select, and_, bindparam, func, or_, select

from ostler.capabilities.parameters.model.filters import (
    Clause,
    Condition,
    Field,
    Labelled,
    Relation,
    Tagged,
    Under,
)
from ostler.capabilities.parameters.model.names import key_of
from ostler.capabilities.parameters.model.parameters import Reading, Version
from ostler.capabilities.parameters.store.parameters import METADATA, READING, reading, version
from ostler.capabilities.parameters.store.tables import heads, labels, versions
from ostler.foundation.paging import Page, PageRequest
from ostler.foundation.storage import Transaction

Carriers = Mapping[Tagged, Select[str] | Sequence[str]]
"""The keys that carry a tag, as a list or as a query."""

_END = "\x7f"
"""After every key: they are letters, digits and a few signs."""

_newest = and_(versions.c.key == heads.c.key, versions.c.version == heads.c.version)
_after: BindParameter[str] = bindparam("after")
# Said of both tables: PostgreSQL may read the versions first, and would read them from the
# beginning, page after page.
_later = and_(heads.c.key > _after, versions.c.key > _after)
_BELOW = (
    select(*READING)
    .join(heads, _newest)
    .where(_later, heads.c.key < bindparam("end"))
    .order_by(heads.c.key)
    .limit(bindparam("most"))
)
_ON = (
    select(*READING)
    .join(heads, _newest)
    .where(_later, heads.c.parent == bindparam("parent"))
    .order_by(heads.c.key)
    .limit(bindparam("most"))
)
_DESCRIBED = (
    select(*METADATA)
    .join(heads, _newest)
    .where(_later)
    .order_by(heads.c.key)
    .limit(bindparam("most"))
)


def under(
    tx: Transaction, path: str, deep: bool, clauses: Sequence[Clause], asked: PageRequest
) -> Page[Reading]:
    """Some of the parameters on a level of the hierarchy, or anywhere below it, in order."""
    wanted = [clause for clause in clauses if isinstance(clause, Labelled)]
    if wanted:
        return _labelled_under(tx, path, deep, wanted[0], clauses, asked)
    start, end = _range(path)
    after = start if asked.after is None else asked.after[0]
    query = _BELOW if deep else _ON
    place = {"end": end} if deep else {"parent": path}
    rows = tx.all(
        query.where(*_conditions(clauses, {})), {"after": after, "most": asked.limit + 1, **place}
    )
    return Page.cut([reading(row) for row in rows], asked.limit, lambda each: (each.key,))


def described(
    tx: Transaction, clauses: Sequence[Clause], carriers: Carriers, asked: PageRequest
) -> Page[Version]:
    """What the newest versions say of some of the parameters that pass every clause, in order."""
    after = "" if asked.after is None else asked.after[0]
    rows = tx.all(
        _DESCRIBED.where(*_conditions(clauses, carriers)),
        {"after": after, "most": asked.limit + 1},
    )
    return Page.cut([version(row) for row in rows], asked.limit, lambda each: (each.key,))


def _labelled_under(
    tx: Transaction,
    path: str,
    deep: bool,
    wanted: Labelled,
    clauses: Sequence[Clause],
    asked: PageRequest,
) -> Page[Reading]:
    """The same, where the versions that carry a label stand for the newest ones."""
    start, end = _range(path)
    carrying = select(labels.c.version).where(
        labels.c.key == versions.c.key, labels.c.label.in_(wanted.labels)
    )
    query = (
        select(*READING)
        .join(heads, heads.c.key == versions.c.key)
        .where(versions.c.version.in_(carrying.scalar_subquery()), *_conditions(clauses, {}))
        .where(heads.c.key > start, heads.c.key < end)
        .order_by(heads.c.key, versions.c.version)
        .limit(asked.limit + 1)
    )
    if not deep:
        query = query.where(heads.c.parent == path)
    if asked.after is not None:
        key, number = asked.after
        query = query.where(
            or_(heads.c.key > key, and_(heads.c.key == key, versions.c.version > number))
        )
    found = [reading(row) for row in tx.all(query)]
    return Page.cut(found, asked.limit, lambda each: (each.key, each.number))


def _range(path: str) -> tuple[str, str]:
    """Everything below a level is after the one and before the other."""
    return (f"{path}/", f"{path}0") if path else ("", _END)  # "0" comes right after "/"


def _conditions(clauses: Sequence[Clause], carriers: Carriers) -> list[ColumnElement[bool]]:
    return [_condition(clause, carriers) for clause in clauses if not isinstance(clause, Labelled)]


def _condition(clause: Clause, carriers: Carriers) -> ColumnElement[bool]:
    match clause:
        case Condition(Field.NAME, values, relation):
            return _named(values, relation)
        case Condition(field, values, relation):
            return _holds(_COLUMNS[field], values, relation)
        case Under(paths, True):
            return or_(
                *(and_(heads.c.key > start, heads.c.key < end) for start, end in map(_range, paths))
            )
        case Under(paths, _):
            return heads.c.parent.in_(paths)
        case Tagged():
            return heads.c.key.in_(carriers[clause])
    raise ValueError(clause)


def _named(values: Sequence[str], relation: Relation) -> ColumnElement[bool]:
    """Names with a slash in front are compared as paths, the others wherever they begin."""
    keys = [key_of(value) for value in values]
    match relation:
        case Relation.EQUALS:
            return heads.c.key.in_(keys)
        case Relation.BEGINS_WITH:
            # The first half is a range of the index, the second says where it ends.
            return or_(*(and_(heads.c.key >= key, _begins(heads.c.key, key)) for key in keys))
        case Relation.CONTAINS:
            path: ColumnElement[str] = "/" + heads.c.key
            return or_(
                *(
                    _contains(path if value.startswith("/") else heads.c.key, value)
                    for value in values
                )
            )


def _holds(
    column: ColumnElement[str], values: Sequence[str], relation: Relation
) -> ColumnElement[bool]:
    if relation is Relation.BEGINS_WITH:
        return or_(*(_begins(column, value) for value in values))
    return column.in_(values)


def _begins(column: ColumnElement[str], start: str) -> ColumnElement[bool]:
    # LIKE differs between the engines in what it does with case.
    return func.substr(column, 1, len(start)) == start


def _contains(column: ColumnElement[str], part: str) -> ColumnElement[bool]:
    return func.replace(column, part, "") != column


_COLUMNS: Mapping[Field, Any] = {
    Field.TYPE: versions.c.kind,
    Field.KEY_ID: versions.c.key_id,
    Field.TIER: versions.c.tier,
    Field.DATA_TYPE: versions.c.data_type,
}
