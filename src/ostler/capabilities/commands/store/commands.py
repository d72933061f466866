"""Commands as they are kept."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Row, and_, bindparam, delete, exists, insert, or_, select, update

from ostler.capabilities.commands.model import (
    Command,
    Order,
    Outcome,
    Status,
    Step,
    Tally,
)
from ostler.capabilities.commands.store.tables import commands, invocations, outputs, streams
from ostler.foundation.ids import CommandId, NodeId
from ostler.foundation.paging import Page, PageRequest
from ostler.foundation.storage import Transaction

_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which commands are asked for; None wherever it does not matter."""

    command: CommandId | None = None
    node: NodeId | None = None
    after: datetime | None = None
    before: datetime | None = None
    document: str | None = None
    outcomes: Sequence[Outcome] | None = None


@dataclass(frozen=True, slots=True)
class Payload:
    """What every node of a command is sent."""

    command: CommandId
    document_name: str
    content: str
    parameters: Mapping[str, Any]
    order: Order


def add(tx: Transaction, command: Command, content: str, bound: Mapping[str, Any]) -> None:
    """Keep a new command; `content` and `bound` are what its nodes are sent."""
    terms = msgspec.to_builtins(command.order)
    parameters = terms.pop("parameters")
    tx.execute(
        insert(commands).values(
            command=command.id,
            requested=command.requested,
            expires=command.expires,
            document_name=command.document_name,
            terms=terms,
            parameters=parameters,
            steps=[[step.id, step.action, step.folder] for step in command.steps],
            content=content,
            bound=dict(bound),
            **_standing(command),
        )
    )


def find(tx: Transaction, command: CommandId) -> Command | None:
    """The command, None when there is none."""
    row = tx.one(_ONE, {"id": command})
    return None if row is None else _command(row)


def find_many(tx: Transaction, ids: Iterable[CommandId]) -> dict[CommandId, Command]:
    """Those of the commands that there are."""
    found = {}
    wanted = list(ids)
    for start in range(0, len(wanted), _AT_ONCE):
        some = wanted[start : start + _AT_ONCE]
        for row in tx.all(_SOME, {"ids": some}):
            found[CommandId(row.command)] = _command(row)
    return found


def save(tx: Transaction, command: Command) -> None:
    """Keep how the command stands now."""
    tx.execute(
        update(commands).where(commands.c.command == command.id).values(**_standing(command))
    )


def payload(tx: Transaction, command: CommandId) -> Payload | None:
    """What the command's nodes are sent."""
    columns = (commands.c.document_name, commands.c.content, commands.c.bound, commands.c.terms)
    row = tx.one(select(*columns).where(commands.c.command == command))
    if row is None:
        return None
    order = msgspec.convert(row.terms, Order)
    return Payload(command, row.document_name, row.content, row.bound, order)


def page(tx: Transaction, wanted: Wanted, asked: PageRequest) -> Page[Command]:
    """The commands that are wanted, the newest first."""
    table = commands
    query = _select().where(*_conditions(wanted))
    if asked.after is not None:
        requested, last = instant_of(asked.after[0]), asked.after[1]
        query = query.where(
            or_(
                table.c.requested < requested,
                and_(table.c.requested == requested, table.c.command > last),
            )
        )
    query = query.order_by(table.c.requested.desc(), table.c.command).limit(asked.limit + 1)
    found = [_command(row) for row in tx.all(query)]
    return Page.cut(found, asked.limit, lambda one: (instant_text(one.requested), one.id))


def unended(tx: Transaction) -> list[tuple[Outcome, Tally]]:
    """How the commands stand that have not ended."""
    open_ones = select(commands.c.outcome, commands.c.tally).where(commands.c.ended.is_(None))
    return [(Outcome(row.outcome), _tally(row)) for row in tx.all(open_ones)]


def forget(tx: Transaction, command: CommandId) -> None:
    """Drop a command and all that was kept of it here."""
    for table in (streams, outputs, invocations, commands):
        tx.execute(delete(table).where(table.c.command == command))


def instant_text(at: datetime) -> str:
    """An instant inside a paging token."""
    return at.isoformat()


def instant_of(text: str) -> datetime:
    """The instant that a paging token holds."""
    return datetime.fromisoformat(text)


def _conditions(wanted: Wanted) -> list[Any]:
    table = commands
    found: list[Any] = []
    if wanted.command is not None:
        found.append(table.c.command == wanted.command)
    if wanted.after is not None:
        found.append(table.c.requested >= wanted.after)
    if wanted.before is not None:
        found.append(table.c.requested < wanted.before)
    if wanted.document is not None:
        found.append(table.c.document_name == wanted.document)
    if wanted.outcomes is not None:
        found.append(table.c.outcome.in_([outcome.value for outcome in wanted.outcomes]))
    if wanted.node is not None:
        its = and_(invocations.c.command == table.c.command, invocations.c.node == wanted.node)
        found.append(exists(select(invocations.c.node).where(its)))
    return found


def _select() -> Any:
    hidden = (commands.c.content, commands.c.bound)
    return select(*(column for column in commands.c if column not in set(hidden)))


# Made once: asked again and again, by every poll and every batch of replies.
_ONE = _select().where(commands.c.command == bindparam("id"))
_SOME = _select().where(commands.c.command.in_(bindparam("ids", expanding=True)))


def _standing(command: Command) -> dict[str, Any]:
    return {
        "outcome": command.outcome.value,
        "tally": {status.value: number for status, number in command.tally.counts.items()},
        "cancelled": command.cancelled,
        "ended": command.ended,
    }


def _command(row: Row[Any]) -> Command:
    return Command(
        id=CommandId(row.command),
        order=msgspec.convert({**row.terms, "parameters": row.parameters}, Order),
        document_name=row.document_name,
        requested=row.requested,
        expires=row.expires,
        steps=tuple(Step(*step) for step in row.steps),
        outcome=Outcome(row.outcome),
        tally=_tally(row),
        cancelled=row.cancelled,
        ended=row.ended,
    )


def _tally(row: Row[Any]) -> Tally:
    return Tally({Status(status): number for status, number in row.tally.items()})
