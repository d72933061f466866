"""The tables of events."""

from sqlalchemy import BigInteger, Column, Index, Integer, LargeBinary, MetaData, String, Text

from ostler.foundation.storage import Instant, Json, scoped_table

metadata = MetaData()

# The default bus has a row only once somebody described it.
buses = scoped_table(
    "events_buses",
    metadata,
    Column("name", String(256), primary_key=True),
    Column("description", String(512), nullable=False),
    Column("dead_letters", String(1600), nullable=False),
    Column("created", Instant),
    Column("modified", Instant),
)

rules = scoped_table(
    "events_rules",
    metadata,
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

# `terms` is what there is to a target beside its id and ARN.
targets = scoped_table(
    "events_targets",
    metadata,
    Column("bus", String(256), primary_key=True),
    Column("rule", String(64), primary_key=True),
    Column("id", String(64), primary_key=True),
    Column("arn", String(1600), nullable=False),
    Column("terms", Json, nullable=False),
)
Index("events_targets_by_arn", targets.c.account, targets.c.region, targets.c.arn)

tags = scoped_table(
    "events_tags",
    metadata,
    Column("resource", String(1600), primary_key=True),
    Column("key", String(128), primary_key=True),
    Column("value", String(256), nullable=False),
)

connections = scoped_table(
    "events_connections",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("id", String(36), nullable=False),
    Column("way", String(32), nullable=False),
    Column("sealed", LargeBinary, nullable=False),
    Column("description", String(512), nullable=False),
    Column("created", Instant, nullable=False),
    Column("modified", Instant, nullable=False),
)

destinations = scoped_table(
    "events_destinations",
    metadata,
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

# Up to which number what was told has been matched; there is one as soon as there was a rule.
cursors = scoped_table("events_cursors", metadata, Column("sequence", BigInteger, nullable=False))
