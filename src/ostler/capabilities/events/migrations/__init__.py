"""The steps by which the tables of events came to be."""

from alembic.operations import Operations
from sqlalchemy import BigInteger, Column, Integer, LargeBinary, String, Text

from ostler.foundation.storage import Instant, Json, Migration, scoped_columns


def _create(op: Operations) -> None:
    op.create_table(
        "events_buses",
        *scoped_columns(),
        Column("name", String(256), primary_key=True),
        Column("description", String(512), nullable=False),
        Column("dead_letters", String(1600), nullable=False),
        Column("created", Instant),
        Column("modified", Instant),
    )
    op.create_table(
        "events_rules",
        *scoped_columns(),
        Column("bus", String(256), primary_key=True),
        Column("name", String(64), primary_key=True),
        Column("pattern", Text, nullable=False),
        Column("schedule", String(256), nullable=False),
        Column("state", String(64), nullable=False),
        Column("description", String(512), nullable=False),
        Column("role", String(1600), nullable=False),
        Column("author", String(2048), nullable=False),
        Column("since", Instant),
    )
    op.create_table(
        "events_targets",
        *scoped_columns(),
        Column("bus", String(256), primary_key=True),
        Column("rule", String(64), primary_key=True),
        Column("id", String(64), primary_key=True),
        Column("arn", String(1600), nullable=False),
        Column("terms", Json, nullable=False),
    )
    op.create_index("events_targets_by_arn", "events_targets", ["account", "region", "arn"])
    op.create_table(
        "events_tags",
        *scoped_columns(),
        Column("resource", String(1600), primary_key=True),
        Column("key", String(128), primary_key=True),
        Column("value", String(256), nullable=False),
    )
    op.create_table(
        "events_connections",
        *scoped_columns(),
        Column("name", String(64), primary_key=True),
        Column("id", String(36), nullable=False),
        Column("way", String(32), nullable=False),
        Column("sealed", LargeBinary, nullable=False),
        Column("description", String(512), nullable=False),
        Column("created", Instant, nullable=False),
        Column("modified", Instant, nullable=False),
    )
    op.create_table(
        "events_destinations",
        *scoped_columns(),
        Column("name", String(64), primary_key=True),
        Column("id", String(36), nullable=False),
        Column("connection", String(128), nullable=False),
        Column("endpoint", String(2048), nullable=False),
        Column("method", String(16), nullable=False),
        Column("pace", Integer, nullable=False),
        Column("description", String(512), nullable=False),
        Column("created", Instant, nullable=False),
        Column("modified", Instant, nullable=False),
    )
    op.create_table(
        "events_cursors", *scoped_columns(), Column("sequence", BigInteger, nullable=False)
    )


MIGRATIONS = (Migration("events_rules", 1, "create buses, rules and webhooks", _create),)
