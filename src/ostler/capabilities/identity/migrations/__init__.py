"""The steps by which identity's tables became what they are."""

from ostler.capabilities.identity.migrations import first, second
from ostler.foundation.storage import Migration

MIGRATIONS = (
    Migration("identity", 1, "create accounts, entities, policies, keys", first.upgrade),
    Migration("identity", 2, "keep versions of policies, and instance profiles", second.upgrade),
)
