"""The steps by which the tables of documents became what they are."""

from ostler.capabilities.documents.migrations import first
from ostler.foundation.storage import Migration

MIGRATIONS = (Migration("documents", 1, "create documents, versions, shares", first.upgrade),)
