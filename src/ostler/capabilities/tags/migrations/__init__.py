"""The steps by which the tables of tags came to be."""

from alembic.operations import Operations
from sqlalchemy import Column, String

from ostler.foundation.storage import Migration, scoped_columns


def _create(op: Operations) -> None:
    op.create_table(
        "tags_carried",
        *scoped_columns(),
        Column("kind", String(64), primary_key=True),
        Column("id", String(2048), primary_key=True),
        Column("key", String(128), primary_key=True),
        Column("value", String(256), nullable=False),
    )
    op.create_index("tags_carried_by_key", "tags_carried", ["account", "region", "kind", "key"])


MIGRATIONS = (Migration("tags", 1, "create the tags", _create),)
