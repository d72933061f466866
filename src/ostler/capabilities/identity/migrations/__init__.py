"""The steps by which identity's tables became what they are."""

from ostler.capabilities.identity.migrations import first
from ostler.foundation.storage import Migration

MIGRATIONS = (Migration("identity", 1, "create accounts, entities, policies, keys", first.upgrade),)
