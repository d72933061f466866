"""The tables of Parameter Store."""

from sqlalchemy import BigInteger, Column, Index, LargeBinary, MetaData, String, Text

from ostler.foundation.storage import Instant, Json, scoped_table

metadata = MetaData()

KEY = String(1024, collation="C").with_variant(String(1024), "sqlite")
"""Keys are ordered by their bytes, whatever language the database speaks: a level of the
hierarchy is a range of keys."""

# One row for each parameter: where it stands in the hierarchy, and which version is its newest.
heads = scoped_table(
    "parameters_heads",
    metadata,
    Column("key", KEY, primary_key=True),
    Column("parent", KEY, nullable=False),
    Column("version", BigInteger, nullable=False),
    Column("tier", String(16), nullable=False),
)
Index(
    "parameters_heads_by_parent",
    *(heads.c[name] for name in ("account", "region", "parent", "key")),
)
Index("parameters_heads_by_tier", *(heads.c[name] for name in ("account", "region", "tier")))

versions = scoped_table(
    "parameters_versions",
    metadata,
    Column("key", KEY, primary_key=True),
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

labels = scoped_table(
    "parameters_labels",
    metadata,
    Column("key", KEY, primary_key=True),
    Column("label", String(100), primary_key=True),
    Column("version", BigInteger, nullable=False),
)
