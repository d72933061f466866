"""Invocations as they are kept, and the turns that many of them take at once."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, and_, bindparam, or_, select, text, update

from ostler.capabilities.commands.model import (
    OPEN,
    UNDELIVERED,
    Event,
    Invocation,
    Status,
    StepOutput,
    StepResult,
    owes_cancel,
    possible,
)
from ostler.capabilities.commands.store.commands import instant_of, instant_text
from ostler.capabilities.commands.store.tables import commands, invocations, outputs
from ostler.foundation.ids import CommandId, NodeId
from ostler.foundation.paging import Page, PageRequest
from ostler.foundation.storage import Transaction

_AT_ONCE = 500

RUN = "run"
CANCEL = "cancel"
_NOTHING = ""

# Asked again and again, by every poll and every batch of replies.
_ONE = select(invocations).where(
    invocations.c.command == bindparam("of"), invocations.c.node == bindparam("on")
)
_SOME = select(invocations).where(
    invocations.c.command == bindparam("of"),
    invocations.c.node.in_(bindparam("nodes", expanding=True)),
)
_WRITTEN = select(outputs).where(
    outputs.c.command == bindparam("of"), outputs.c.node.in_(bindparam("nodes", expanding=True))
)


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which invocations are asked for; None wherever it does not matter."""

    command: CommandId | None = None
    node: NodeId | None = None
    after: datetime | None = None
    before: datetime | None = None
    document: str | None = None
    statuses: Sequence[Status] | None = None


@dataclass(frozen=True, slots=True)
class Turn:
    """An invocation went from one status to another."""

    node: NodeId
    former: Status
    latter: Status


@dataclass(frozen=True, slots=True)
class Errand:
    """What a node must be told about a command: to run it, or to stop."""

    command: CommandId
    node: NodeId
    cancel: bool


def add(tx: Transaction, planned: Sequence[Invocation]) -> None:
    """Keep new invocations."""
    tx.insert_many(invocations, [_row(invocation) for invocation in planned])


def learn(tx: Transaction) -> None:
    """Let PostgreSQL's planner know that there are many more invocations than there were.

    It learns so by itself within a minute, and takes the wrong index until then.
    """
    if tx.dialect == "postgresql":
        tx.execute(text(f"ANALYZE {invocations.name}"))


def find(tx: Transaction, command: CommandId, node: NodeId) -> Invocation | None:
    """The invocation, None when there is none."""
    row = tx.one(_ONE, {"of": command, "on": node})
    return None if row is None else _invocation(row)


def find_many(
    tx: Transaction, command: CommandId, nodes: Iterable[NodeId]
) -> dict[NodeId, Invocation]:
    """The command's invocations on those of the nodes that it has."""
    found = {}
    wanted = list(nodes)
    for start in range(0, len(wanted), _AT_ONCE):
        some = wanted[start : start + _AT_ONCE]
        for row in tx.all(_SOME, {"of": command, "nodes": some}):
            found[NodeId(row.node)] = _invocation(row)
    return found


def save(tx: Transaction, changed: Sequence[Invocation]) -> None:
    """Keep how these invocations stand now; they are there already.

    An upsert, because it finds its row by the primary key on any day. Which index an update
    takes is for the planner to choose, and of a table that has just grown it knows nothing:
    ten thousand updates took fifty seconds.
    """
    tx.upsert(
        invocations,
        [_row(invocation) for invocation in changed],
        key=("command", "node"),
        update=("status", "sent", "received", "ended", "steps", "trace", "closed", "owed"),
    )


def start(tx: Transaction, command: CommandId, most: int, at: datetime) -> list[NodeId]:
    """Have so many of the command's waiting invocations start, in their order; whose they are."""
    if most <= 0:
        return []
    waiting = (
        invocations.c.command == command,
        invocations.c.status == Status.WAITING.value,
    )
    position = invocations.c.position
    last = tx.scalar(select(position).where(*waiting).order_by(position).offset(most - 1).limit(1))
    upto = () if last is None else (position <= last,)
    started = (
        update(invocations)
        .where(*waiting, *upto)
        .values(status=Status.PENDING.value, sent=at, owed=RUN)
        .returning(invocations.c.node)
    )
    return sorted(NodeId(node) for node in tx.execute(started).scalars())


