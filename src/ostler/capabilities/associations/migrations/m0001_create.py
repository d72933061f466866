"""Create associations, versions, members, executions and runs."""

from alembic.operations import Operations
from sqlalchemy import Boolean, Column, Integer, String, Text, text

from ostler.foundation.storage import Instant, Json, scoped_columns


def upgrade(op: Operations) -> None:
    op.create_table(
        "associations_associations",
        *scoped_columns(),
        Column("association", String(36), primary_key=True),
        Column("version", Integer, nullable=False),
        Column("document", String(300), nullable=False),
        Column("name", String(128), nullable=False),
        Column("node", String(20), nullable=False),
        Column("terms", Json, nullable=False),
        Column("created", Instant, nullable=False),
        Column("updated", Instant, nullable=False),
        Column("since", Instant, nullable=False),
        Column("resolved", String(16), nullable=False),
        Column("run_limit", Integer, nullable=False),
        Column("due", Instant),
        Column("executed", Instant),
        Column("succeeded", Instant),
        Column("legacy_status", Json),
    )
    op.create_table(
        "associations_versions",
        *scoped_columns(),
        Column("association", String(36), primary_key=True),
        Column("number", Integer, primary_key=True),
        Column("created", Instant, nullable=False),
        Column("terms", Json, nullable=False),
    )
    op.create_table(
        "associations_members",
        *scoped_columns(),
        Column("association", String(36), primary_key=True),
        Column("node", String(20), primary_key=True),
        Column("status", String(16), nullable=False),
        Column("version", Integer, nullable=False),
        Column("execution", String(36)),
        Column("overtaken", Boolean, nullable=False),
        Column("told", Boolean, nullable=False),
        Column("ran", Instant),
        Column("succeeded", Instant),
        Column("summary", Text, nullable=False),
        Column("error_code", String(64), nullable=False),
        Column("output_url", Text, nullable=False),
        Column("drift", Text, nullable=False),
    )
    op.create_table(
        "associations_executions",
        *scoped_columns(),
        Column("association", String(36), primary_key=True),
        Column("execution", String(36), primary_key=True),
        Column("version", Integer, nullable=False),
        Column("trigger", String(16), nullable=False),
        Column("created", Instant, nullable=False),
        Column("max_concurrency", Integer, nullable=False),
        Column("max_errors", Integer, nullable=False),
        Column("tally", Json, nullable=False),
        Column("status", String(16), nullable=False),
        Column("last", Instant),
        Column("ended", Instant),
    )
    op.create_table(
        "associations_runs",
        *scoped_columns(),
        Column("execution", String(36), primary_key=True),
        Column("node", String(20), primary_key=True),
        Column("association", String(36), nullable=False),
        Column("position", Integer, nullable=False),
        Column("status", String(16), nullable=False),
        Column("bound", Boolean, nullable=False),
        Column("deadline", Instant),
        Column("ended", Instant),
        Column("last", Instant),
        Column("version", Integer, nullable=False),
        Column("summary", Text, nullable=False),
        Column("error_code", String(64), nullable=False),
        Column("output_url", Text, nullable=False),
    )
    scope = ["account", "region"]
    for name, table, columns in (
        ("by_document", "associations", ["document"]),
        ("by_node", "members", ["node", "association"]),
        ("by_status", "members", ["association", "status"]),
        ("by_time", "executions", ["association", "created", "execution"]),
        ("by_status", "runs", ["execution", "status", "position"]),
    ):
        full = f"associations_{table}"
        op.create_index(f"{full}_{name}", full, [*scope, *columns])
    for name, columns, where in (
        ("open", ["association", "node"], "ended IS NULL"),
        ("deadlines", ["deadline"], "deadline IS NOT NULL"),
    ):
        op.create_index(
            f"associations_runs_{name}",
            "associations_runs",
            [*scope, *columns],
            sqlite_where=text(where),
            postgresql_where=text(where),
        )
