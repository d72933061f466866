"""Transactions: what a function may do to the database, in the scope it was given."""

import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from typing import Any, Protocol

from sqlalchemy import Connection, CursorResult, Executable, Row, Table, func, insert, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import DBAPIError

from ostler.foundation.ids import AccountId, Region
from ostler.foundation.storage.scoping import ACCOUNT, REGION
from ostler.foundation.storage.tables import is_scoped

Parameters = Mapping[str, Any] | Sequence[Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Scope:
    """Whose rows: one account in one region.

    `witness` is called inside the first transaction of a call that changes anything; what it
    writes is committed with the change or not at all.
    """

    account: AccountId
    region: Region
    witness: Callable[["Transaction"], None] | None = field(default=None, compare=False, repr=False)


class Outbox(Protocol):
    """Writes down what transactions tell, so that others hear of it."""

    def write(self, tx: "Transaction", told: Sequence[tuple[Scope, Any]]) -> None:
        """Keep the events of `told`, just before the commit."""
        ...


@dataclass(frozen=True, slots=True)
class Later:
    """What must happen later: the one timer of this kind and key in the scope."""

    scope: Scope
    kind: str
    key: str
    due_at: datetime
    payload: Mapping[str, Any] | None = None


class DueWork(Protocol):
    """Writes down what must happen later."""

    def schedule(self, tx: "Transaction", work: Sequence[Later]) -> None: ...

    def unschedule(self, tx: "Transaction", scope: Scope, kind: str, key: str) -> None: ...

    def finish(self, tx: "Transaction", due: Any) -> None: ...


class ReadOnly(Exception):
    """A function given to `read` tried to change something."""


class Spoiled(Exception):
    """The transaction goes on after a statement failed outside `savepoint()`."""


HOUSE = Scope(AccountId(""), Region(""))
"""The scope of what belongs to no account: the house's own timers and events."""


class Transaction:
    """What a function given to `storage.write` or `storage.read` works with."""

    def __init__(
        self,
        connection: Connection,
        scope: Scope | None,
        *,
        outbox: Outbox,
        due_work: DueWork,
        before_change: Callable[[], None],
    ) -> None:
        self.scope = scope
        self.dialect: str = connection.dialect.name
        self.changed = False
        self.told: list[tuple[Scope, Any]] = []
        self.callbacks: list[Callable[[], None]] = []
        self._connection = connection
        self._outbox = outbox
        self._due_work = due_work
        self._before_change = before_change
        self._may_change = True
        self.spoiled = False
        self._own = {} if scope is None else {ACCOUNT: scope.account, REGION: scope.region}

    # Reading

    def execute(
        self, statement: Executable, parameters: Parameters | None = None
    ) -> CursorResult[Any]:
        """Run a statement; every scoped table in it is this scope's part of that table."""
        if self.spoiled:
            raise Spoiled("a statement of this transaction failed; use tx.savepoint() around it")
        if not statement.is_select:
            self._changing()
        try:
            return self._connection.execute(statement, self._with_scope(parameters))
        except DBAPIError:
            self.spoiled = True
            raise

    def all(
        self, statement: Executable, parameters: Parameters | None = None
    ) -> Sequence[Row[Any]]:
        """Every row."""
        return self.execute(statement, parameters).all()

    def one(self, statement: Executable, parameters: Parameters | None = None) -> Row[Any] | None:
        """The only row, None when there is none; an exception when there are several."""
        return self.execute(statement, parameters).one_or_none()

    def scalar(self, statement: Executable, parameters: Parameters | None = None) -> Any:
        """The first column of the first row; None when there is no row."""
        return self.execute(statement, parameters).scalar()

    # Changing

    def insert_many(self, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
        """Insert rows that all have the same members."""
        if rows:
            self.execute(insert(table), rows)

    def upsert(
        self,
        table: Table,
        values: Mapping[str, Any] | Sequence[Mapping[str, Any]],
        *,
        key: Sequence[str],
        update: Sequence[str] | Mapping[str, Any] | None = None,
    ) -> CursorResult[Any] | None:
        """Insert, or update the row that has the same `key` (within the scope).

        `update` names the members that an existing row takes over, by default all but the key;
        a mapping gives expressions instead; empty leaves the existing row as it is. Several
        rows must all have the same members.
        """
        rows = [values] if isinstance(values, Mapping) else list(values)
        if not rows:
            return None
        if update is None:
            update = [name for name in rows[0] if name not in key and name not in _SCOPE_KEY]
        if isinstance(update, Mapping):
            statement = _upsert(self.dialect, table, tuple(key), None, update)
        else:
            statement = _plain_upsert(self.dialect, table, tuple(key), tuple(update))
        return self.execute(statement, rows[0] if len(rows) == 1 else rows)

    @contextmanager
    def savepoint(self) -> Iterator[None]:
        """What fails inside is undone alone; the exception goes on, to be caught outside."""
        self._changing()
        point = self._connection.begin_nested()
        try:
            yield
        except BaseException:
            point.rollback()
            self.spoiled = False
            raise
        point.commit()

    # Telling, and what comes later

    def tell(self, event: Any, *, scope: Scope | None = None) -> None:
        """Let those who listen know, once this is committed and even after a crash."""
        self._changing()
        self.told.append((self._whose(scope), event))

    def schedule(
        self,
        kind: str,
        key: str,
        due_at: datetime,
        payload: Mapping[str, Any] | None = None,
        *,
        scope: Scope | None = None,
    ) -> None:
        """Have the handler of `kind` run at `due_at`; there is one timer of a kind and key."""
        self.schedule_many([Later(self._whose(scope), kind, key, due_at, payload)])

    def schedule_many(self, work: Sequence[Later]) -> None:
        """Schedule much at once."""
        for later in work:
            self._whose(later.scope)
        self._due_work.schedule(self, work)

    def unschedule(self, kind: str, key: str, *, scope: Scope | None = None) -> None:
        """Forget the timer, if there is one; a handler at work on it will not finish."""
        self._due_work.unschedule(self, self._whose(scope), kind, key)

    def finish(self, due: Any) -> None:
        """The timer's work is done by this transaction; LeaseLost when it is not ours any more."""
        self._due_work.finish(self, due)

    def alone(self, name: str) -> None:
        """From here to the commit no other transaction is between its `alone(name)` and its end."""
        if self.dialect == "postgresql":
            self.execute(select(func.pg_advisory_xact_lock(zlib.crc32(name.encode()))))

    def after_commit(self, callback: Callable[[], None]) -> None:
        """Call back in the event loop, once what this function did is durable."""
        self.callbacks.append(callback)

    def forbid_changes(self) -> None:
        """From now on, whatever would change something raises ReadOnly."""
        self._may_change = False

    def _whose(self, scope: Scope | None) -> Scope:
        if self.scope is not None and scope is not None and scope != self.scope:
            raise ValueError(f"{scope} is not the transaction's own")
        return scope or self.scope or HOUSE

    def _changing(self) -> None:
        if not self._may_change:
            raise ReadOnly("storage.read runs functions that only read")
        if not self.changed:
            self._before_change()
            self.changed = True

    def _with_scope(self, parameters: Parameters | None) -> Any:
        if not self._own:
            return parameters
        if parameters is None:
            return self._own
        if isinstance(parameters, Mapping):
            return {**parameters, **self._own}
        return [{**row, **self._own} for row in parameters]


_SCOPE_KEY = ("account", "region")
_INSERT: dict[str, Callable[[Table], Any]] = {
    "sqlite": sqlite.insert,
    "postgresql": postgresql.insert,
}


def _upsert(
    dialect: str,
    table: Table,
    key: tuple[str, ...],
    names: tuple[str, ...] | None,
    values: Mapping[str, Any] | None,
) -> Any:
    statement = _INSERT[dialect](table)
    if is_scoped(table) and not set(_SCOPE_KEY) & set(key):
        key = (*_SCOPE_KEY, *key)
    setting = values if names is None else {name: statement.excluded[name] for name in names}
    if not setting:
        return statement.on_conflict_do_nothing(index_elements=key)
    return statement.on_conflict_do_update(index_elements=key, set_=setting)


@lru_cache(maxsize=1024)
def _plain_upsert(dialect: str, table: Table, key: tuple[str, ...], names: tuple[str, ...]) -> Any:
    return _upsert(dialect, table, key, names, None)
