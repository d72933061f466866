"""The fleet's tables are what its migrations make."""

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from ostler.capabilities.nodes.migrations import MIGRATIONS
from ostler.capabilities.nodes.store.tables import metadata
from ostler.foundation.storage.migrations import migrate
from tests.support.databases import House


def test_migrations_make_the_tables_that_the_store_means(house: House) -> None:
    migrate(house.storage.engine, MIGRATIONS)

    with house.storage.engine.connect() as connection:
        context = MigrationContext.configure(
            connection,
            opts={"include_object": lambda thing, name, kind, *rest: _ours(thing, kind)},
        )
        assert [] == compare_metadata(context, metadata)


def _ours(thing: object, kind: str) -> bool:
    return kind != "table" or str(getattr(thing, "name", "")).startswith("nodes_")
