"""Storage: what was written is there, in its scope only."""

from sqlalchemy import Column, Integer, MetaData, String, insert, select

from ostler.foundation import events, timers
from ostler.foundation.storage import Scope, Storage, Transaction, scoped_table
from tests.support.databases import FOUNDATION, assert_schema_matches, create_tables

metadata = MetaData()
things = scoped_table(
    "things",
    metadata,
    Column("id", String(20), primary_key=True),
    Column("size", Integer),
)


async def test_a_scope_sees_its_own_rows(
    storage: Storage, scope: Scope, other_scope: Scope
) -> None:
    await create_tables(storage, metadata)

    def add(tx: Transaction) -> None:
        tx.execute(insert(things).values(id="one", size=1))

    await storage.write(scope, add)

    assert ["one"] == await storage.read(scope, _names)
    assert [] == await storage.read(other_scope, _names)


def _names(tx: Transaction) -> list[str]:
    return [row.id for row in tx.all(select(things).order_by(things.c.id))]


def test_the_migrated_tables_are_the_declared_ones() -> None:
    assert_schema_matches(FOUNDATION, timers.metadata)
    assert_schema_matches(FOUNDATION, events.metadata)
