"""The steps by which the tables of the fleet came to be."""

from alembic.operations import Operations
from sqlalchemy import Boolean, Column, Integer, LargeBinary, String

from ostler.foundation.storage import Instant, Json, Migration, scoped_columns


def _create(op: Operations) -> None:
    op.create_table(
        "nodes_activations",
        *scoped_columns(),
        Column("id", String(36), primary_key=True),
        Column("code_hash", String(255), nullable=False),
        Column("role", String(64), nullable=False),
        Column("created", Instant, nullable=False),
        Column("expires", Instant, nullable=False),
        Column("places", Integer, nullable=False),
        Column("registrations", Integer, nullable=False),
        Column("description", String(256), nullable=False),
        Column("default_name", String(256), nullable=False),
        Column("tags", Json, nullable=False),
        Column("notes", Json, nullable=False),
    )
    op.create_index("nodes_activations_by_id", "nodes_activations", ["id"], unique=True)
    op.create_table(
        "nodes_nodes",
        *scoped_columns(),
        Column("id", String(20), primary_key=True),
        Column("role", String(64), nullable=False),
        Column("registered", Instant, nullable=False),
        Column("activation", String(36)),
        Column("name", String(256), nullable=False),
        Column("public_key", LargeBinary, nullable=False),
        Column("key_digest", String(64), nullable=False),
        Column("key_since", Instant, nullable=False),
        Column("fingerprint", String(64), nullable=False),
        Column("heard", Instant),
        Column("online", Boolean, nullable=False),
        Column("connected", Boolean, nullable=False),
        Column("agent_name", String(255), nullable=False),
        Column("agent_status", String(255), nullable=False),
        Column("agent_version", String(255), nullable=False),
        Column("platform_type", String(255), nullable=False),
        Column("platform_name", String(255), nullable=False),
        Column("platform_version", String(255), nullable=False),
        Column("computer_name", String(255), nullable=False),
        Column("ip_address", String(255), nullable=False),
        Column("availability_zone", String(255), nullable=False),
        Column("availability_zone_id", String(255), nullable=False),
        Column("channel", String(255), nullable=False),
        Column("agent_order", String(60), nullable=False),
        Column("platform_order", String(60), nullable=False),
    )
    op.create_index("nodes_nodes_by_id", "nodes_nodes", ["id"], unique=True)
    op.create_index("nodes_nodes_by_key", "nodes_nodes", ["key_digest"], unique=True)
    op.create_table(
        "nodes_tombstones",
        *scoped_columns(),
        Column("id", String(20), primary_key=True),
        Column("activation", String(36)),
        Column("fingerprint", String(64), nullable=False),
        Column("deregistered", Instant, nullable=False),
    )
    op.create_index("nodes_tombstones_by_id", "nodes_tombstones", ["id"], unique=True)


def _add_default_roles(op: Operations) -> None:
    op.create_table(
        "nodes_default_roles",
        *scoped_columns(),
        Column("role", String(2048), nullable=False),
        Column("model", String(16), nullable=False),
        Column("registered", Instant, nullable=False),
    )


def _add_connections(op: Operations) -> None:
    op.create_table(
        "nodes_connections",
        *scoped_columns(),
        Column("node", String(20), primary_key=True),
        Column("server", String(36), primary_key=True),
    )
    op.create_index("nodes_connections_by_server", "nodes_connections", ["server"])
    op.create_table(
        "nodes_servers",
        Column("server", String(36), primary_key=True),
        Column("lease_until", Instant, nullable=False),
    )
    op.drop_column("nodes_nodes", "connected")


MIGRATIONS = (
    Migration("nodes", 1, "create the fleet", _create),
    Migration("nodes", 2, "add default roles", _add_default_roles),
    Migration(
        "nodes",
        3,
        "a row for each server that a node is connected to",
        _add_connections,
        contracts=True,
    ),
)
