"""The tables of State Manager are what their migrations make."""

from ostler.capabilities.associations.store.tables import metadata
from tests.capabilities.associations.world import ALL_MIGRATIONS
from tests.support.databases import assert_schema_matches


def test_migrations_make_the_tables_that_queries_use():
    assert_schema_matches(ALL_MIGRATIONS, metadata)
