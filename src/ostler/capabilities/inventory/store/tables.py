"""The tables of inventory."""

from sqlalchemy import Column, Index, MetaData, String

from ostler.foundation.storage import Instant, Json, numbered, scoped_table

LONGEST_NAME = 256
LONGEST_VERSION = 100

metadata = MetaData()

items = scoped_table(
    "inventory_items",
    metadata,
    Column("node", String(20), primary_key=True),
    Column("type_name", String(100), primary_key=True),
    Column("version", String(16), nullable=False),
    Column("captured", String(20), nullable=False),
    Column("content_hash", String(256), nullable=False),
    Column("received", Instant, nullable=False),
)
"""When a node told of a type last, and the hash of what it told."""
Index("inventory_items_by_type", items.c.account, items.c.region, items.c.type_name, items.c.node)
Index("inventory_items_received", items.c.received)

entries = scoped_table(
    "inventory_entries",
    metadata,
    Column("node", String(20), primary_key=True),
    Column("type_name", String(100), primary_key=True),
    Column("digest", String(32), primary_key=True),
    Column("name", String(LONGEST_NAME, collation="C").with_variant(String(), "sqlite")),
    Column("version", String(LONGEST_VERSION, collation="C").with_variant(String(), "sqlite")),
    Column("content", Json, nullable=False),
)
"""What nodes have; `name` and `version` are the attributes so called, as far as they fit."""
Index(
    "inventory_entries_by_name",
    *(entries.c.account, entries.c.region, entries.c.type_name),
    *(entries.c.name, entries.c.version, entries.c.node),
)

schemas = scoped_table(
    "inventory_schemas",
    metadata,
    Column("type_name", String(100), primary_key=True),
    Column("version", String(16), nullable=False),
    Column("attributes", Json, nullable=False),
    Column("disabled", String(16), nullable=False),
)
"""The custom types of accounts."""

changes = scoped_table(
    "inventory_changes",
    metadata,
    numbered("sequence"),
    Column("node", String(20), nullable=False),
    Column("type_name", String(100), nullable=False),
    Column("at", Instant, nullable=False),
    Column("deed", String(16), nullable=False),
    Column("before", Json),
    Column("after", Json),
    keyed=False,
    sqlite_autoincrement=True,
)
"""What came, went and changed on nodes."""
Index(
    "inventory_changes_by_node",
    *(changes.c.account, changes.c.region, changes.c.node, changes.c.sequence),
)
Index("inventory_changes_at", changes.c.at)

deletions = scoped_table(
    "inventory_deletions",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("type_name", String(100), nullable=False),
    Column("token", String(36), nullable=False),
    Column("started", Instant, nullable=False),
    Column("updated", Instant, nullable=False),
    Column("progress", String(16), nullable=False),
    Column("total", Json, nullable=False),
    Column("remaining", Json, nullable=False),
)

syncs = scoped_table(
    "inventory_syncs",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("direction", String(32), nullable=False),
    Column("destination", Json),
    Column("source", Json, nullable=False),
    Column("created", Instant, nullable=False),
    Column("modified", Instant, nullable=False),
    Column("status", String(16)),
    Column("message", String(1024), nullable=False),
    Column("tried", Instant),
    Column("succeeded", Instant),
)