def receive(
    tx: Transaction, command: CommandId, nodes: Sequence[NodeId], at: datetime
) -> list[Turn]:
    """These nodes say that they have the command; those of which that is news."""
    turned = []
    for former in possible(Event.RECEIVED):
        latter = former.after(Event.RECEIVED)
        found = tx.execute(
            update(invocations)
            .where(invocations.c.command == command, invocations.c.node.in_(nodes))
            .where(invocations.c.status == former.value)
            .values(status=latter.value, received=at, owed=_owed(latter, cancel=False))
            .returning(invocations.c.node)
        )
        turned += [Turn(NodeId(node), former, latter) for node in found.scalars()]
    return turned


def closed_among(tx: Transaction, command: CommandId, nodes: Sequence[NodeId]) -> set[NodeId]:
    """Those of the nodes on which the command ended without their word."""
    query = select(invocations.c.node).where(
        invocations.c.command == command, invocations.c.node.in_(nodes), invocations.c.closed
    )
    return {NodeId(node) for node in tx.execute(query).scalars()}


def turn(
    tx: Transaction,
    command: CommandId,
    event: Event,
    at: datetime,
    *,
    nodes: Sequence[NodeId] | None = None,
    sent_before: datetime | None = None,
) -> list[Turn]:
    """Let `event` happen to those of the command's invocations to which it can.

    It is never what a node says: what ends here is closed.
    """
    conditions = [invocations.c.command == command]
    if nodes is not None:
        conditions.append(invocations.c.node.in_(nodes))
    if sent_before is not None:
        conditions.append(invocations.c.sent <= sent_before)
    turned = []
    for former in possible(event):
        latter = former.after(event)
        owed = CANCEL if owes_cancel(event, former) else _owed(latter, cancel=False)
        values: dict[str, Any] = {"status": latter.value, "owed": owed}
        if latter.final:
            values |= {"ended": at, "closed": True}
        found = tx.execute(
            update(invocations)
            .where(*conditions, invocations.c.status == former.value)
            .values(values)
            .returning(invocations.c.node)
        )
        turned += [Turn(NodeId(node), former, latter) for node in found.scalars()]
    return turned


def errands(
    tx: Transaction, *, node: NodeId | None = None, command: CommandId | None = None
) -> list[Errand]:
    """What a node, or what the nodes of a command, must still be told, oldest first."""
    query = select(invocations.c.command, invocations.c.node, invocations.c.owed).where(
        invocations.c.owed.in_((RUN, CANCEL))
    )
    if node is not None:
        query = query.where(invocations.c.node == node)
    if command is not None:
        query = query.where(invocations.c.command == command)
    query = query.order_by(invocations.c.requested, invocations.c.command, invocations.c.node)
    return [
        Errand(CommandId(row.command), NodeId(row.node), row.owed == CANCEL)
        for row in tx.all(query)
    ]


def settle_cancel(tx: Transaction, command: CommandId, node: NodeId) -> None:
    """The node knows that it shall stop."""
    tx.execute(
        update(invocations)
        .where(invocations.c.command == command, invocations.c.node == node)
        .where(invocations.c.owed == CANCEL)
        .values(owed=_NOTHING)
    )


def commands_open_on(tx: Transaction, node: NodeId) -> list[CommandId]:
    """The commands that have not ended on the node."""
    query = select(invocations.c.command).where(
        invocations.c.node == node,
        invocations.c.status.in_([status.value for status in OPEN]),
    )
    return sorted(CommandId(command) for command in tx.execute(query).scalars())


def any_undelivered(tx: Transaction, command: CommandId) -> bool:
    """Whether a node may still have to be found silent."""
    query = select(invocations.c.node).where(
        invocations.c.command == command, invocations.c.status == Status.PENDING.value
    )
    return tx.scalar(query.limit(1)) is not None


