"""Accounts, entities, policies, keys, and what is revoked or spent."""

from alembic.operations import Operations
from sqlalchemy import Boolean, Column, Integer, LargeBinary, String, Text, UniqueConstraint

from ostler.foundation.storage import Instant, Json


def upgrade(op: Operations) -> None:
    """Create the tables."""
    op.create_table(
        "identity_accounts",
        Column("id", String(12), primary_key=True),
        Column("name", String(64), nullable=False),
        Column("created", Instant, nullable=False),
    )
    op.create_table(
        "identity_entities",
        Column("account", String(12), primary_key=True),
        Column("kind", String(8), primary_key=True),
        Column("name", String(64), primary_key=True),
        Column("folded_name", String(64), nullable=False),
        Column("id", String(32), nullable=False),
        Column("path", String(512), nullable=False),
        Column("description", Text, nullable=False),
        Column("tags", Json, nullable=False),
        Column("boundary", String(2048)),
        Column("trust", Text, nullable=False),
        Column("longest_session", Integer, nullable=False),
        Column("created", Instant, nullable=False),
        UniqueConstraint("account", "kind", "folded_name", name="identity_entities_folded"),
    )
    op.create_table(
        "identity_members",
        Column("account", String(12), primary_key=True),
        Column("user", String(64), primary_key=True),
        Column("group", String(64), primary_key=True),
    )
    op.create_table(
        "identity_policies",
        Column("account", String(12), primary_key=True),
        Column("name", String(128), primary_key=True),
        Column("folded_name", String(128), nullable=False),
        Column("id", String(32), nullable=False),
        Column("path", String(512), nullable=False),
        Column("description", Text, nullable=False),
        Column("document", Text, nullable=False),
        Column("created", Instant, nullable=False),
        UniqueConstraint("account", "folded_name", name="identity_policies_folded"),
    )
    op.create_table(
        "identity_attached",
        Column("account", String(12), primary_key=True),
        Column("kind", String(8), primary_key=True),
        Column("name", String(64), primary_key=True),
        Column("policy", String(2048), primary_key=True),
    )
    op.create_table(
        "identity_inline",
        Column("account", String(12), primary_key=True),
        Column("kind", String(8), primary_key=True),
        Column("name", String(64), primary_key=True),
        Column("policy", String(128), primary_key=True),
        Column("document", Text, nullable=False),
    )
    op.create_table(
        "identity_keys",
        Column("access_key", String(128), primary_key=True),
        Column("account", String(12), nullable=False),
        Column("user", String(64), nullable=False),
        Column("secret", LargeBinary, nullable=False),
        Column("active", Boolean, nullable=False),
        Column("first", Boolean, nullable=False),
        Column("created", Instant, nullable=False),
    )
    op.create_index("identity_keys_by_user", "identity_keys", ["account", "user"])
    op.create_table(
        "identity_revoked",
        Column("account", String(12), primary_key=True),
        Column("subject", String(64), primary_key=True),
        Column("before", Instant, nullable=False),
        Column("until", Instant, nullable=False),
    )
    op.create_table(
        "identity_spent",
        Column("digest", String(64), primary_key=True),
        Column("until", Instant, nullable=False),
    )
    op.create_index("identity_spent_until", "identity_spent", ["until"])
