"""The tables of documents."""

from sqlalchemy import Column, Index, Integer, MetaData, String, Text

from ostler.foundation.storage import Instant, Json, scoped_table

metadata = MetaData()

NAME = String(128, collation="C").with_variant(String(128), "sqlite")
"""Names are listed in the order of their bytes, whatever language the database speaks."""

heads = scoped_table(
    "documents_heads",
    metadata,
    Column("name", NAME, primary_key=True),
    Column("type", String(64), nullable=False),
    Column("default_version", Integer, nullable=False),
    Column("latest_version", Integer, nullable=False),
    Column("last_number", Integer, nullable=False),
)
versions = scoped_table(
    "documents_versions",
    metadata,
    Column("name", NAME, primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("version_name", String(128)),
    Column("format", String(8), nullable=False),
    Column("content", Text, nullable=False),
    Column("hash", String(64), nullable=False),
    Column("created", Instant, nullable=False),
    Column("status", String(16), nullable=False),
    Column("status_information", Text, nullable=False),
    Column("display_name", String(1024)),
    Column("target_type", String(200)),
    Column("schema_version", String(16), nullable=False),
    Column("description", Text),
    Column("parameters", Json, nullable=False),
    Column("platform_types", Json, nullable=False),
    Column("requires", Json, nullable=False),
    Column("attachments", Json, nullable=False),
    Column("author", String(128)),
    Column("review_status", String(16), nullable=False),
)
shares = scoped_table(
    "documents_shares",
    metadata,
    Column("name", NAME, primary_key=True),
    Column("guest", String(12), primary_key=True),
    Column("version", String(8), nullable=False),
)
Index("documents_shares_by_guest", shares.c.region, shares.c.guest)
reviews = scoped_table(
    "documents_reviews",
    metadata,
    Column("name", NAME, primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("status", String(16), nullable=False),
    Column("reviewer", String(128), nullable=False),
    Column("comment", Text),
    Column("created", Instant, nullable=False),
    Column("updated", Instant, nullable=False),
)
