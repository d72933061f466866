"""Readiness: whether the server can do its work now, in words that tell no secrets."""

import asyncio
import shutil
from collections.abc import Callable, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Protocol

import structlog

from ostler.foundation.clock import Clock
from ostler.foundation.storage import Storage
from ostler.server.workers import Workers

GOOD_FOR = timedelta(seconds=1)
"""So long the database's answer counts: whoever asks us needs no key, and must not cost much."""
PATIENCE = 5.0
LEAST_FREE = 64 * 1024 * 1024
"""With so few bytes left on a disk the next command may not find room for what it writes."""

log = structlog.get_logger()


class Pulse(Protocol):
    """Writes to the database every few seconds."""

    @property
    def fails(self) -> bool:
        """Whether it could not the last time."""
        ...


def free_bytes(folder: Path) -> int:
    """How much the server may still write to the disk on which a folder lies."""
    return shutil.disk_usage(folder).free


class Readiness:
    """Asks the database, the disks and the workers how they are.

    `folders` are those that the server writes to. That the database answers does not mean that
    it takes what is written: its disk may be full. The `pulse` has tried.
    """

    def __init__(
        self,
        storage: Storage,
        workers: Workers,
        clock: Clock,
        *,
        pulse: Pulse,
        folders: Sequence[Path],
        free: Callable[[Path], int] = free_bytes,
    ) -> None:
        self._storage = storage
        self._workers = workers
        self._clock = clock
        self._pulse = pulse
        self._folders = folders
        self._free = free
        self._asked_at = clock.now()
        self._asking: asyncio.Task[Sequence[str]] | None = None

    async def faults(self) -> Sequence[str]:
        """What is wrong now; nothing when all is well."""
        database = await self._of_database()
        if not database and self._pulse.fails:
            database = ["database: takes no changes"]
        idle = [f"worker {name}: is not at work" for name in self._workers.idle]
        return [*database, *self._of_disks(), *idle]

    def _of_disks(self) -> Sequence[str]:
        try:
            full = any(self._free(folder) < LEAST_FREE for folder in self._folders)
        except OSError:
            log.exception("disk_does_not_answer")
            return ["disk: does not answer"]
        return ["disk: is full, or nearly"] if full else []

    async def _of_database(self) -> Sequence[str]:
        # A question that is not answered yet is not asked again: they would pile up.
        now = self._clock.now()
        asking = self._asking
        if asking is None or (asking.done() and now - self._asked_at >= GOOD_FOR):
            asking = self._asking = asyncio.create_task(self._ask())
            self._asked_at = now
        done, _ = await asyncio.wait({asking}, timeout=PATIENCE)
        return asking.result() if done else ["database: does not answer in time"]

    async def _ask(self) -> Sequence[str]:
        try:
            untaken = await self._storage.untaken()
        except Exception:
            log.exception("database_does_not_answer")
            return ["database: does not answer"]
        return [f"migrations: {len(untaken)} are not done"] if untaken else []
