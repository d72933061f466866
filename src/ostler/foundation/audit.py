"""The audit log: who asked for what, on which resources, and what came of it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import msgspec
import structlog
from alembic.operations import Operations
from sqlalchemy import (
    Boolean,
    Column,
    ColumnElement,
    Index,
    MetaData,
    String,
    Text,
    delete,
    func,
    insert,
    or_,
    select,
    update,
)
from sqlalchemy.exc import DataError, IntegrityError, SQLAlchemyError

from ostler.foundation.call import ANONYMOUS, Call
from ostler.foundation.clock import Clock
from ostler.foundation.storage import (
    Instant,
    Json,
    Migration,
    Storage,
    Transaction,
    numbered,
    scoped_columns,
    scoped_table,
)

SUCCESS = "Success"
WINDOW = timedelta(seconds=1)
"""How long a record that no transaction carries may wait for others to be written with."""
_MINUTE = timedelta(minutes=1)

_MOST_WAITING = 50_000
_LONGEST_INPUT = 16 * 1024
_LONGEST_INPUT_OF_STRANGERS = 1024
STRANGERS_A_MINUTE = 600
"""So many refusals of callers who proved nothing are kept, or they could fill the disk."""

Witness = Callable[[Transaction], None]
"""Is called inside the transaction that changes something, and writes with it."""

log = structlog.get_logger()

metadata = MetaData()
audit = scoped_table(
    "audit",
    metadata,
    numbered("sequence"),
    Column("at", Instant, nullable=False),
    Column("request_id", String(64), nullable=False),
    Column("caller", String(2048), nullable=False),
    Column("access_key", String(128), nullable=False),
    Column("source", String(64), nullable=False),
    Column("action", String(256), nullable=False),
    Column("input", Text, nullable=False),
    Column("resources", Json, nullable=False),
    Column("outcome", String(128), nullable=False),
    Column("changed", Boolean, nullable=False),
    keyed=False,
)
Index("audit_at", audit.c.at)


class Entry:
    """One call on its way into the log."""

    __slots__ = ("call", "given", "sequence")

    def __init__(self, call: Call, given: Any) -> None:
        self.call = call
        self.given = given
        self.sequence: int | None = None

    @property
    def kept(self) -> bool:
        """Whether a change has carried the record."""
        return self.sequence is not None

    def keep(self, sequence: int) -> None:
        """The record of that number is durable."""
        self.sequence = sequence


@dataclass(frozen=True, slots=True)
class Record:
    """One call as the log has it.

    `input` is JSON without what the model calls sensitive; `changed` tells that the record was
    committed together with the change it is about.
    """

    sequence: int
    account: str
    region: str
    at: datetime
    request_id: str
    caller: str
    access_key: str
    source: str
    action: str
    input: str
    resources: Sequence[str]
    outcome: str
    changed: bool


class Audit:
    """Keeps a record of every call.

    The record of a call that changes something is written in the transaction of the change;
    those of reads and refusals are collected for up to a second. So is what came of a call that
    was refused although something had been changed: that somebody tried, say.
    """

    def __init__(self, storage: Storage, clock: Clock) -> None:
        self._storage = storage
        self._clock = clock
        self._waiting: list[dict[str, Any]] = []
        self._outcomes: dict[int, str] = {}
        self._strangers = 0
        self._strangers_since = clock.now()
        self.lost = 0

    def entry(self, call: Call, given: Any) -> Entry:
        """Begin the record of a call with the input `given`, from which secrets are removed."""
        return Entry(call, given)

    def witness(self, entry: Entry) -> Witness:
        """What the call's first changing transaction runs, so that it carries the record."""

        def write(tx: Transaction) -> None:
            if entry.kept:
                return
            # A transaction of the whole house gives its rows no scope.
            whose = _scope_of(entry) if tx.scope is None else {}
            row = {**whose, **_row(entry, SUCCESS, changed=True)}
            sequence = tx.execute(insert(audit).returning(audit.c.sequence), row).scalar_one()
            tx.after_commit(lambda: entry.keep(sequence))

        return write

    def record(self, entry: Entry, outcome: str) -> None:
        """Keep the outcome of a call, unless its change has carried the record already."""
        if entry.sequence is not None:
            if outcome != SUCCESS:
                self._outcomes[entry.sequence] = outcome
            return
        if len(self._waiting) >= _MOST_WAITING:
            self.lost += 1
            log.error("audit_record_lost", request_id=entry.call.request_id, outcome=outcome)
            return
        if outcome == SUCCESS or not _is_stranger(entry.call) or self._room_for_stranger():
            self._waiting.append({**_scope_of(entry), **_row(entry, outcome, changed=False)})

    def note(self, call: Call, given: Any, outcome: str) -> None:
        """Keep a record of what was no operation: a refusal at another door, say."""
        self.record(self.entry(call, given), outcome)

    @property
    def backlog(self) -> int:
        """How many records wait to be written."""
        return len(self._waiting)

    async def run(self) -> None:
        """Write what was collected, every second, until cancelled."""
        while True:
            await self._clock.sleep(WINDOW)
            await self.write_down()

    async def write_down(self) -> None:
        """Write what was collected; what cannot be written now waits for the next time."""
        rows, self._waiting = self._waiting, []
        outcomes, self._outcomes = self._outcomes, {}
        if not rows and not outcomes:
            return

        def write(tx: Transaction) -> None:
            tx.insert_many(audit, rows)
            for sequence, outcome in outcomes.items():
                tx.execute(
                    update(audit).where(audit.c.sequence == sequence).values(outcome=outcome)
                )

        try:
            await self._storage.write(None, write)
        except (DataError, IntegrityError):
            self._outcomes = {**outcomes, **self._outcomes}
            await self._write_singly(rows)
        except (SQLAlchemyError, OSError):
            log.exception("audit_not_written", records=len(rows))
            self._waiting = rows + self._waiting
            self._outcomes = {**outcomes, **self._outcomes}

    async def _write_singly(self, rows: Sequence[dict[str, Any]]) -> None:
        """Write what the database takes: one record that it does not must not stop the rest."""
        for row in rows:
            try:
                await self._storage.write(None, partial(_add, row))
            except (DataError, IntegrityError):
                self.lost += 1
                log.exception("audit_record_lost", request_id=row["request_id"])
            except (SQLAlchemyError, OSError):
                self._waiting.append(row)

    def _room_for_stranger(self) -> bool:
        """Whether one more refusal of somebody unknown may be kept in this minute."""
        now = self._clock.now()
        if now - self._strangers_since >= _MINUTE:
            if self._strangers > STRANGERS_A_MINUTE:
                log.warning("audit_strangers_left_out", refusals=self._strangers)
            self._strangers, self._strangers_since = 0, now
        self._strangers += 1
        return self._strangers <= STRANGERS_A_MINUTE


