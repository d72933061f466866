"""The tables of buckets.

A bucket's name belongs to one account in the whole house; what is in it belongs to the scope of
the bucket.
"""

from sqlalchemy import BigInteger, Column, Index, Integer, MetaData, String

from ostler.foundation.storage import Instant, Json, scoped_table

metadata = MetaData()

KEY = String(1024, collation="C").with_variant(String(1024), "sqlite")
NAME = String(63, collation="C").with_variant(String(63), "sqlite")
"""Keys are listed in the order of their bytes, whatever language the database speaks."""

buckets = scoped_table(
    "buckets_buckets",
    metadata,
    Column("name", NAME, primary_key=True),
    Column("created", Instant, nullable=False),
    Column("tags", Json, nullable=False),
    keyed=False,
)

objects = scoped_table(
    "buckets_objects",
    metadata,
    Column("bucket", String(63), primary_key=True),
    Column("key", KEY, primary_key=True),
    Column("size", BigInteger, nullable=False),
    Column("etag", String(64), nullable=False),
    Column("modified", Instant, nullable=False),
    Column("checksum", Json),
    Column("description", Json, nullable=False),
    Column("pieces", Json, nullable=False),
)

uploads = scoped_table(
    "buckets_uploads",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("bucket", String(63), nullable=False),
    Column("key", KEY, nullable=False),
    Column("begun", Instant, nullable=False),
    Column("initiator", String(2048), nullable=False),
    Column("description", Json, nullable=False),
    Column("algorithm", String(16), nullable=False),
    Column("kind", String(16), nullable=False),
)
Index(
    "buckets_uploads_by_key",
    *(uploads.c[name] for name in ("account", "region", "bucket", "key", "id")),
)

parts = scoped_table(
    "buckets_parts",
    metadata,
    Column("upload", String(64), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("blob", String(256), nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("etag", String(64), nullable=False),
    Column("modified", Instant, nullable=False),
    Column("checksum", Json),
)
