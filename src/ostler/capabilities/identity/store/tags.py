"""The tags of whatever in identity may have tags, by its ARN."""

from collections.abc import Mapping

from ostler.capabilities.identity.model.entities import (
    Entity,
    InstanceProfile,
    Kind,
    ManagedPolicy,
    account_in,
    name_in,
)
from ostler.capabilities.identity.store import entities, policies, profiles
from ostler.foundation.ids import AccountId
from ostler.foundation.storage import Transaction


def of(tx: Transaction, account: AccountId, arn: str) -> Mapping[str, str]:
    """None where there is nothing of the ARN in the account."""
    kind, name = arn.rpartition(":")[2].partition("/")[0], name_in(arn)
    found: Entity | ManagedPolicy | InstanceProfile | None = None
    match kind:
        case "user" | "role":
            found = entities.entity(tx, account, Kind(kind), name)
        case "instance-profile":
            found = profiles.profile(tx, account, name)
        case "policy" if account_in(arn) == account:
            found = policies.get(tx, arn)
    return found.tags if found is not None and found.arn == arn else {}
