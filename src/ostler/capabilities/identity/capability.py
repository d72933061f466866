"""How identity is put together."""

from ostler.capabilities.identity.migrations import MIGRATIONS
from ostler.capabilities.identity.model.providers import Provider
from ostler.capabilities.identity.operations import operations
from ostler.capabilities.identity.service import Identity
from ostler.foundation.capability import Capability, Foundation
from ostler.foundation.outbound import Outbound


def build(
    foundation: Foundation, *, provider: Provider | None = None, outbound: Outbound | None = None
) -> Capability:
    """Put identity together.

    `provider` says who people are, and is asked by `outbound`.
    """
    identity = Identity(foundation.storage, foundation.clock, foundation.ids, foundation.secrets)
    federation = identity.federation(provider, outbound)
    return Capability(
        name="identity",
        service=identity,
        operations=operations(identity, federation),
        migrations=MIGRATIONS,
    )
