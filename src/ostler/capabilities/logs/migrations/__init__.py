"""The steps by which the tables of logs came to be."""

from alembic.operations import Operations
from sqlalchemy import BigInteger, Column, Integer, String, Text

from ostler.foundation.storage import Instant, Json, Migration, numbered, scoped_columns

_NAME = String(512, collation="C").with_variant(String(512), "sqlite")


def _create(op: Operations) -> None:
    op.create_table(
        "logs_groups",
        *scoped_columns(keyed=False),
        numbered("number"),
        Column("name", _NAME, nullable=False),
        Column("created", Instant, nullable=False),
        Column("retention", Integer),
        Column("tags", Json, nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_index(
        "logs_groups_by_name", "logs_groups", ["account", "region", "name"], unique=True
    )
    op.create_table(
        "logs_streams",
        *scoped_columns(keyed=False),
        numbered("number"),
        Column("group_number", BigInteger, nullable=False),
        Column("name", _NAME, nullable=False),
        Column("created", Instant, nullable=False),
        Column("first_event", Instant),
        Column("last_event", Instant),
        Column("last_ingestion", Instant),
        sqlite_autoincrement=True,
    )
    op.create_index("logs_streams_by_name", "logs_streams", ["group_number", "name"], unique=True)
    op.create_table(
        "logs_events",
        *scoped_columns(keyed=False),
        numbered("sequence"),
        Column("group_number", BigInteger, nullable=False),
        Column("stream_number", BigInteger, nullable=False),
        Column("at", Instant, nullable=False),
        Column("ingested", Instant, nullable=False),
        Column("message", Text, nullable=False),
        sqlite_autoincrement=True,
    )
    by_time = ["at", "sequence"]
    op.create_index("logs_events_by_stream", "logs_events", ["stream_number", *by_time])
    op.create_index("logs_events_by_group", "logs_events", ["group_number", *by_time])


MIGRATIONS = (Migration("logs", 1, "create logs", _create),)
