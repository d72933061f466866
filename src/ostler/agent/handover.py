"""Handing over: an agent ends its work, so that another version of itself goes on with it."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

from ostler.agent.waiting import first
from ostler.foundation.clock import Clock


class Handover:
    """Whether new work may begin, and which version is to go on."""

    def __init__(self, clock: Clock, *, holding: bool = False) -> None:
        self._clock = clock
        self._running = 0
        self._fewer = asyncio.Event()
        self._free = asyncio.Event()
        if not holding:
            self._free.set()
        self.version = ""
        self.asked_by = ""
        self.asked = asyncio.Event()
        """Set once this agent is to end."""

    @property
    def holding(self) -> bool:
        """Nothing may begin: an update waits for the rest to end, or has not proved itself yet."""
        return not self._free.is_set()

    async def free(self) -> None:
        """Wait until work may begin."""
        await self._free.wait()

    @contextmanager
    def working(self) -> Iterator[None]:
        """Something is done that an update must not end."""
        self._running += 1
        try:
            yield
        finally:
            self._running -= 1
            self._fewer.set()

    async def alone(self, limit: timedelta) -> bool:
        """Let nothing more begin, and wait until one work is left: the one that asks.

        False when that takes too long, or another asks already.
        """
        if self.holding:
            return False
        self._free.clear()
        try:
            await first(self._until_alone(), self._clock.sleep(limit))
        except asyncio.CancelledError:
            self.release()
            raise
        if self._running > 1:
            self.release()
        return self.holding

    def choose(self, version: str, asked_by: str) -> None:
        """This version is to go on, once the step that asks has been written down."""
        self.version, self.asked_by = version, asked_by

    def release(self) -> None:
        """Work may begin again."""
        self._free.set()

    async def _until_alone(self) -> None:
        while self._running > 1:
            self._fewer.clear()
            await self._fewer.wait()
