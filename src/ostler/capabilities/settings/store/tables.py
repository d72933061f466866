"""The tables of settings and resource policies."""

from sqlalchemy import Column, Index, MetaData, String, Table, Text

from ostler.foundation.storage import Instant, scoped_table

metadata = MetaData()

values = scoped_table(
    "settings_values",
    metadata,
    Column("id", String(256), primary_key=True),
    Column("value", Text, nullable=False),
    Column("modified", Instant, nullable=False),
    Column("author", String(2048), nullable=False),
)

policies = scoped_table(
    "settings_policies",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("arn", String(2048), nullable=False),
    Column("document", Text, nullable=False),
)
Index("settings_policies_by_arn", *(policies.c[name] for name in ("account", "region", "arn")))

# To whom policies open what: those who are let in ask for it, so that it is no account's own.
grants = Table(
    "settings_grants",
    metadata,
    Column("grantee", String(12), primary_key=True),
    Column("region", String(64), primary_key=True),
    Column("owner", String(12), primary_key=True),
    Column("policy", String(64), primary_key=True),
    Column("kind", String(64), nullable=False),
    Column("resource", String(2048), nullable=False),
)
