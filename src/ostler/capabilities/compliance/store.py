"""The tables of compliance, and what is asked of them."""

from collections.abc import Sequence
from typing import Any, TypeVarTuple

from sqlalchemy import (
    Column,
    ColumnElement,
    Index,
    MetaData,
    Select,
    String,
    and_,
    case,
    delete,
    func,
    insert,
    literal,
    not_,
    or_,
    select,
    tuple_,
    update,
)

from ostler.capabilities.compliance.model import (
    CUSTOM,
    RESOURCE_TYPE,
    Condition,
    Counts,
    Execution,
    Field,
    Item,
    Kept,
    NodeSummary,
    Severity,
    Status,
    TypeSummary,
    Upload,
)
from ostler.foundation.paging import Page, PageRequest
from ostler.foundation.storage import Instant, Json, Transaction, scoped_table
from ostler.grammar.filters import Operator

Row = TypeVarTuple("Row")

metadata = MetaData()

executions = scoped_table(
    "compliance_executions",
    metadata,
    Column("node", String(100), primary_key=True),
    Column("kind", String(100), primary_key=True),
    Column("at", Instant, nullable=False),
    Column("execution_id", String(100), nullable=False),
    Column("execution_type", String(50), nullable=False),
    Column("content_hash", String(256), nullable=False),
    Column("status", String(16), nullable=False),
    Column("severity", String(16), nullable=False),
)
"""The last examination of each node for each type, and what it came to."""
Index(
    "compliance_executions_by_type",
    *(executions.c.account, executions.c.region, executions.c.kind, executions.c.node),
)

items = scoped_table(
    "compliance_items",
    metadata,
    Column("node", String(100), primary_key=True),
    Column("kind", String(100), primary_key=True),
    Column("id", String(1024), primary_key=True),
    Column("title", String(500), nullable=False),
    Column("status", String(16), nullable=False),
    Column("severity", String(16), nullable=False),
    Column("details", Json, nullable=False),
)

_joined = items.join(
    executions, and_(executions.c.node == items.c.node, executions.c.kind == items.c.kind)
)
_COLUMNS: dict[Field, ColumnElement[Any]] = {
    Field.TYPE: items.c.kind,
    Field.NODE: items.c.node,
    Field.RESOURCE_TYPE: literal(RESOURCE_TYPE),
    Field.ID: items.c.id,
    Field.TITLE: items.c.title,
    Field.STATUS: items.c.status,
    Field.SEVERITY: items.c.severity,
    Field.EXECUTION_ID: executions.c.execution_id,
    Field.EXECUTION_TYPE: executions.c.execution_type,
    Field.EXECUTION_TIME: executions.c.at,
}
_EXECUTION = (executions.c.at, executions.c.execution_id, executions.c.execution_type)
_RANK = case({severity: rank for rank, severity in enumerate(Severity)}, value=items.c.severity)


def last(tx: Transaction, node: str, kind: str) -> tuple[str, Status] | None:
    """The hash of the node's last upload of the type, and what it came to."""
    row = tx.one(
        select(executions.c.content_hash, executions.c.status).where(
            executions.c.node == node, executions.c.kind == kind
        )
    )
    return None if row is None else (row.content_hash, Status(row.status))


def custom_types(tx: Transaction) -> set[str]:
    """The custom types that nodes were examined for."""
    custom = func.substr(executions.c.kind, 1, len(CUSTOM)) == CUSTOM
    return {row.kind for row in tx.all(select(executions.c.kind).where(custom).distinct())}


def keep(tx: Transaction, upload: Upload) -> Counts:
    """Keep what the upload says; what the node's items of the type come to now."""
    if upload.whole:
        tx.execute(delete(items).where(items.c.node == upload.node, items.c.kind == upload.kind))
        if upload.items:
            tx.execute(insert(items), [_row(upload, item) for item in upload.items])
    else:
        tx.upsert(items, [_row(upload, item) for item in upload.items], key=["node", "kind", "id"])
    counts = _counts(tx, upload.node, upload.kind)
    tx.upsert(
        executions,
        {
            "node": upload.node,
            "kind": upload.kind,
            "at": upload.execution.at,
            "execution_id": upload.execution.id,
            "execution_type": upload.execution.kind,
            "content_hash": upload.content_hash,
            "status": counts.status,
            "severity": counts.severity,
        },
        key=["node", "kind"],
    )
    return counts


def withdraw(tx: Transaction, node: str, kind: str, item: str) -> None:
    """Drop an item, and count anew; without any item left the node was never examined."""
    its = (items.c.node == node, items.c.kind == kind, items.c.id == item)
    if not tx.execute(delete(items).where(*its)).rowcount:
        return
    left = tx.scalar(
        select(func.count()).select_from(items).where(items.c.node == node, items.c.kind == kind)
    )
    own = (executions.c.node == node, executions.c.kind == kind)
    if not left:
        tx.execute(delete(executions).where(*own))
        return
    counts = _counts(tx, node, kind)
    tx.execute(
        update(executions).where(*own).values(status=counts.status, severity=counts.severity)
    )


def note(tx: Transaction, upload: Upload) -> None:
    """Note that the node was examined again and is as it was."""
    tx.execute(
        update(executions)
        .where(executions.c.node == upload.node, executions.c.kind == upload.kind)
        .values(
            at=upload.execution.at,
            execution_id=upload.execution.id,
            execution_type=upload.execution.kind,
        )
    )


def forget(tx: Transaction, node: str) -> None:
    """Drop all that is kept of a node."""
    tx.execute(delete(items).where(items.c.node == node))
    tx.execute(delete(executions).where(executions.c.node == node))


