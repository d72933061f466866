"""The steps that made the tables of State Manager; none is edited once it was released."""

from collections.abc import Sequence

from ostler.capabilities.associations.migrations import m0001_create
from ostler.foundation.storage import Migration

MIGRATIONS: Sequence[Migration] = (
    Migration(
        "associations",
        1,
        "create associations, versions, members, executions, runs",
        m0001_create.upgrade,
    ),
)
