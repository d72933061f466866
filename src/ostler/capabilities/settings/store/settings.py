"""Settings as accounts have chosen them."""

from sqlalchemy import delete, select

from ostler.capabilities.settings.model.settings import Setting
from ostler.capabilities.settings.store.tables import values
from ostler.foundation.storage import Transaction


def find(tx: Transaction, id_: str) -> Setting | None:
    """The setting, if the account has chosen anything."""
    row = tx.one(select(values).where(values.c.id == id_))
    return None if row is None else Setting(row.id, row.value, row.modified, row.author)


def put(tx: Transaction, chosen: Setting) -> None:
    """Keep what the account has chosen."""
    row = {"value": chosen.value, "modified": chosen.modified, "author": chosen.author}
    tx.upsert(values, {"id": chosen.id, **row}, key=["id"])


def remove(tx: Transaction, id_: str) -> None:
    """Forget what the account had chosen."""
    tx.execute(delete(values).where(values.c.id == id_))
