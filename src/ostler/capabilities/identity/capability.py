"""How identity is put together."""

from ostler.capabilities.identity.migrations import MIGRATIONS
from ostler.capabilities.identity.service import Beginning, Identity
from ostler.foundation.capability import Capability, Foundation


def build(foundation: Foundation, *, beginning: Beginning | None = None) -> Capability:
    """Put identity together; its operations (IAM and STS) have no wire yet."""
    identity = Identity(
        foundation.storage, foundation.clock, foundation.ids, foundation.secrets, beginning
    )
    return Capability(
        name="identity",
        service=identity,
        migrations=MIGRATIONS,
        start=identity.start,
    )