def _add(row: dict[str, Any], tx: Transaction) -> None:
    tx.execute(insert(audit), row)


def find(
    tx: Transaction,
    *,
    after: int = 0,
    limit: int = 100,
    account: str = "",
    action: str = "",
    caller: str = "",
    since: datetime | None = None,
    newest: bool = False,
) -> list[Record]:
    """The records after a number, oldest first, in the transaction's scope.

    Where there are more than `limit`, it is the oldest of them, or the `newest`. A `caller` is
    an ARN, or what stands behind the last slash of one.
    """
    wanted = select(audit).where(audit.c.sequence > after).limit(limit)
    wanted = wanted.order_by(audit.c.sequence.desc() if newest else audit.c.sequence)
    if account:
        wanted = wanted.where(audit.c.account == account)
    if action:
        wanted = wanted.where(audit.c.action == action)
    if caller:
        wanted = wanted.where(or_(audit.c.caller == caller, _ends(audit.c.caller, f"/{caller}")))
    if since is not None:
        wanted = wanted.where(audit.c.at >= since)
    found = [Record(**row._mapping) for row in tx.all(wanted)]
    return found[::-1] if newest else found


def forget(tx: Transaction, before: datetime) -> int:
    """Drop the records from before that instant; how many they were."""
    return tx.execute(delete(audit).where(audit.c.at < before)).rowcount


def _ends(column: Column[str], end: str) -> ColumnElement[bool]:
    """Whether the text ends so; LIKE differs between the engines in what it does with case."""
    return func.substr(column, func.length(column) - len(end) + 1) == end


def _is_stranger(call: Call) -> bool:
    return call.caller.arn == ANONYMOUS


def _scope_of(entry: Entry) -> dict[str, Any]:
    return {"account": entry.call.account, "region": entry.call.region}


def _row(entry: Entry, outcome: str, *, changed: bool) -> dict[str, Any]:
    call = entry.call
    longest = _LONGEST_INPUT_OF_STRANGERS if _is_stranger(call) else _LONGEST_INPUT
    return {
        "at": call.at,
        "request_id": call.request_id,
        "caller": call.caller.arn,
        "access_key": call.caller.access_key,
        "source": _first(call.context, "aws:SourceIp"),
        "action": call.action,
        "input": msgspec.json.encode(entry.given).decode(errors="replace")[:longest],
        "resources": list(call.asked_for),
        "outcome": outcome,
        "changed": changed,
    }


def _first(context: Mapping[str, Sequence[str]], key: str) -> str:
    values = context.get(key, ())
    return values[0] if values else ""


def _create(op: Operations) -> None:
    op.create_table(
        "audit",
        *scoped_columns(keyed=False),
        numbered("sequence"),
        Column("at", Instant, nullable=False),
        Column("request_id", String(64), nullable=False),
        Column("caller", String(2048), nullable=False),
        Column("access_key", String(128), nullable=False),
        Column("source", String(64), nullable=False),
        Column("action", String(256), nullable=False),
        Column("input", Text, nullable=False),
        Column("resources", Json, nullable=False),
        Column("outcome", String(128), nullable=False),
        Column("changed", Boolean, nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_index("audit_at", "audit", ["at"])


MIGRATIONS = (Migration("audit", 1, "create the audit log", _create),)
