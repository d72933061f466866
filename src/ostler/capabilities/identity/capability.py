"""How identity is put together."""

from ostler.capabilities.identity.migrations import MIGRATIONS
from ostler.capabilities.identity.operations import operations
from ostler.capabilities.identity.service import Identity
from ostler.foundation.capability import Capability, Foundation


def build(foundation: Foundation) -> Capability:
    """Put identity together."""
    identity = Identity(foundation.storage, foundation.clock, foundation.ids, foundation.secrets)
    return Capability(
        name="identity",
        service=identity,
        operations=operations(identity),
        migrations=MIGRATIONS,
    )
