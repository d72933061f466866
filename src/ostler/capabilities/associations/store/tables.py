"""The tables of State Manager."""

from sqlalchemy import Boolean, Column, Index, Integer, MetaData, String, Text

from ostler.foundation.storage import Instant, Json, scoped_table

metadata = MetaData()

associations = scoped_table(
    "associations_associations",
    metadata,
    Column("association", String(36), primary_key=True),
    Column("version", Integer, nullable=False),
    Column("document", String(300), nullable=False),
    Column("name", String(128), nullable=False),
    # The only node of an association made with InstanceId; empty otherwise.
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
Index(
    "associations_associations_by_document",
    *(associations.c.account, associations.c.region, associations.c.document),
)

versions = scoped_table(
    "associations_versions",
    metadata,
    Column("association", String(36), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("created", Instant, nullable=False),
    Column("terms", Json, nullable=False),
)

# How an association stands on each of its nodes now.
members = scoped_table(
    "associations_members",
    metadata,
    Column("association", String(36), primary_key=True),
    Column("node", String(20), primary_key=True),
    Column("status", String(16), nullable=False),
    Column("version", Integer, nullable=False),
    Column("execution", String(36)),
    Column("overtaken", Boolean, nullable=False),
    # Whether the node knows that it may begin.
    Column("told", Boolean, nullable=False),
    Column("ran", Instant),
    Column("succeeded", Instant),
    Column("summary", Text, nullable=False),
    Column("error_code", String(64), nullable=False),
    Column("output_url", Text, nullable=False),
    Column("drift", Text, nullable=False),
)
Index(
    "associations_members_by_node",
    *(members.c.account, members.c.region, members.c.node, members.c.association),
)
Index(
    "associations_members_by_status",
    *(members.c.account, members.c.region, members.c.association, members.c.status),
)

executions = scoped_table(
    "associations_executions",
    metadata,
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
Index(
    "associations_executions_by_time",
    *(executions.c.account, executions.c.region, executions.c.association),
    *(executions.c.created, executions.c.execution),
)

runs = scoped_table(
    "associations_runs",
    metadata,
    Column("execution", String(36), primary_key=True),
    Column("node", String(20), primary_key=True),
    Column("association", String(36), nullable=False),
    Column("position", Integer, nullable=False),
    Column("status", String(16), nullable=False),
    Column("bound", Boolean, nullable=False),
    # When a node that may begin loses its place, and when a run counts as hanging.
    Column("deadline", Instant),
    Column("ended", Instant),
    Column("last", Instant),
    Column("version", Integer, nullable=False),
    Column("summary", Text, nullable=False),
    Column("error_code", String(64), nullable=False),
    Column("output_url", Text, nullable=False),
)
Index(
    "associations_runs_by_status",
    *(runs.c.account, runs.c.region, runs.c.execution, runs.c.status, runs.c.position),
)
Index(
    "associations_runs_open",
    *(runs.c.account, runs.c.region, runs.c.association, runs.c.node),
    sqlite_where=runs.c.ended.is_(None),
    postgresql_where=runs.c.ended.is_(None),
)
Index(
    "associations_runs_deadlines",
    *(runs.c.account, runs.c.region, runs.c.deadline),
    sqlite_where=runs.c.deadline.is_not(None),
    postgresql_where=runs.c.deadline.is_not(None),
)
