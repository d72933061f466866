"""Snapshots: what one engine gives, either of them takes back."""

import asyncio
import itertools
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from alembic.operations import Operations
from sqlalchemy import Boolean, Column, LargeBinary, MetaData, Text, delete, insert, select

from ostler.foundation.clock import ManualClock
from ostler.foundation.storage import (
    Instant,
    Json,
    Migration,
    Scope,
    Transaction,
    numbered,
    scoped_columns,
    scoped_table,
)
from ostler.foundation.storage.snapshot import DatabaseFault, NotEmpty, filling, snapshot
from tests.support.databases import ENGINES, FOUNDATION, House
from tests.support.postgresql import cluster

metadata = MetaData()
notes = scoped_table(
    "notes",
    metadata,
    numbered("sequence"),
    Column("at", Instant),
    Column("body", Text),
    Column("more", Json),
    Column("secret", LargeBinary),
    Column("open", Boolean, nullable=False),
    keyed=False,
)


def _create(op: Operations) -> None:
    op.create_table(
        "notes",
        *scoped_columns(keyed=False),
        numbered("sequence"),
        Column("at", Instant),
        Column("body", Text),
        Column("more", Json),
        Column("secret", LargeBinary),
        Column("open", Boolean, nullable=False),
        sqlite_autoincrement=True,
    )
    # A migration that brings a row along, as one that moves rows does.
    op.execute("INSERT INTO notes (account, region, open) VALUES ('1', 'here', TRUE)")


MIGRATIONS = (*FOUNDATION, Migration("notes", 1, "create the notes", _create))

_names = itertools.count(1)


@pytest.fixture
def migrations() -> Sequence[Migration]:
    return MIGRATIONS


@pytest.fixture(params=ENGINES)
def elsewhere(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a database in which there is nothing yet."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/elsewhere.db"
    name = f"elsewhere{next(_names)}"
    cluster().say(f"CREATE DATABASE {name}")
    return cluster().url(name)


def all_notes(tx: Transaction) -> list[Any]:
    return [tuple(row) for row in tx.all(select(notes).order_by(notes.c.sequence))]


def copy(source: str, target: str) -> None:
    with snapshot(source) as moment, filling(target, MIGRATIONS) as database:
        for rows in moment.rows():
            database.put(rows)
        database.count_on(moment.numbers())


async def test_everything_comes_back_on_either_engine(
    house: House, elsewhere: str, scope: Scope, clock: ManualClock
) -> None:
    given = [
        {
            "at": clock.now(),
            "body": 'naïve "words"\n',
            "more": {"a": [1]},
            "secret": bytes(range(256)),
        },
        {"at": None, "body": "", "more": None, "secret": None},
    ]

    def write(tx: Transaction) -> int:
        tx.insert_many(notes, [{**each, "open": each["at"] is None} for each in given * 1100])
        tx.schedule("kind", "key", clock.now(), {"payload": 1})
        last = add_note(tx)
        tx.execute(delete(notes).where(notes.c.sequence == last))
        return last

    last = await house.storage.write(scope, write)
    before = await house.storage.read(scope, all_notes)

    await asyncio.to_thread(copy, house.url, elsewhere)

    restored = House(elsewhere, clock).storage
    assert before == await restored.read(scope, all_notes)
    assert [] == await restored.untaken()
    # A number that was given is never given again, though its row is gone.
    assert last + 1 == await restored.write(scope, add_note)
    restored.close()


def add_note(tx: Transaction) -> int:
    return int(tx.scalar(insert(notes).values(open=True).returning(notes.c.sequence)))


async def test_a_snapshot_is_of_one_moment(house: House, scope: Scope) -> None:
    """What is written while it is read is not in it, and need not wait for it."""
    await house.storage.write(None, lambda tx: tx.execute(delete(notes)).rowcount)
    await house.storage.write(scope, add_note)
    with snapshot(house.url) as moment:
        parts = moment.rows()
        seen = [next(parts)]
        await house.storage.write(scope, add_note)
        seen += parts

    assert 1 == sum(len(rows.values) for rows in seen if rows.table == "notes")


async def test_what_fails_leaves_nothing_behind(house: House, elsewhere: str) -> None:
    with pytest.raises(LookupError), filling(elsewhere, MIGRATIONS):
        raise LookupError

    await asyncio.to_thread(copy, house.url, elsewhere)


def test_where_something_is_nothing_is_put(house: House) -> None:
    with pytest.raises(NotEmpty), filling(house.url, MIGRATIONS):
        pass


def test_a_database_that_cannot_be_reached_is_named_so(tmp_path: Path) -> None:
    with pytest.raises(DatabaseFault), snapshot(f"sqlite:///{tmp_path}/no/such/folder.db"):
        pass
