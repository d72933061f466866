"""Scoping: statements of a scoped transaction are compiled so that they see one scope's rows.

A transaction passes its account and region with every statement under two reserved names. Their
presence is part of SQLAlchemy's key for compiled statements, so the scoped and the whole-house
text of one statement are cached side by side, and scoping costs nothing after the first time.
Wherever the text would name a scoped table in order to read it, a subquery of that scope's rows
stands in its place, whatever the shape of the statement around it; both engines fold it away.
"""

import re
from collections.abc import Iterable
from typing import Any

from sqlalchemy import BindParameter, Engine, Select, Table, bindparam
from sqlalchemy.dialects.postgresql.psycopg import PGCompiler_psycopg
from sqlalchemy.dialects.sqlite.base import SQLiteCompiler
from sqlalchemy.sql.compiler import SQLCompiler

from ostler.foundation.storage.tables import is_scoped

ACCOUNT = "scope_account"
REGION = "scope_region"
_COLUMNS = {"account", "region"}
_PLAIN_LITERAL = re.compile(r"[\w*.]+|'[^']*'")

_account: BindParameter[str] = bindparam(ACCOUNT)
_region: BindParameter[str] = bindparam(REGION)


class Unscoped(Exception):
    """The statement cannot be kept to one scope; it was not run."""


class _Scoping(SQLCompiler):
    """What both dialects' compilers do when the statement comes with a scope."""

    @property
    def _scoped(self) -> bool:
        return self.column_keys is not None and ACCOUNT in self.column_keys

    def visit_table(self, table: Any, *arguments: Any, **kw: Any) -> Any:
        if not self._scoped or not kw.get("asfrom"):
            return _above(super()).visit_table(table, *arguments, **kw)
        scoped = _known(table)
        if kw.get("fromhints"):
            raise Unscoped(f"a hint on table {table.name} is text")
        name = self.preparer.format_table(table)
        if kw.get("iscrud") or not scoped:
            return name
        own = " AND ".join(self.process(condition) for condition in _own(table))
        rows = f"(SELECT * FROM {name} WHERE {own})"  # noqa: S608 - the compiler quoted the parts
        alias = kw.get("enclosing_alias")
        if alias is not None and alias.element is table:
            return rows
        return f"{rows} AS {self.preparer.quote(table.name)}"

    def visit_insert(self, insert_stmt: Any, *arguments: Any, **kw: Any) -> Any:
        _refuse_inner(kw)
        if self._scoped and _known(insert_stmt.table):
            insert_stmt = self._scoped_insert(insert_stmt)
        return _above(super()).visit_insert(insert_stmt, *arguments, **kw)

    def visit_update(self, update_stmt: Any, *arguments: Any, **kw: Any) -> Any:
        _refuse_inner(kw)
        if self._scoped and _known(update_stmt.table):
            self._refuse_own_scope(update_stmt._values or ())
            update_stmt = update_stmt.where(*_own(update_stmt.table))
        return _above(super()).visit_update(update_stmt, *arguments, **kw)

    def visit_delete(self, delete_stmt: Any, *arguments: Any, **kw: Any) -> Any:
        _refuse_inner(kw)
        if self._scoped and _known(delete_stmt.table):
            delete_stmt = delete_stmt.where(*_own(delete_stmt.table))
        return _above(super()).visit_delete(delete_stmt, *arguments, **kw)

    def visit_on_conflict_do_update(self, on_conflict: Any, **kw: Any) -> Any:
        statement: Any = self.stack[-1]["selectable"]
        if self._scoped and is_scoped(statement.table):
            targets = on_conflict.inferred_target_elements or ()
            if not {_name(target) for target in targets} >= _COLUMNS:
                raise Unscoped("a conflict is resolved only within account and region")
            self._refuse_own_scope(on_conflict.update_values_to_set)
        return _above(super()).visit_on_conflict_do_update(on_conflict, **kw)

    def visit_column(self, column: Any, *arguments: Any, **kw: Any) -> Any:
        if self._scoped and column.is_literal and not _PLAIN_LITERAL.fullmatch(column.name):
            raise Unscoped(f"text is not looked into: {column.name!r}")
        return _above(super()).visit_column(column, *arguments, **kw)

    def visit_textclause(self, textclause: Any, *arguments: Any, **kw: Any) -> Any:
        if self._scoped:
            raise Unscoped(f"text is not looked into: {textclause.text!r}")
        return _above(super()).visit_textclause(textclause, *arguments, **kw)

    def visit_tstring(self, tstring: Any, *arguments: Any, **kw: Any) -> Any:
        if self._scoped:
            raise Unscoped("text is not looked into: a template string")
        return _above(super()).visit_tstring(tstring, *arguments, **kw)

    def get_statement_hint_text(self, hint_texts: Any) -> Any:
        if self._scoped:
            raise Unscoped(f"text is not looked into: {hint_texts!r}")
        return _above(super()).get_statement_hint_text(hint_texts)

    def _scoped_insert(self, statement: Any) -> Any:
        own = {"account": _account, "region": _region}
        if statement._multi_values:
            rows = [row for several in statement._multi_values for row in several]
            for row in rows:
                self._refuse_own_scope(row)
            plain = statement._generate()
            plain._multi_values = ()
            return plain.values([{**row, **own} for row in rows])
        if statement.select is not None:
            names = statement._select_names or []
            self._refuse_own_scope(names)
            if not isinstance(statement.select, Select):
                raise Unscoped("only a plain select can be inserted from")
            plain = statement._generate()
            plain._select_names = None
            plain.select = None
            return plain.from_select([*names, *own], statement.select.add_columns(*own.values()))
        self._refuse_own_scope(statement._values or ())
        return statement.values(own)

    def _refuse_own_scope(self, columns: Iterable[Any]) -> None:
        """A scoped statement may not say itself whose the row is."""
        named = {_name(column) for column in columns} | set(self.column_keys or ())
        if named & _COLUMNS:
            raise Unscoped("account and region are the transaction's to give")


class _ScopingSqlite(_Scoping, SQLiteCompiler):
    pass


class _ScopingPostgresql(_Scoping, PGCompiler_psycopg):
    pass


def scope_statements(engine: Engine) -> None:
    """Have `engine` compile statements that come with a scope for that scope alone."""
    compilers = {"sqlite": _ScopingSqlite, "postgresql": _ScopingPostgresql}
    engine.dialect.statement_compiler = compilers[engine.dialect.name]


def _known(table: Any) -> bool:
    """Whether the table is scoped; Unscoped when that cannot be told."""
    if not isinstance(table, Table):
        raise Unscoped(f"{table!r} is not a declared table")
    if is_scoped(table):
        return True
    if set(table.c.keys()) >= _COLUMNS:
        raise Unscoped(f"table {table.name} has an account and a region, but is not scoped")
    return False


def _own(table: Any) -> tuple[Any, Any]:
    return table.c.account == _account, table.c.region == _region


def _name(column: Any) -> str:
    return column if isinstance(column, str) else str(column.key)


def _above(compiler: Any) -> Any:
    """The dialect's own compiler, whose methods carry no types."""
    return compiler


def _refuse_inner(kw: dict[str, Any]) -> None:
    if kw.get("visiting_cte") is not None:
        raise Unscoped("a statement that changes rows stands alone: SQLite has no other")
