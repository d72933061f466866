"""Default roles as they are kept: one of an account in a region, or none."""

from sqlalchemy import delete, select

from ostler.capabilities.nodes.model.defaults import DefaultRole, PermissionModel
from ostler.capabilities.nodes.store.tables import default_roles
from ostler.foundation.storage import Transaction


def put(tx: Transaction, role: DefaultRole) -> None:
    """Keep the scope's default role in place of the one before."""
    values = {"role": role.arn, "model": role.model.value, "registered": role.registered}
    tx.upsert(default_roles, values, key=())


def find(tx: Transaction) -> DefaultRole | None:
    """The scope's default role."""
    row = tx.one(select(default_roles))
    return row and DefaultRole(row.role, PermissionModel(row.model), row.registered)


def remove(tx: Transaction) -> None:
    """Let the scope have no default role."""
    tx.execute(delete(default_roles))
