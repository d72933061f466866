"""Versions of policies, instance profiles, and when a key was used last."""

from alembic.operations import Operations
from sqlalchemy import Column, Integer, String, Text, UniqueConstraint

from ostler.foundation.storage import Instant, Json


def upgrade(op: Operations) -> None:
    """Create the tables, add the columns, and keep what every policy says as its version 1."""
    op.create_table(
        "identity_versions",
        Column("account", String(12), primary_key=True),
        Column("policy", String(128), primary_key=True),
        Column("number", Integer, primary_key=True),
        Column("document", Text, nullable=False),
        Column("created", Instant, nullable=False),
    )
    op.create_table(
        "identity_profiles",
        Column("account", String(12), primary_key=True),
        Column("name", String(128), primary_key=True),
        Column("folded_name", String(128), nullable=False),
        Column("id", String(32), nullable=False),
        Column("path", String(512), nullable=False),
        Column("role", String(64)),
        Column("tags", Json, nullable=False),
        Column("created", Instant, nullable=False),
        UniqueConstraint("account", "folded_name", name="identity_profiles_folded"),
    )
    op.add_column("identity_policies", Column("updated", Instant))
    op.add_column("identity_policies", Column("default_version", Integer))
    op.add_column("identity_policies", Column("newest_version", Integer))
    op.add_column("identity_policies", Column("tags", Json))
    op.add_column("identity_keys", Column("used", Instant))
    op.add_column("identity_keys", Column("used_for", String(64)))
    op.add_column("identity_keys", Column("used_in", String(64)))
    op.execute(
        "INSERT INTO identity_versions (account, policy, number, document, created) "
        "SELECT account, name, 1, document, created FROM identity_policies"
    )