def page(tx: Transaction, wanted: Wanted, asked: PageRequest) -> Page[Invocation]:
    """The invocations that are wanted, those of the newest commands first."""
    table = invocations
    query = select(table).where(*_conditions(wanted))
    if asked.after is not None:
        requested, command, node = instant_of(asked.after[0]), asked.after[1], asked.after[2]
        query = query.where(
            or_(
                table.c.requested < requested,
                and_(table.c.requested == requested, table.c.command > command),
                and_(
                    table.c.requested == requested,
                    table.c.command == command,
                    table.c.node > node,
                ),
            )
        )
    query = query.order_by(table.c.requested.desc(), table.c.command, table.c.node)
    found = [_invocation(row) for row in tx.all(query.limit(asked.limit + 1))]
    return Page.cut(
        found, asked.limit, lambda one: (instant_text(one.requested), one.command, one.node)
    )


def keep_outputs(
    tx: Transaction, command: CommandId, kept: Mapping[NodeId, Mapping[str, StepOutput]]
) -> None:
    """Keep what steps wrote; what is kept already stays."""
    rows = [
        {
            "command": command,
            "node": node,
            "step": step,
            "standard_output": output.standard_output,
            "standard_error": output.standard_error,
            "combined": output.combined,
        }
        for node, steps in kept.items()
        for step, output in steps.items()
    ]
    tx.upsert(outputs, rows, key=("command", "node", "step"), update=())


def outputs_of(
    tx: Transaction, pairs: Sequence[tuple[CommandId, NodeId]]
) -> dict[tuple[CommandId, NodeId], dict[str, StepOutput]]:
    """What the steps of these invocations wrote."""
    found: dict[tuple[CommandId, NodeId], dict[str, StepOutput]] = {}
    for command in {command for command, _ in pairs}:
        nodes = [node for of, node in pairs if of == command]
        for row in tx.all(_WRITTEN, {"of": command, "nodes": nodes}):
            found.setdefault((command, NodeId(row.node)), {})[row.step] = StepOutput(
                row.standard_output, row.standard_error, row.combined
            )
    return found


def _conditions(wanted: Wanted) -> list[Any]:
    table = invocations
    found: list[Any] = []
    if wanted.command is not None:
        found.append(table.c.command == wanted.command)
    if wanted.node is not None:
        found.append(table.c.node == wanted.node)
    if wanted.after is not None:
        found.append(table.c.requested >= wanted.after)
    if wanted.before is not None:
        found.append(table.c.requested < wanted.before)
    if wanted.statuses is not None:
        found.append(table.c.status.in_([status.value for status in wanted.statuses]))
    if wanted.document is not None:
        named = select(commands.c.command).where(commands.c.document_name == wanted.document)
        found.append(table.c.command.in_(named))
    return found


def _owed(status: Status, *, cancel: bool) -> str:
    if cancel or status is Status.CANCELLING:
        return CANCEL
    return RUN if status in UNDELIVERED else _NOTHING


def _row(invocation: Invocation) -> dict[str, Any]:
    return {
        "command": invocation.command,
        "node": invocation.node,
        "position": invocation.position,
        "requested": invocation.requested,
        "name": invocation.name,
        "status": invocation.status.value,
        "sent": invocation.sent,
        "received": invocation.received,
        "ended": invocation.ended,
        "steps": {
            step: [result.status.value, result.code, result.started, result.ended]
            for step, result in invocation.steps.items()
        },
        "trace": invocation.trace,
        "closed": invocation.closed,
        "owed": _owed(invocation.status, cancel=invocation.cancel_owed),
    }


def _invocation(row: Row[Any]) -> Invocation:
    return Invocation(
        command=CommandId(row.command),
        node=NodeId(row.node),
        requested=row.requested,
        position=row.position,
        name=row.name,
        status=Status(row.status),
        sent=row.sent,
        received=row.received,
        ended=row.ended,
        steps={step: _result(*kept) for step, kept in row.steps.items()},
        trace=row.trace,
        closed=row.closed,
        cancel_owed=row.owed == CANCEL,
    )


def _result(status: str, code: int, started: str | None, ended: str | None) -> StepResult:
    return StepResult(
        Status(status),
        code,
        None if started is None else datetime.fromisoformat(started),
        None if ended is None else datetime.fromisoformat(ended),
    )
