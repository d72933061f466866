"""Migrations: each is taken once, wholly or not at all."""

import asyncio
from functools import partial
from itertools import chain

import pytest
import sqlalchemy
from alembic.operations import Operations
from sqlalchemy import Column, Integer, MetaData, String, insert, inspect

from ostler.foundation import events, timers
from ostler.foundation.clock import ManualClock
from ostler.foundation.storage import (
    Migration,
    NewerSchema,
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


NARROW = Migration(
    "things", 3, "forget the size", lambda op: op.drop_column("things", "size"), contracts=True
)


async def test_a_server_of_the_version_before_goes_on_over_what_was_added(
    house: House, scope: Scope
) -> None:
    """Also while it is added: a rolling upgrade stops nobody."""
    await house.storage.migrate([CREATE])
    newer = House(house.url, ManualClock())
    old = sqlalchemy.Table(
        "things", MetaData(), *scoped_columns(), Column("id", String(20), primary_key=True)
    )
    done = asyncio.Event()

    def add(tx: Transaction, row: dict[str, str]) -> None:
        tx.execute(insert(old), row)

    async def serve() -> int:
        served = 0
        while not done.is_set() or served < 10:
            row = {"account": scope.account, "region": scope.region, "id": f"row-{served}"}
            await house.storage.write(None, partial(add, row=row))
            served += 1
        return served

    serving = asyncio.create_task(serve())
    assert [WIDEN] == await newer.storage.migrate([CREATE, WIDEN])
    done.set()
    served = await serving
    newer.storage.close()

    assert [] == await house.storage.migrate([CREATE])
    kept = await house.storage.read(scope, lambda tx: tx.all(sqlalchemy.select(things)))
    assert served == len(kept)
    assert {0} == {row.size for row in kept}


async def test_a_server_that_lacks_what_was_taken_away_refuses(storage: Storage) -> None:
    await storage.migrate([CREATE, WIDEN, NARROW])

    with pytest.raises(NewerSchema, match=r"things 3 \(forget the size\)"):
        await storage.migrate([CREATE, WIDEN])
    assert [] == await storage.migrate([CREATE, WIDEN, NARROW])
    # Whoever knows nothing of a capability has no part in it.
    assert [] == await storage.migrate(FOUNDATION)


async def test_tables_from_before_steps_said_whether_they_contract(storage: Storage) -> None:
    await storage.migrate([CREATE])
    former = sqlalchemy.text("ALTER TABLE migrations DROP COLUMN contracts")
    await storage.write(None, lambda tx: tx.execute(former) and None)

    assert [WIDEN] == await storage.migrate([CREATE, WIDEN])
    assert [NARROW] == await storage.migrate([CREATE, WIDEN, NARROW])
    with pytest.raises(NewerSchema):
        await storage.migrate([CREATE, WIDEN])
