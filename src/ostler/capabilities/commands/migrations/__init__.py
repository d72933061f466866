"""The steps that made the tables of Run Command; none is edited once it was released."""

from collections.abc import Sequence

from ostler.capabilities.commands.migrations import m0001_create
from ostler.foundation.storage import Migration

MIGRATIONS: Sequence[Migration] = (
    Migration(
        "commands", 1, "create commands, invocations, outputs, streams", m0001_create.upgrade
    ),
)
