"""The steps by which the tables of settings came to be."""

from alembic.operations import Operations
from sqlalchemy import Column, String, Text

from ostler.foundation.storage import Instant, Migration, scoped_columns


def _create(op: Operations) -> None:
    op.create_table(
        "settings_values",
        *scoped_columns(),
        Column("id", String(256), primary_key=True),
        Column("value", Text, nullable=False),
        Column("modified", Instant, nullable=False),
        Column("author", String(2048), nullable=False),
    )
    op.create_table(
        "settings_policies",
        *scoped_columns(),
        Column("id", String(64), primary_key=True),
        Column("arn", String(2048), nullable=False),
        Column("document", Text, nullable=False),
    )
    op.create_index("settings_policies_by_arn", "settings_policies", ["account", "region", "arn"])
    op.create_table(
        "settings_grants",
        Column("grantee", String(12), primary_key=True),
        Column("region", String(64), primary_key=True),
        Column("owner", String(12), primary_key=True),
        Column("policy", String(64), primary_key=True),
        Column("kind", String(64), nullable=False),
        Column("resource", String(2048), nullable=False),
    )


MIGRATIONS = (Migration("settings", 1, "create settings and resource policies", _create),)
