"""The steps by which the tables of keys came to be."""

from alembic.operations import Operations
from sqlalchemy import Boolean, Column, Integer, LargeBinary, String, Text

from ostler.foundation.storage import Instant, Migration, scoped_columns


def _create(op: Operations) -> None:
    op.create_table(
        "keys_keys",
        *scoped_columns(),
        Column("id", String(64), primary_key=True),
        Column("description", Text, nullable=False),
        Column("policy", Text, nullable=False),
        Column("state", String(32), nullable=False),
        Column("service", String(64), nullable=False),
        Column("material", Integer, nullable=False),
        Column("rotates", Boolean, nullable=False),
        Column("period", Integer, nullable=False),
        Column("rotates_at", Instant),
        Column("deleted_at", Instant),
        Column("created", Instant, nullable=False),
    )
    op.create_table(
        "keys_materials",
        *scoped_columns(),
        Column("key", String(64), primary_key=True),
        Column("number", Integer, primary_key=True),
        Column("sealed", LargeBinary, nullable=False),
        Column("on_demand", Boolean, nullable=False),
        Column("created", Instant, nullable=False),
    )
    op.create_table(
        "keys_aliases",
        *scoped_columns(),
        Column("name", String(256), primary_key=True),
        Column("key", String(64), nullable=False),
        Column("created", Instant, nullable=False),
        Column("updated", Instant, nullable=False),
    )
    op.create_index("keys_aliases_by_key", "keys_aliases", ["account", "region", "key"])
    op.create_table(
        "keys_tags",
        *scoped_columns(),
        Column("key", String(64), primary_key=True),
        Column("tag", String(128), primary_key=True),
        Column("value", String(256), nullable=False),
    )


MIGRATIONS = (Migration("keys", 1, "create keys", _create),)
