"""The steps by which the tables of notifications came to be."""

from alembic.operations import Operations
from sqlalchemy import Boolean, Column, LargeBinary, String, Text

from ostler.foundation.storage import Instant, Json, Migration, scoped_columns


def _create(op: Operations) -> None:
    op.create_table(
        "notifications_topics",
        *scoped_columns(),
        Column("name", String(256), primary_key=True),
        Column("created", Instant, nullable=False),
        Column("display_name", String(100), nullable=False),
        Column("policy", Text, nullable=False),
        Column("signature_version", String(8), nullable=False),
        Column("kept", Json, nullable=False),
    )
    op.create_table(
        "notifications_subscriptions",
        *scoped_columns(),
        Column("id", String(36), primary_key=True),
        Column("topic", String(256), nullable=False),
        Column("protocol", String(16), nullable=False),
        Column("shown", String(2048), nullable=False),
        Column("sealed", LargeBinary, nullable=False),
        Column("digest", String(64), nullable=False),
        Column("house", String(2048), nullable=False),
        Column("created", Instant, nullable=False),
        Column("confirmed", Boolean, nullable=False),
        Column("filter", Text, nullable=False),
        Column("scope", String(32), nullable=False),
        Column("raw", Boolean, nullable=False),
        Column("kept", Json, nullable=False),
    )
    op.create_index(
        "notifications_subscriptions_of",
        "notifications_subscriptions",
        ["account", "region", "topic"],
    )
    op.create_table(
        "notifications_tags",
        *scoped_columns(),
        Column("topic", String(256), primary_key=True),
        Column("key", String(128), primary_key=True),
        Column("value", String(256), nullable=False),
    )
    op.create_table(
        "notifications_signers",
        Column("name", String(64), primary_key=True),
        Column("sealed", LargeBinary, nullable=False),
        Column("certificate", Text, nullable=False),
    )


MIGRATIONS = (Migration("notifications", 1, "create topics and subscriptions", _create),)
