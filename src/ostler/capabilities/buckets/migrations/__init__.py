"""The steps by which the tables of buckets came to be."""

from alembic.operations import Operations
from sqlalchemy import BigInteger, Column, Integer, String

from ostler.foundation.storage import Instant, Json, Migration, scoped_columns

_KEY = String(1024, collation="C").with_variant(String(1024), "sqlite")
_NAME = String(63, collation="C").with_variant(String(63), "sqlite")


def _create(op: Operations) -> None:
    op.create_table(
        "buckets_buckets",
        *scoped_columns(keyed=False),
        Column("name", _NAME, primary_key=True),
        Column("created", Instant, nullable=False),
        Column("tags", Json, nullable=False),
    )
    op.create_table(
        "buckets_objects",
        *scoped_columns(),
        Column("bucket", String(63), primary_key=True),
        Column("key", _KEY, primary_key=True),
        Column("size", BigInteger, nullable=False),
        Column("etag", String(64), nullable=False),
        Column("modified", Instant, nullable=False),
        Column("checksum", Json),
        Column("description", Json, nullable=False),
        Column("pieces", Json, nullable=False),
    )
    op.create_table(
        "buckets_uploads",
        *scoped_columns(),
        Column("id", String(64), primary_key=True),
        Column("bucket", String(63), nullable=False),
        Column("key", _KEY, nullable=False),
        Column("begun", Instant, nullable=False),
        Column("initiator", String(2048), nullable=False),
        Column("description", Json, nullable=False),
        Column("algorithm", String(16), nullable=False),
        Column("kind", String(16), nullable=False),
    )
    scope = ["account", "region"]
    op.create_index("buckets_uploads_by_key", "buckets_uploads", [*scope, "bucket", "key", "id"])
    op.create_table(
        "buckets_parts",
        *scoped_columns(),
        Column("upload", String(64), primary_key=True),
        Column("number", Integer, primary_key=True),
        Column("blob", String(256), nullable=False),
        Column("size", BigInteger, nullable=False),
        Column("etag", String(64), nullable=False),
        Column("modified", Instant, nullable=False),
        Column("checksum", Json),
    )


MIGRATIONS = (Migration("buckets", 1, "create buckets", _create),)
