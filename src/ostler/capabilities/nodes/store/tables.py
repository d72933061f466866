"""The tables of the fleet."""

from sqlalchemy import Boolean, Column, Index, Integer, LargeBinary, MetaData, String, Table

from ostler.capabilities.nodes.model.nodes import FACTS
from ostler.foundation.storage import Instant, Json, scoped_table

metadata = MetaData()

activations = scoped_table(
    "nodes_activations",
    metadata,
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
Index("nodes_activations_by_id", activations.c.id, unique=True)

nodes = scoped_table(
    "nodes_nodes",
    metadata,
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
    *(Column(fact, String(255), nullable=False) for fact in FACTS),
    Column("agent_order", String(60), nullable=False),
    Column("platform_order", String(60), nullable=False),
)
Index("nodes_nodes_by_id", nodes.c.id, unique=True)
Index("nodes_nodes_by_key", nodes.c.key_digest, unique=True)

default_roles = scoped_table(
    "nodes_default_roles",
    metadata,
    Column("role", String(2048), nullable=False),
    Column("model", String(16), nullable=False),
    Column("registered", Instant, nullable=False),
)

# A row for each server that a node has a channel to: a server speaks for itself alone.
connections = scoped_table(
    "nodes_connections",
    metadata,
    Column("node", String(20), primary_key=True),
    Column("server", String(36), primary_key=True),
)
Index("nodes_connections_by_server", connections.c.server)

servers = Table(
    "nodes_servers",
    metadata,
    Column("server", String(36), primary_key=True),
    Column("lease_until", Instant, nullable=False),
)

tombstones = scoped_table(
    "nodes_tombstones",
    metadata,
    Column("id", String(20), primary_key=True),
    Column("activation", String(36)),
    Column("fingerprint", String(64), nullable=False),
    Column("deregistered", Instant, nullable=False),
)
Index("nodes_tombstones_by_id", tombstones.c.id, unique=True)
