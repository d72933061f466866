"""Readiness: whether the server can do its work now, in words that tell no secrets."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta

import structlog

from ostler.foundation.clock import Clock
from ostler.foundation.storage import Storage
from ostler.server.workers import Workers

GOOD_FOR = timedelta(seconds=1)
"""So long the database's answer counts: whoever asks us needs no key, and must not cost much."""
PATIENCE = 5.0

log = structlog.get_logger()


class Readiness:
    """Asks the database and the workers how they are."""

    def __init__(self, storage: Storage, workers: Workers, clock: Clock) -> None:
        self._storage = storage
        self._workers = workers
        self._clock = clock
        self._asked_at = clock.now()
        self._asking: asyncio.Task[Sequence[str]] | None = None

    async def faults(self) -> Sequence[str]:
        """What is wrong now; nothing when all is well."""
        database = await self._of_database()
        return [*database, *(f"worker {name}: is not at work" for name in self._workers.idle)]

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
