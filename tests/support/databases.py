"""Databases for tests: a fresh SQLite file or PostgreSQL schema for each."""

from collections.abc import Sequence
from pathlib import Path

from sqlalchemy import MetaData

from ostler.foundation import events, timers
from ostler.foundation.clock import Clock
from ostler.foundation.storage import Migration, Storage

FOUNDATION: Sequence[Migration] = (*timers.MIGRATIONS, *events.MIGRATIONS)


class House:
    """A storage and what it writes through, put together as the server does."""

    def __init__(self, url: str, clock: Clock, *, inline: bool = False) -> None:
        self.schedule = timers.Schedule()
        self.bulletin = events.Bulletin(clock)
        self.storage = Storage(url, outbox=self.bulletin, due_work=self.schedule, inline=inline)


def sqlite_url(folder: Path) -> str:
    return f"sqlite:///{folder}/ostler.db"


async def create_tables(storage: Storage, *metadata: MetaData) -> None:
    """Make the tables without their migrations."""
    for each in metadata:
        each.create_all(storage.engine)
