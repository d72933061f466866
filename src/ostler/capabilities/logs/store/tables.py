"""The tables of logs.

Groups and streams have numbers that are given once: what belongs to one that is deleted is nobody's
from that moment on, and is forgotten bit by bit.
"""

from sqlalchemy import BigInteger, Column, Index, Integer, MetaData, String, Text

from ostler.foundation.storage import Instant, Json, numbered, scoped_table

metadata = MetaData()

NAME = String(512, collation="C").with_variant(String(512), "sqlite")
"""Names are listed in the order of their bytes."""

groups = scoped_table(
    "logs_groups",
    metadata,
    numbered("number"),
    Column("name", NAME, nullable=False),
    Column("created", Instant, nullable=False),
    Column("retention", Integer),
    Column("tags", Json, nullable=False),
    keyed=False,
)
Index("logs_groups_by_name", groups.c.account, groups.c.region, groups.c.name, unique=True)

streams = scoped_table(
    "logs_streams",
    metadata,
    numbered("number"),
    Column("group_number", BigInteger, nullable=False),
    Column("name", NAME, nullable=False),
    Column("created", Instant, nullable=False),
    Column("first_event", Instant),
    Column("last_event", Instant),
    Column("last_ingestion", Instant),
    keyed=False,
)
Index("logs_streams_by_name", streams.c.group_number, streams.c.name, unique=True)

events = scoped_table(
    "logs_events",
    metadata,
    numbered("sequence"),
    Column("group_number", BigInteger, nullable=False),
    Column("stream_number", BigInteger, nullable=False),
    Column("at", Instant, nullable=False),
    Column("ingested", Instant, nullable=False),
    Column("message", Text, nullable=False),
    keyed=False,
)
Index("logs_events_by_stream", events.c.stream_number, events.c.at, events.c.sequence)
Index("logs_events_by_group", events.c.group_number, events.c.at, events.c.sequence)
