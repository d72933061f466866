"""An index of the commands that have not ended."""

from alembic.operations import Operations
from sqlalchemy import text


def upgrade(op: Operations) -> None:
    """Make the index."""
    op.create_index(
        "commands_commands_open",
        "commands_commands",
        ["account", "region", "command"],
        sqlite_where=text("ended IS NULL"),
        postgresql_where=text("ended IS NULL"),
    )