def page(
    tx: Transaction,
    asked: PageRequest,
    conditions: Sequence[Condition],
    nodes: Sequence[str] | None,
) -> Page[Kept]:
    """Items that meet the conditions, of some nodes or of all, by node, type and id."""
    key = tuple_(items.c.node, items.c.kind, items.c.id)
    query = (
        _holding(select(items, *_EXECUTION).select_from(_joined), conditions)
        .order_by(items.c.node, items.c.kind, items.c.id)
        .limit(asked.limit + 1)
    )
    if nodes is not None:
        query = query.where(items.c.node.in_(nodes))
    if asked.after is not None:
        query = query.where(key > tuple_(*asked.after))
    found = [_kept(row) for row in tx.all(query)]
    return Page.cut(found, asked.limit, lambda each: (each.node, each.kind, each.item.id))


def by_node(
    tx: Transaction, asked: PageRequest, conditions: Sequence[Condition]
) -> Page[NodeSummary]:
    """What items that meet the conditions come to, for each node and type."""
    some = (
        _examined(conditions).order_by(executions.c.node, executions.c.kind).limit(asked.limit + 1)
    )
    if asked.after is not None:
        some = some.where(tuple_(executions.c.node, executions.c.kind) > tuple_(*asked.after))
    rows = tx.all(some)
    nodes = [row.node for row in rows]
    counted: dict[tuple[str, str], list[tuple[Status, Severity, int]]] = {}
    grouped = (items.c.node, items.c.kind, items.c.status, items.c.severity)
    query = select(*grouped, func.count()).select_from(_joined).where(items.c.node.in_(nodes))
    sums: Sequence[Any] = tx.all(_holding(query, conditions).group_by(*grouped))
    for node, kind, status, severity, count in sums:
        counted.setdefault((node, kind), []).append((Status(status), Severity(severity), count))
    found = [
        NodeSummary(
            row.node, row.kind, _execution(row), Counts.of(counted.get((row.node, row.kind), ()))
        )
        for row in rows
    ]
    return Page.cut(found, asked.limit, lambda each: (each.node, each.kind))


def by_type(
    tx: Transaction, asked: PageRequest, conditions: Sequence[Condition]
) -> Page[TypeSummary]:
    """How many nodes are compliant in each type, by items that meet the conditions."""
    failing = items.c.status == Status.NON_COMPLIANT
    worst = func.min(case((failing, _RANK), else_=len(Severity)))
    each = select(items.c.node, items.c.kind, worst.label("worst")).select_from(_joined)
    nodes = _holding(each, conditions).group_by(items.c.node, items.c.kind).subquery()
    query = select(nodes.c.kind, nodes.c.worst, func.count()).group_by(nodes.c.kind, nodes.c.worst)
    ranks = (*Severity, Severity.UNSPECIFIED)
    counted: dict[str, list[tuple[Status, Severity, int]]] = {}
    sums: Sequence[Any] = tx.all(query)
    for kind, rank, count in sums:
        status = Status.COMPLIANT if rank == len(Severity) else Status.NON_COMPLIANT
        counted.setdefault(kind, []).append((status, ranks[rank], count))
    after = asked.after[0] if asked.after is not None else ""
    found = [TypeSummary(kind, Counts.of(counted[kind])) for kind in sorted(counted)]
    left = [summary for summary in found if summary.kind > after]
    return Page.cut(left[: asked.limit + 1], asked.limit, lambda summary: (summary.kind,))


def _counts(tx: Transaction, node: str, kind: str) -> Counts:
    grouped = (items.c.status, items.c.severity)
    query = select(*grouped, func.count()).where(items.c.node == node, items.c.kind == kind)
    sums: Sequence[Any] = tx.all(query.group_by(*grouped))
    return Counts.of(
        (Status(status), Severity(severity), count) for status, severity, count in sums
    )


def _examined(conditions: Sequence[Condition]) -> Select[Any]:
    """The examinations that found an item of which the conditions hold; every one without any."""
    query = select(executions.c.node, executions.c.kind, *_EXECUTION)
    if not conditions:
        return query
    same = (items.c.node == executions.c.node, items.c.kind == executions.c.kind)
    holding = select(items.c.id).where(*same, *map(_holds, conditions)).correlate(executions)
    return query.where(holding.exists())


def _holding(query: Select[*Row], conditions: Sequence[Condition]) -> Select[*Row]:
    return query.where(*map(_holds, conditions))


def _holds(condition: Condition) -> ColumnElement[bool]:
    column, values = _COLUMNS[condition.field], condition.values
    match condition.operator:
        case Operator.NOT_EQUAL:
            return not_(column.in_(values))
        case Operator.BEGIN_WITH:
            # LIKE differs between the engines in what it does with case.
            return or_(*(func.substr(column, 1, len(str(start))) == start for start in values))
        case Operator.LESS_THAN:
            return or_(*(column < value for value in values))
        case Operator.GREATER_THAN:
            return or_(*(column > value for value in values))
        case _:
            return column.in_(values)


def _row(upload: Upload, item: Item) -> dict[str, Any]:
    return {
        "node": upload.node,
        "kind": upload.kind,
        "id": item.id,
        "title": item.title,
        "status": item.status,
        "severity": item.severity,
        "details": dict(item.details),
    }


def _kept(row: Any) -> Kept:
    item = Item(row.id, Status(row.status), Severity(row.severity), row.title, row.details)
    return Kept(row.node, row.kind, item, _execution(row))


def _execution(row: Any) -> Execution:
    return Execution(row.at, row.execution_id, row.execution_type)
