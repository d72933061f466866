"""The steps by which the tables of compliance came to be."""

from alembic.operations import Operations
from sqlalchemy import Column, String

from ostler.foundation.storage import Instant, Json, Migration, scoped_columns


def _create(op: Operations) -> None:
    op.create_table(
        "compliance_executions",
        *scoped_columns(),
        Column("node", String(100), primary_key=True),
        Column("kind", String(100), primary_key=True),
        Column("at", Instant, nullable=False),
        Column("execution_id", String(100), nullable=False),
        Column("execution_type", String(50), nullable=False),
        Column("content_hash", String(256), nullable=False),
        Column("status", String(16), nullable=False),
        Column("severity", String(16), nullable=False),
    )
    op.create_index(
        "compliance_executions_by_type",
        "compliance_executions",
        ["account", "region", "kind", "node"],
    )
    op.create_table(
        "compliance_items",
        *scoped_columns(),
        Column("node", String(100), primary_key=True),
        Column("kind", String(100), primary_key=True),
        Column("id", String(1024), primary_key=True),
        Column("title", String(500), nullable=False),
        Column("status", String(16), nullable=False),
        Column("severity", String(16), nullable=False),
        Column("details", Json, nullable=False),
    )


MIGRATIONS = (Migration("compliance", 1, "create compliance", _create),)
