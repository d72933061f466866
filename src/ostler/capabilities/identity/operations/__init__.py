"""Identity's API: STS, and the part of IAM that its clients call."""

from collections.abc import Sequence
from typing import Any

from ostler.capabilities.identity.operations.attachments import AttachmentOperations
from ostler.capabilities.identity.operations.groups import GroupOperations
from ostler.capabilities.identity.operations.policies import PolicyOperations
from ostler.capabilities.identity.operations.roles import ProfileOperations, RoleOperations
from ostler.capabilities.identity.operations.sessions import (
    FederationOperations,
    SessionOperations,
)
from ostler.capabilities.identity.operations.simulation import SimulationOperations
from ostler.capabilities.identity.operations.users import UserOperations
from ostler.capabilities.identity.service import Identity
from ostler.capabilities.identity.service.federation import Federation


def operations(identity: Identity, federation: Federation) -> Sequence[Any]:
    """What answers IAM and STS."""
    return [
        UserOperations(identity),
        GroupOperations(identity),
        RoleOperations(identity),
        ProfileOperations(identity),
        PolicyOperations(identity),
        AttachmentOperations(identity),
        SimulationOperations(identity),
        SessionOperations(identity),
        FederationOperations(federation),
    ]
