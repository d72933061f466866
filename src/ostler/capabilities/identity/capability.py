"""How identity is put together."""

from ostler.capabilities.identity.migrations import MIGRATIONS
from ostler.capabilities.identity.service import Identity
from ostler.capabilities.identity.service.ledger import Witness, nobody
from ostler.foundation.capability import Capability, Foundation


def build(foundation: Foundation, *, witness: Witness = nobody) -> Capability:
    """Put identity together; its operations (of IAM and STS) have no wire yet.

    `witness` is called inside every transaction that changes the directory.
    """
    identity = Identity(
        foundation.storage, foundation.clock, foundation.ids, foundation.secrets, witness
    )
    return Capability(name="identity", service=identity, migrations=MIGRATIONS)
