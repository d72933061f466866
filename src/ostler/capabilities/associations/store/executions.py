"""Executions and their runs as they are kept."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, and_, bindparam, delete, func, insert, or_, select, tuple_, update

from ostler.capabilities.associations.model import (
    ERRORS,
    OPEN,
    Execution,
    Run,
    Status,
    Trigger,
)
from ostler.capabilities.associations.store.tables import executions, runs
from ostler.foundation.ids import NodeId
from ostler.foundation.paging import Page, PageRequest
from ostler.foundation.storage import Transaction

_AT_ONCE = 500
_COARSE = {
    "Pending": OPEN,
    "Success": (Status.SUCCESS, Status.SKIPPED),
    "Failed": ERRORS,
}


@dataclass(frozen=True, slots=True)
class WantedExecutions:
    """Which executions are asked for: how a value stands to another, EQUAL or on one side."""

    execution: str | None = None
    statuses: Sequence[Status] | None = None
    created: Sequence[tuple[str, datetime]] = ()


@dataclass(frozen=True, slots=True)
class WantedRuns:
    """Which runs are asked for."""

    node: str | None = None
    statuses: Sequence[Status] | None = None
    nothing: bool = False


def statuses_named(word: str) -> Sequence[Status]:
    """The statuses that AWS calls so, in its coarse words or in its fine ones."""
    fine = [status for status in Status if status.details == word]
    return [*_COARSE.get(word, ()), *fine]


def add(tx: Transaction, execution: Execution, nodes: Sequence[NodeId]) -> None:
    """Keep a new execution; its nodes wait for their turn, in this order."""
    tx.execute(
        insert(executions).values(
            association=execution.association,
            execution=execution.id,
            version=execution.version,
            trigger=execution.trigger.value,
            created=execution.created,
            max_concurrency=execution.max_concurrency,
            max_errors=execution.max_errors,
            **_standing(execution),
        )
    )
    tx.insert_many(
        runs,
        [
            {
                "execution": execution.id,
                "node": node,
                "association": execution.association,
                "position": position,
                "status": Status.WAITING.value,
                "bound": True,
                "deadline": None,
                "ended": None,
                "last": None,
                "version": execution.version,
                "summary": "",
                "error_code": "",
                "output_url": "",
            }
            for position, node in enumerate(nodes)
        ],
    )


def find(tx: Transaction, association: str, execution: str) -> Execution | None:
    """The execution, None when there is none."""
    its = (executions.c.association == association, executions.c.execution == execution)
    row = tx.one(select(executions).where(*its))
    return None if row is None else _execution(row)


def find_many(tx: Transaction, pairs: Sequence[tuple[str, str]]) -> dict[str, Execution]:
    """The executions of these associations, by their ids."""
    found = {}
    for some in _chunks(pairs):
        its = tuple_(executions.c.association, executions.c.execution).in_(some)
        for row in tx.all(select(executions).where(its)):
            found[row.execution] = _execution(row)
    return found


def save(tx: Transaction, execution: Execution) -> None:
    """Keep how the execution stands now."""
    its = (
        executions.c.association == execution.association,
        executions.c.execution == execution.id,
    )
    tx.execute(update(executions).where(*its).values(**_standing(execution)))


def page(
    tx: Transaction, association: str, wanted: WantedExecutions, asked: PageRequest
) -> Page[Execution]:
    """The executions that are wanted, the newest first."""
    table = executions
    query = select(table).where(table.c.association == association)
    if wanted.execution is not None:
        query = query.where(table.c.execution == wanted.execution)
    if wanted.statuses is not None:
        query = query.where(table.c.status.in_([one.value for one in wanted.statuses]))
    for relation, at in wanted.created:
        query = query.where(
            {
                "EQUAL": table.c.created == at,
                "LESS_THAN": table.c.created < at,
                "GREATER_THAN": table.c.created > at,
            }[relation]
        )
    if asked.after is not None:
        created, last = datetime.fromisoformat(asked.after[0]), asked.after[1]
        query = query.where(
            or_(
                table.c.created < created,
                and_(table.c.created == created, table.c.execution > last),
            )
        )
    query = query.order_by(table.c.created.desc(), table.c.execution).limit(asked.limit + 1)
    found = [_execution(row) for row in tx.all(query)]
    return Page.cut(found, asked.limit, lambda one: (one.created.isoformat(), one.id))


def run_page(tx: Transaction, execution: str, wanted: WantedRuns, asked: PageRequest) -> Page[Run]:
    """The runs that are wanted, in the order of their nodes."""
    if wanted.nothing:
        return Page([])
    query = select(runs).where(runs.c.execution == execution)
    if wanted.node is not None:
        query = query.where(runs.c.node == wanted.node)
    if wanted.statuses is not None:
        query = query.where(runs.c.status.in_([one.value for one in wanted.statuses]))
    if asked.after is not None:
        query = query.where(runs.c.node > asked.after[0])
    query = query.order_by(runs.c.node).limit(asked.limit + 1)
    return Page.cut([_run(row) for row in tx.all(query)], asked.limit, lambda run: (run.node,))


def open_runs(
    tx: Transaction, association: str, nodes: Sequence[NodeId] | None = None
) -> list[Run]:
    """The runs of the association that have not ended, on these nodes or on all."""
    its = (runs.c.association == association, runs.c.ended.is_(None))
    if nodes is None:
        return [_run(row) for row in tx.all(select(runs).where(*its))]
    return [
        _run(row)
        for some in _chunks(nodes)
        for row in tx.all(select(runs).where(*its, runs.c.node.in_(some)))
    ]


def overdue(tx: Transaction, at: datetime, limit: int) -> list[Run]:
    """Runs whose deadline has passed."""
    query = select(runs).where(runs.c.deadline <= at).order_by(runs.c.deadline).limit(limit)
    return [_run(row) for row in tx.all(query)]


def next_deadline(tx: Transaction) -> datetime | None:
    """The earliest deadline of the scope."""
    found: datetime | None = tx.scalar(select(func.min(runs.c.deadline)))
    return found


def waiting(tx: Transaction, execution: str, limit: int) -> list[NodeId]:
    """Those that wait for their turn, the first of them."""
    query = (
        select(runs.c.node)
        .where(runs.c.execution == execution, runs.c.status == Status.WAITING.value)
        .order_by(runs.c.position)
        .limit(limit)
    )
    return [NodeId(row.node) for row in tx.all(query)]


def taking_room(tx: Transaction, execution: str) -> int:
    """How many runs take up room."""
    at_work = (Status.PENDING.value, Status.IN_PROGRESS.value)
    query = (
        select(func.count())
        .select_from(runs)
        .where(runs.c.execution == execution, runs.c.status.in_(at_work), runs.c.bound)
    )
    return int(tx.scalar(query))


def grant(
    tx: Transaction,
    execution: str,
    nodes: Sequence[NodeId],
    *,
    bound: bool,
    deadline: datetime | None,
) -> None:
    """These nodes may begin."""
    for some in _chunks(nodes):
        tx.execute(
            update(runs)
            .where(runs.c.execution == execution, runs.c.node.in_(some))
            .values(status=Status.PENDING.value, bound=bound, deadline=deadline)
        )


def release(tx: Transaction, pairs: Sequence[tuple[str, NodeId]]) -> None:
    """These runs take up no room any more: their nodes are silent."""
    for some in _chunks(pairs):
        its = tuple_(runs.c.execution, runs.c.node).in_(some)
        tx.execute(update(runs).where(its).values(bound=False, deadline=None))


def end(
    tx: Transaction,
    pairs: Sequence[tuple[str, NodeId]],
    status: Status,
    at: datetime,
    summary: str,
) -> None:
    """The server ends these runs."""
    for some in _chunks(pairs):
        its = tuple_(runs.c.execution, runs.c.node).in_(some)
        values = {"status": status.value, "ended": at, "deadline": None, "summary": summary}
        tx.execute(update(runs).where(its).values(**values))


_SAVE = (
    update(runs)
    .where(runs.c.execution == bindparam("its_execution"), runs.c.node == bindparam("its_node"))
    .values(
        {
            name: bindparam(f"new_{name}")
            for name in (
                *("status", "bound", "deadline", "ended", "last"),
                *("summary", "error_code", "output_url"),
            )
        }
    )
)


def save_runs(tx: Transaction, changed: Sequence[Run]) -> None:
    """Keep how these stand now."""
    if not changed:
        return
    tx.execute(
        _SAVE,
        [
            {
                "its_execution": run.execution,
                "its_node": run.node,
                "new_status": run.status.value,
                "new_bound": run.bound,
                "new_deadline": run.deadline,
                "new_ended": run.ended,
                "new_last": run.last,
                "new_summary": run.summary,
                "new_error_code": run.error_code,
                "new_output_url": run.output_url,
            }
            for run in changed
        ],
    )


def find_runs(
    tx: Transaction, pairs: Sequence[tuple[str, NodeId]]
) -> dict[tuple[str, NodeId], Run]:
    """The runs of these executions on these nodes."""
    found = {}
    for some in _chunks(pairs):
        its = tuple_(runs.c.execution, runs.c.node).in_(some)
        for row in tx.all(select(runs).where(its)):
            found[row.execution, NodeId(row.node)] = _run(row)
    return found


def forget(tx: Transaction, association: str, before: datetime) -> None:
    """Drop the association's executions that ended before that instant."""
    old = and_(executions.c.association == association, executions.c.ended < before)
    ids = [row.execution for row in tx.all(select(executions.c.execution).where(old).limit(100))]
    if ids:
        tx.execute(delete(runs).where(runs.c.execution.in_(ids)))
        tx.execute(
            delete(executions).where(
                executions.c.association == association, executions.c.execution.in_(ids)
            )
        )


def _standing(execution: Execution) -> dict[str, Any]:
    return {
        "tally": {status.value: number for status, number in execution.tally.items()},
        "status": execution.status.value,
        "last": execution.last,
        "ended": execution.ended,
    }


def _execution(row: Row[Any]) -> Execution:
    return Execution(
        id=row.execution,
        association=row.association,
        version=row.version,
        trigger=Trigger(row.trigger),
        created=row.created,
        max_concurrency=row.max_concurrency,
        max_errors=row.max_errors,
        tally={Status(status): number for status, number in row.tally.items()},
        status=Status(row.status),
        last=row.last,
        ended=row.ended,
    )


def _run(row: Row[Any]) -> Run:
    return Run(
        execution=row.execution,
        association=row.association,
        node=NodeId(row.node),
        status=Status(row.status),
        bound=row.bound,
        deadline=row.deadline,
        ended=row.ended,
        last=row.last,
        version=row.version,
        summary=row.summary,
        error_code=row.error_code,
        output_url=row.output_url,
    )


def _chunks(items: Sequence[Any]) -> Iterator[Sequence[Any]]:
    for start in range(0, len(items), _AT_ONCE):
        yield items[start : start + _AT_ONCE]
