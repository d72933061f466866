"""Whether a stream was cut, because its invocation wrote more than is kept."""

from alembic.operations import Operations
from sqlalchemy import Boolean, Column, false


def upgrade(op: Operations) -> None:
    """Add the column."""
    op.add_column(
        "commands_streams", Column("cut", Boolean, nullable=False, server_default=false())
    )
