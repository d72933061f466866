"""Workers: what runs behind the doors as long as the server does, and anew when it fails."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import structlog

from ostler.foundation.clock import Clock

SHORTEST_PAUSE = timedelta(seconds=1)
LONGEST_PAUSE = timedelta(minutes=1)

Work = Callable[[], Coroutine[Any, Any, None]]
"""Runs until it is cancelled."""

log = structlog.get_logger()


class Workers:
    """Runs several works side by side.

    None of them is meant to end. One that does all the same begins again after a pause, and is
    among `idle` until then.
    """

    def __init__(self, works: Mapping[str, Work], clock: Clock) -> None:
        self._works = works
        self._clock = clock
        self._at_work: set[str] = set()

    @property
    def idle(self) -> Sequence[str]:
        """The names of those that do not work now."""
        return [name for name in self._works if name not in self._at_work]

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Let them work as long as the block lasts."""
        tasks = [asyncio.create_task(self._keep(*each)) for each in self._works.items()]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _keep(self, name: str, work: Work) -> None:
        pause = SHORTEST_PAUSE
        while True:
            began = self._clock.now()
            self._at_work.add(name)
            try:
                await work()
                log.error("worker_ended", worker=name)
            except Exception:
                log.exception("worker_failed", worker=name)
            finally:
                self._at_work.discard(name)
            if self._clock.now() - began > LONGEST_PAUSE:
                pause = SHORTEST_PAUSE
            await self._clock.sleep(pause)
            pause = min(pause * 2, LONGEST_PAUSE)
