"""The steps by which the tables of inventory came to be."""

from alembic.operations import Operations
from sqlalchemy import Column, String

from ostler.foundation.storage import Instant, Json, Migration, numbered, scoped_columns


def _create(op: Operations) -> None:
    scope = ["account", "region"]
    op.create_table(
        "inventory_items",
        *scoped_columns(),
        Column("node", String(20), primary_key=True),
        Column("type_name", String(100), primary_key=True),
        Column("version", String(16), nullable=False),
        Column("captured", String(20), nullable=False),
        Column("content_hash", String(256), nullable=False),
        Column("received", Instant, nullable=False),
    )
    op.create_index("inventory_items_by_type", "inventory_items", [*scope, "type_name", "node"])
    op.create_index("inventory_items_received", "inventory_items", ["received"])
    op.create_table(
        "inventory_entries",
        *scoped_columns(),
        Column("node", String(20), primary_key=True),
        Column("type_name", String(100), primary_key=True),
        Column("digest", String(32), primary_key=True),
        Column("name", String(256, collation="C").with_variant(String(), "sqlite")),
        Column("version", String(100, collation="C").with_variant(String(), "sqlite")),
        Column("content", Json, nullable=False),
    )
    op.create_index(
        "inventory_entries_by_name",
        "inventory_entries",
        [*scope, "type_name", "name", "version", "node"],
    )
    op.create_table(
        "inventory_schemas",
        *scoped_columns(),
        Column("type_name", String(100), primary_key=True),
        Column("version", String(16), nullable=False),
        Column("attributes", Json, nullable=False),
        Column("disabled", String(16), nullable=False),
    )
    op.create_table(
        "inventory_changes",
        *scoped_columns(keyed=False),
        numbered("sequence"),
        Column("node", String(20), nullable=False),
        Column("type_name", String(100), nullable=False),
        Column("at", Instant, nullable=False),
        Column("deed", String(16), nullable=False),
        Column("before", Json),
        Column("after", Json),
        sqlite_autoincrement=True,
    )
    op.create_index("inventory_changes_by_node", "inventory_changes", [*scope, "node", "sequence"])
    op.create_index("inventory_changes_at", "inventory_changes", ["at"])
    op.create_table(
        "inventory_deletions",
        *scoped_columns(),
        Column("id", String(36), primary_key=True),
        Column("type_name", String(100), nullable=False),
        Column("token", String(36), nullable=False),
        Column("started", Instant, nullable=False),
        Column("updated", Instant, nullable=False),
        Column("progress", String(16), nullable=False),
        Column("total", Json, nullable=False),
        Column("remaining", Json, nullable=False),
    )


def _create_syncs(op: Operations) -> None:
    op.create_table(
        "inventory_syncs",
        *scoped_columns(),
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


MIGRATIONS = (
    Migration("inventory", 1, "create inventory", _create),
    Migration("inventory", 2, "create resource data syncs", _create_syncs),
)
