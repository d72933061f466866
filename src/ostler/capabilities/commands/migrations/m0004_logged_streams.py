"""Remember how much of a stream is in a log, so that it is written there once."""

from alembic.operations import Operations
from sqlalchemy import BigInteger, Column


def upgrade(op: Operations) -> None:
    op.add_column(
        "commands_streams", Column("logged", BigInteger, nullable=False, server_default="0")
    )
