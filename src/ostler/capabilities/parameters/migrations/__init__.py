"""The steps by which the tables of Parameter Store came to be."""

from alembic.operations import Operations
from sqlalchemy import BigInteger, Column, LargeBinary, String, Text

from ostler.foundation.storage import Instant, Json, Migration, scoped_columns

_KEY = String(1024, collation="C").with_variant(String(1024), "sqlite")


def _create(op: Operations) -> None:
    op.create_table(
        "parameters_heads",
        *scoped_columns(),
        Column("key", _KEY, primary_key=True),
        Column("parent", _KEY, nullable=False),
        Column("version", BigInteger, nullable=False),
        Column("tier", String(16), nullable=False),
    )
    scope = ["account", "region"]
    op.create_index("parameters_heads_by_parent", "parameters_heads", [*scope, "parent", "key"])
    op.create_index("parameters_heads_by_tier", "parameters_heads", [*scope, "tier"])
    op.create_table(
        "parameters_versions",
        *scoped_columns(),
        Column("key", _KEY, primary_key=True),
        Column("version", BigInteger, primary_key=True),
        Column("name", String(1024), nullable=False),
        Column("kind", String(16), nullable=False),
        Column("tier", String(16), nullable=False),
        Column("data_type", String(128), nullable=False),
        Column("value", Text),
        Column("sealed", LargeBinary),
        Column("key_id", String(256), nullable=False),
        Column("description", String(1024), nullable=False),
        Column("pattern", String(1024), nullable=False),
        Column("policies", Json, nullable=False),
        Column("modified", Instant, nullable=False),
        Column("author", String(2048), nullable=False),
    )
    op.create_table(
        "parameters_labels",
        *scoped_columns(),
        Column("key", _KEY, primary_key=True),
        Column("label", String(100), primary_key=True),
        Column("version", BigInteger, nullable=False),
    )


MIGRATIONS = (Migration("parameters", 1, "create parameters", _create),)
