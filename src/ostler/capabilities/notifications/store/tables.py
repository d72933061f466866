"""The tables of notifications."""

from sqlalchemy import (
    Boolean,
    Column,
    Index,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
)

from ostler.foundation.storage import Instant, Json, scoped_table

metadata = MetaData()

topics = scoped_table(
    "notifications_topics",
    metadata,
    Column("name", String(256), primary_key=True),
    Column("created", Instant, nullable=False),
    Column("display_name", String(100), nullable=False),
    Column("policy", Text, nullable=False),
    Column("signature_version", String(8), nullable=False),
    Column("kept", Json, nullable=False),
)

subscriptions = scoped_table(
    "notifications_subscriptions",
    metadata,
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
Index(
    "notifications_subscriptions_of",
    *(subscriptions.c[name] for name in ("account", "region", "topic")),
)

tags = scoped_table(
    "notifications_tags",
    metadata,
    Column("topic", String(256), primary_key=True),
    Column("key", String(128), primary_key=True),
    Column("value", String(256), nullable=False),
)

# What the house signs with: one row, the same for every process and every account.
signers = Table(
    "notifications_signers",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("sealed", LargeBinary, nullable=False),
    Column("certificate", Text, nullable=False),
)
