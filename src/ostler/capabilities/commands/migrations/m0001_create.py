"""Create commands, invocations, outputs and streams."""

from alembic.operations import Operations
from sqlalchemy import BigInteger, Boolean, Column, Integer, String, Text

from ostler.foundation.storage import Instant, Json, scoped_columns


def upgrade(op: Operations) -> None:
    op.create_table(
        "commands_commands",
        *scoped_columns(),
        Column("command", String(36), primary_key=True),
        Column("requested", Instant, nullable=False),
        Column("expires", Instant, nullable=False),
        Column("document_name", String(128), nullable=False),
        Column("terms", Json, nullable=False),
        Column("parameters", Json, nullable=False),
        Column("steps", Json, nullable=False),
        Column("content", Text, nullable=False),
        Column("bound", Json, nullable=False),
        Column("outcome", String(32), nullable=False),
        Column("tally", Json, nullable=False),
        Column("cancelled", Boolean, nullable=False),
        Column("ended", Instant),
    )
    op.create_table(
        "commands_invocations",
        *scoped_columns(),
        Column("command", String(36), primary_key=True),
        Column("node", String(20), primary_key=True),
        Column("position", Integer, nullable=False),
        Column("requested", Instant, nullable=False),
        Column("name", String(255), nullable=False),
        Column("status", String(32), nullable=False),
        Column("sent", Instant),
        Column("received", Instant),
        Column("ended", Instant),
        Column("steps", Json, nullable=False),
        Column("trace", Text, nullable=False),
        Column("closed", Boolean, nullable=False),
        Column("owed", String(8), nullable=False),
    )
    op.create_table(
        "commands_outputs",
        *scoped_columns(),
        Column("command", String(36), primary_key=True),
        Column("node", String(20), primary_key=True),
        Column("step", String(128), primary_key=True),
        Column("standard_output", Text, nullable=False),
        Column("standard_error", Text, nullable=False),
        Column("combined", Text, nullable=False),
    )
    op.create_table(
        "commands_streams",
        *scoped_columns(),
        Column("command", String(36), primary_key=True),
        Column("node", String(20), primary_key=True),
        Column("step", String(128), primary_key=True),
        Column("stream", String(8), primary_key=True),
        Column("length", BigInteger, nullable=False),
        Column("finished", Boolean, nullable=False),
    )
    scope = ["account", "region"]
    for name, table, columns in (
        ("by_time", "commands_commands", ["requested", "command"]),
        ("by_status", "commands_invocations", ["command", "status", "position"]),
        ("by_node", "commands_invocations", ["node", "owed"]),
        ("by_time", "commands_invocations", ["requested", "command", "node"]),
    ):
        op.create_index(f"{table}_{name}", table, [*scope, *columns])
