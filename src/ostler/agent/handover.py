"""Handing over: an agent ends its work, so that another version of itself goes on with it."""

import asyncio
from datetime import timedelta

from ostler.agent.waiting import first
from ostler.foundation.clock import Clock


class Handover:
    """Whether new work may begin, and which version is to go on."""

    def __init__(self, clock: Clock, *, holding: bool = False) -> None:
        self._clock = clock
        self._running = 0
        self._fewer = asyncio.Event()
        self.holding = holding
        """Nothing begins: an update waits for the rest to end, or has not proved itself yet."""
        self.version = ""
        self.asked_by = ""
        self.asked = asyncio.Event()
        """Set once this agent is to end."""

    def count(self, running: int) -> None:
        """So many jobs run now."""
        self._running = running
        self._fewer.set()

    async def alone(self, limit: timedelta) -> bool:
        """Let nothing more begin, and wait until one job is left: the one that asks."""
        self.holding = True
        try:
            await first(self._until_alone(), self._clock.sleep(limit))
        except asyncio.CancelledError:
            self.holding = False
            raise
        self.holding = self._running <= 1
        return self.holding

    def choose(self, version: str, asked_by: str) -> None:
        """This version is to go on, once the step that asks has been written down."""
        self.version, self.asked_by = version, asked_by

    def release(self) -> None:
        """Work may begin again."""
        self.holding = False

    async def _until_alone(self) -> None:
        while self._running > 1:
            self._fewer.clear()
            await self._fewer.wait()
