"""The tables of identity."""

from sqlalchemy import (
    Boolean,
    Column,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
)

from ostler.foundation.storage import Instant, Json

metadata = MetaData()

# Identities are of an account and of no region, so these tables are not scoped: every query names
# the account itself.

accounts = Table(
    "identity_accounts",
    metadata,
    Column("id", String(12), primary_key=True),
    Column("name", String(64), nullable=False),
    Column("created", Instant, nullable=False),
)
entities = Table(
    "identity_entities",
    metadata,
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
members = Table(
    "identity_members",
    metadata,
    Column("account", String(12), primary_key=True),
    Column("user", String(64), primary_key=True),
    Column("group", String(64), primary_key=True),
)
policies = Table(
    "identity_policies",
    metadata,
    Column("account", String(12), primary_key=True),
    Column("name", String(128), primary_key=True),
    Column("folded_name", String(128), nullable=False),
    Column("id", String(32), nullable=False),
    Column("path", String(512), nullable=False),
    Column("description", Text, nullable=False),
    Column("document", Text, nullable=False),
    Column("created", Instant, nullable=False),
    # Those below came later: without a value a policy has its first version and no tags.
    Column("updated", Instant),
    Column("default_version", Integer),
    Column("newest_version", Integer),
    Column("tags", Json),
    UniqueConstraint("account", "folded_name", name="identity_policies_folded"),
)
versions = Table(
    "identity_versions",
    metadata,
    Column("account", String(12), primary_key=True),
    Column("policy", String(128), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("document", Text, nullable=False),
    Column("created", Instant, nullable=False),
)
profiles = Table(
    "identity_profiles",
    metadata,
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
attached = Table(
    "identity_attached",
    metadata,
    Column("account", String(12), primary_key=True),
    Column("kind", String(8), primary_key=True),
    Column("name", String(64), primary_key=True),
    Column("policy", String(2048), primary_key=True),
)
inline = Table(
    "identity_inline",
    metadata,
    Column("account", String(12), primary_key=True),
    Column("kind", String(8), primary_key=True),
    Column("name", String(64), primary_key=True),
    Column("policy", String(128), primary_key=True),
    Column("document", Text, nullable=False),
)
keys = Table(
    "identity_keys",
    metadata,
    Column("access_key", String(128), primary_key=True),
    Column("account", String(12), nullable=False),
    Column("user", String(64), nullable=False),
    Column("secret", LargeBinary, nullable=False),
    Column("active", Boolean, nullable=False),
    Column("first", Boolean, nullable=False),
    Column("created", Instant, nullable=False),
    Column("used", Instant),
    Column("used_for", String(64)),
    Column("used_in", String(64)),
    Index("identity_keys_by_user", "account", "user"),
)
revoked = Table(
    "identity_revoked",
    metadata,
    Column("account", String(12), primary_key=True),
    Column("subject", String(64), primary_key=True),
    Column("before", Instant, nullable=False),
    Column("until", Instant, nullable=False),
)
spent = Table(
    "identity_spent",
    metadata,
    Column("digest", String(64), primary_key=True),
    Column("until", Instant, nullable=False),
    Index("identity_spent_until", "until"),
)
