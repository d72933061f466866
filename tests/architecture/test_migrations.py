"""Migrations: servers of the release before go on while a newer one takes them."""

import re
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import Column

from ostler.foundation.storage import Migration
from ostler.server.compose import every_migration


class Observer:
    """Stands in for alembic's operations, and notes what an older server would stumble over."""

    def __init__(self, made: set[str]) -> None:
        self._made = made
        self.harm: list[str] = []

    def create_table(self, name: str, *columns: Any, **_: Any) -> None:
        self._made.add(name)

    def create_index(
        self, name: str, table: str, columns: Any, *, unique: bool = False, **_: Any
    ) -> None:
        if unique and table not in self._made:
            self.harm.append(f"{name}: rows that older servers add may not be unique")

    def add_column(self, table: str, column: Column[Any], **_: Any) -> None:
        bare = not column.nullable and column.server_default is None
        if bare and table not in self._made:
            self.harm.append(f"{table}.{column.name}: older servers add rows without it")

    @contextmanager
    def batch_alter_table(self, table: str, **_: Any) -> Any:
        yield _OfTable(self, table)

    def bulk_insert(self, table: Any, rows: Any, **_: Any) -> None:
        return None

    def execute(self, statement: Any, **_: Any) -> None:
        into = re.match(r"INSERT INTO (\w+)", str(statement))
        if into is None or into[1] not in self._made:
            self.harm.append(f"rows that older servers know: {statement}")

    def __getattr__(self, name: str) -> Any:
        def anything_else(*given: Any, **_: Any) -> None:
            self.harm.append(f"{name}{given[:2]}")

        return anything_else


class _OfTable:
    def __init__(self, observer: Observer, table: str) -> None:
        self._observer = observer
        self._table = table

    def __getattr__(self, name: str) -> Any:
        deed = getattr(self._observer, name)
        return lambda *given, **how: deed(self._table, *given, **how)


def harm_of(migration: Migration) -> list[str]:
    observer = Observer(set())
    migration.upgrade(observer)  # type: ignore[arg-type]
    return observer.harm


@pytest.mark.parametrize(
    "migration",
    [each for each in every_migration() if not each.contracts],
    ids=lambda each: f"{each.capability}-{each.number}",
)
def test_a_step_takes_nothing_away_from_servers_that_do_not_know_it(migration: Migration) -> None:
    """Expand first, contract in the release after: docs/internals/storage.md, rolling upgrades.

    What is found here needs `contracts=True`, and a release between it and the last server that
    uses what it takes away.
    """
    assert [] == harm_of(migration)


@pytest.mark.parametrize(
    ("deed", "harmful"),
    [
        (lambda op: op.drop_column("things", "size"), True),
        (lambda op: op.drop_table("things"), True),
        (lambda op: op.alter_column("things", "size", nullable=False), True),
        (lambda op: op.rename_table("things", "objects"), True),
        (lambda op: op.execute("DELETE FROM things"), True),
        (lambda op: op.add_column("things", Column("size", nullable=False)), True),
        (lambda op: op.create_index("i", "things", ["size"], unique=True), True),
        (lambda op: op.add_column("things", Column("size", nullable=True)), False),
        (
            lambda op: op.add_column("things", Column("size", server_default="0", nullable=False)),
            False,
        ),
        (lambda op: op.create_index("i", "things", ["size"]), False),
        (lambda op: op.create_table("other"), False),
        (
            lambda op: (op.create_table("other"), op.execute("INSERT INTO other SELECT 1")),
            False,
        ),
    ],
)
def test_what_would_harm_older_servers_is_noticed(deed: Any, harmful: bool) -> None:
    assert harmful is bool(harm_of(Migration("things", 2, "a step", deed)))
