"""Storage: plain functions of a transaction, run on SQLite or PostgreSQL, each in its scope."""

from ostler.foundation.storage.engines import DatabaseFault, sqlite_file
from ostler.foundation.storage.migrations import Migration, NewerSchema
from ostler.foundation.storage.scoping import Unscoped
from ostler.foundation.storage.storage import Storage
from ostler.foundation.storage.tables import Instant, Json, numbered, scoped_columns, scoped_table
from ostler.foundation.storage.transaction import (
    DueWork,
    Later,
    Outbox,
    ReadOnly,
    Scope,
    Spoiled,
    Transaction,
)

__all__ = [
    "DatabaseFault",
    "DueWork",
    "Instant",
    "Json",
    "Later",
    "Migration",
    "NewerSchema",
    "Outbox",
    "ReadOnly",
    "Scope",
    "Spoiled",
    "Storage",
    "Transaction",
    "Unscoped",
    "numbered",
    "scoped_columns",
    "scoped_table",
    "sqlite_file",
]
