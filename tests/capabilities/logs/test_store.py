"""The tables are what the migrations make."""

from ostler.capabilities.logs.migrations import MIGRATIONS
from ostler.capabilities.logs.store.tables import metadata
from tests.support.databases import assert_schema_matches


def test_migrations_make_the_tables_that_the_store_means() -> None:
    assert_schema_matches(MIGRATIONS, metadata)
