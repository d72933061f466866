"""Questions over many nodes: which entries clauses mean, and how many nodes have which values."""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Select, String, and_, cast, distinct, func, or_, select
from sqlalchemy.dialects.postgresql import JSONB

from ostler.capabilities.inventory.model.filters import Clause, holds
from ostler.capabilities.inventory.model.items import Entry
from ostler.capabilities.inventory.store.tables import (
    LONGEST_NAME,
    LONGEST_VERSION,
    entries,
    items,
)
from ostler.foundation.storage import Transaction
from ostler.grammar.filters import Operator

_LAST_CHARACTER = "\U0010ffff"


def telling(tx: Transaction, type_names: Sequence[str]) -> set[str]:
    """The nodes that told of one of these types."""
    query = select(items.c.node).where(items.c.type_name.in_(type_names)).distinct()
    return {row.node for row in tx.all(query)}


def matching(
    tx: Transaction, type_name: str, clauses: Sequence[Clause]
) -> Iterator[tuple[str, Entry]]:
    """Nodes and those of their entries in which every clause holds."""
    query = _narrowed(
        select(entries.c.node, entries.c.content), tx.dialect, type_name, clauses
    ).order_by(entries.c.node, entries.c.digest)
    for row in tx.all(query):
        if holds(clauses, row.content):
            yield row.node, row.content


def values(
    tx: Transaction,
    type_name: str,
    attributes: Sequence[str],
    clauses: Sequence[Clause],
    *,
    nodes: Sequence[str] | None = None,
) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Nodes and the values of these attributes that one of their entries has together.

    `nodes` spares looking at any others.
    """
    if not clauses and all(map(_is_plain, attributes)):
        columns = [_value(tx.dialect, attribute) for attribute in attributes]
        query = select(entries.c.node, *columns).where(entries.c.type_name == type_name)
        if nodes is not None:
            query = query.where(entries.c.node.in_(nodes))
        rows: Sequence[Any] = tx.all(query.distinct())
        for row in rows:
            yield row[0], tuple(value or "" for value in row[1:])
        return
    for node, entry in matching(tx, type_name, clauses):
        yield node, tuple(entry.get(attribute, "") for attribute in attributes)


def counted(
    tx: Transaction, type_name: str, attributes: Sequence[str]
) -> list[tuple[tuple[str, ...], int]]:
    """How many nodes have an entry with which values of these attributes."""
    if not all(map(_is_plain, attributes)):
        distinct_values = set(values(tx, type_name, attributes, ()))
        return list(Counter(told for _, told in distinct_values).items())
    columns = [_value(tx.dialect, attribute) for attribute in attributes]
    query = (
        select(*columns, func.count(distinct(entries.c.node)))
        .where(entries.c.type_name == type_name)
        .group_by(*columns)
    )
    rows: Sequence[Any] = tx.all(query)
    return [(tuple(value or "" for value in row[:-1]), row[-1]) for row in rows]


def _narrowed(
    query: Select[Any], dialect: str, type_name: str, clauses: Sequence[Clause]
) -> Select[Any]:
    """The query over fewer entries: those that a database can tell to be out of question."""
    query = query.where(entries.c.type_name == type_name)
    for clause in clauses:
        condition = _condition(dialect, clause)
        if condition is not None:
            query = query.where(condition)
    return query


def _condition(dialect: str, clause: Clause) -> ColumnElement[bool] | None:
    column = _COLUMNS.get(clause.attribute)
    match clause.operator:
        case Operator.EQUAL if column is not None:
            longest = _LONGEST[clause.attribute]
            return column.in_([value[:longest] for value in clause.values])
        case Operator.BEGIN_WITH if column is not None:
            longest = _LONGEST[clause.attribute]
            starts = [value[:longest] for value in clause.values]
            # A range, so that the index is used; LIKE differs between the engines.
            return or_(
                *(and_(column >= start, column < start + _LAST_CHARACTER) for start in starts)
            )
        case Operator.EQUAL if _is_plain(clause.attribute):
            return _value(dialect, clause.attribute).in_(clause.values)
        case Operator.EXISTS if _is_plain(clause.attribute):
            return _value(dialect, clause.attribute).is_not(None)
        case _:
            return None


def _value(dialect: str, attribute: str) -> ColumnElement[str]:
    """What the entry has under the attribute, as SQL; NULL where it has nothing."""
    if dialect == "postgresql":
        return cast(entries.c.content, JSONB).op("->>", return_type=String())(attribute)
    return func.json_extract(entries.c.content, f'$."{attribute}"', type_=String())


def _is_plain(attribute: str) -> bool:
    """Whether SQLite can be asked for it: its paths have no way to write these two."""
    return '"' not in attribute and "\\" not in attribute


_COLUMNS = {"Name": entries.c.name, "Version": entries.c.version}
_LONGEST = {"Name": LONGEST_NAME, "Version": LONGEST_VERSION}
