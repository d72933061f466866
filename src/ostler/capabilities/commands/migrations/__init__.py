"""The steps that made the tables of Run Command; none is edited once it was released."""

from collections.abc import Sequence

from ostler.capabilities.commands.migrations import (
    m0001_create,
    m0002_open_commands,
    m0003_cut_streams,
    m0004_logged_streams,
)
from ostler.foundation.storage import Migration

MIGRATIONS: Sequence[Migration] = (
    Migration(
        "commands", 1, "create commands, invocations, outputs, streams", m0001_create.upgrade
    ),
    Migration("commands", 2, "index the commands that have not ended", m0002_open_commands.upgrade),
    Migration("commands", 3, "tell which streams were cut", m0003_cut_streams.upgrade),
    Migration("commands", 4, "tell how much is in a log", m0004_logged_streams.upgrade),
)
