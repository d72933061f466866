"""The tables of keys."""

from sqlalchemy import Boolean, Column, Index, Integer, LargeBinary, MetaData, String, Text

from ostler.foundation.storage import Instant, scoped_table

metadata = MetaData()

keys = scoped_table(
    "keys_keys",
    metadata,
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

# What keys seal with, the older ones too: they open what they sealed.
materials = scoped_table(
    "keys_materials",
    metadata,
    Column("key", String(64), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("sealed", LargeBinary, nullable=False),
    Column("on_demand", Boolean, nullable=False),
    Column("created", Instant, nullable=False),
)

aliases = scoped_table(
    "keys_aliases",
    metadata,
    Column("name", String(256), primary_key=True),
    Column("key", String(64), nullable=False),
    Column("created", Instant, nullable=False),
    Column("updated", Instant, nullable=False),
)
Index("keys_aliases_by_key", *(aliases.c[name] for name in ("account", "region", "key")))

tags = scoped_table(
    "keys_tags",
    metadata,
    Column("key", String(64), primary_key=True),
    Column("tag", String(128), primary_key=True),
    Column("value", String(256), nullable=False),
)
