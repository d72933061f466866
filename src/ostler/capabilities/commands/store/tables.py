"""The tables of Run Command."""

from sqlalchemy import BigInteger, Boolean, Column, Index, Integer, MetaData, String, Text, false

from ostler.foundation.storage import Instant, Json, scoped_table

metadata = MetaData()

commands = scoped_table(
    "commands_commands",
    metadata,
    Column("command", String(36), primary_key=True),
    Column("requested", Instant, nullable=False),
    Column("expires", Instant, nullable=False),
    Column("document_name", String(128), nullable=False),
    # What was ordered, but for the parameters: as it came, to be answered back.
    Column("terms", Json, nullable=False),
    Column("parameters", Json, nullable=False),
    Column("steps", Json, nullable=False),
    # What nodes are sent: the document as it was when the command was accepted.
    Column("content", Text, nullable=False),
    Column("bound", Json, nullable=False),
    Column("outcome", String(32), nullable=False),
    Column("tally", Json, nullable=False),
    Column("cancelled", Boolean, nullable=False),
    Column("ended", Instant),
)
Index(
    "commands_commands_by_time",
    *(commands.c.account, commands.c.region, commands.c.requested, commands.c.command),
)
# Few of the commands that are kept have not ended: those that operators watch.
Index(
    "commands_commands_open",
    *(commands.c.account, commands.c.region, commands.c.command),
    sqlite_where=commands.c.ended.is_(None),
    postgresql_where=commands.c.ended.is_(None),
)

invocations = scoped_table(
    "commands_invocations",
    metadata,
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
Index(
    "commands_invocations_by_status",
    *(invocations.c.account, invocations.c.region, invocations.c.command),
    *(invocations.c.status, invocations.c.position),
)
Index(
    "commands_invocations_by_node",
    *(invocations.c.account, invocations.c.region, invocations.c.node, invocations.c.owed),
)
Index(
    "commands_invocations_by_time",
    *(invocations.c.account, invocations.c.region, invocations.c.requested),
    *(invocations.c.command, invocations.c.node),
)

outputs = scoped_table(
    "commands_outputs",
    metadata,
    Column("command", String(36), primary_key=True),
    Column("node", String(20), primary_key=True),
    Column("step", String(128), primary_key=True),
    Column("standard_output", Text, nullable=False),
    Column("standard_error", Text, nullable=False),
    Column("combined", Text, nullable=False),
)

streams = scoped_table(
    "commands_streams",
    metadata,
    Column("command", String(36), primary_key=True),
    Column("node", String(20), primary_key=True),
    Column("step", String(128), primary_key=True),
    Column("stream", String(8), primary_key=True),
    Column("length", BigInteger, nullable=False),
    Column("finished", Boolean, nullable=False),
    Column("cut", Boolean, nullable=False, server_default=false()),
    Column("logged", BigInteger, nullable=False, server_default="0"),
)
