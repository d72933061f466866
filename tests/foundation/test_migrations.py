"""Migrations: each is taken once, wholly or not at all."""

import asyncio
from itertools import chain

import pytest
import sqlalchemy
from alembic.operations import Operations
from sqlalchemy import Column, Integer, MetaData, String, inspect

from ostler.foundation import events, timers
from ostler.foundation.clock import ManualClock
from ostler.foundation.storage import (
    Migration,
    Scope,
    Storage,
    Transaction,
    scoped_columns,
    scoped_table,
)
from tests.support.databases import FOUNDATION, House, assert_schema_matches

metadata = MetaData()
things = scoped_table(
    "things",
    metadata,
    Column("id", String(20), primary_key=True),
    Column("size", Integer, nullable=False),
)


def create(op: Operations) -> None:
    op.create_table("things", *scoped_columns(), Column("id", String(20), primary_key=True))


def widen(op: Operations) -> None:
    with op.batch_alter_table("things") as table:
        table.add_column(Column("size", Integer, nullable=False, server_default="0"))


def break_off(op: Operations) -> None:
    op.create_table("halves", Column("id", Integer, primary_key=True))
    op.execute("SELECT nonsense FROM nowhere")


CREATE = Migration("things", 1, "create", create)
WIDEN = Migration("things", 2, "widen", widen)
BREAK_OFF = Migration("things", 3, "break off", break_off)


def test_the_migrated_tables_are_the_declared_ones() -> None:
    assert_schema_matches(FOUNDATION, timers.metadata)
    assert_schema_matches(FOUNDATION, events.metadata)
    assert_schema_matches([CREATE, WIDEN], metadata)


def test_a_schema_that_does_not_match_is_noticed() -> None:
    with pytest.raises(AssertionError, match="size"):
        assert_schema_matches([CREATE], metadata)


async def test_each_is_taken_once(storage: Storage, scope: Scope) -> None:
    assert [CREATE] == await storage.migrate([CREATE])
    await storage.write(None, lambda tx: _insert(tx, "old"))

    assert [WIDEN] == await storage.migrate([CREATE, WIDEN])
    assert [] == await storage.migrate([CREATE, WIDEN])
    kept = await storage.read(scope, lambda tx: tx.one(sqlalchemy.select(things)))
    assert kept is not None
    assert ("old", 0) == (kept.id, kept.size)


async def test_what_breaks_leaves_nothing(storage: Storage) -> None:
    with pytest.raises(sqlalchemy.exc.DBAPIError):
        await storage.migrate([CREATE, WIDEN, BREAK_OFF])

    names = inspect(storage.engine).get_table_names()
    assert "things" in names
    assert "halves" not in names
    assert [] == await storage.migrate([CREATE, WIDEN])


async def test_processes_that_start_at_once_migrate_once(house: House, clock: ManualClock) -> None:
    storages = [House(house.url, clock).storage for _ in range(4)]

    taken = await asyncio.gather(*(each.migrate([CREATE, WIDEN]) for each in storages))

    assert [CREATE, WIDEN] == sorted(chain(*taken), key=lambda step: step.number)
    for each in storages:
        each.close()


@pytest.mark.parametrize("numbers", [(2,), (1, 3), (2, 1), (1, 1)])
async def test_numbers_leave_no_gap(storage: Storage, numbers: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="should stand"):
        await storage.migrate([Migration("things", each, "step", create) for each in numbers])


def _insert(tx: Transaction, name: str) -> None:
    old = sqlalchemy.table("things", *map(sqlalchemy.column, ("account", "region", "id")))
    values = {"account": "111122223333", "region": "eu-west-1", "id": name}
    tx.execute(sqlalchemy.insert(old).values(values))
