"""What was looked up a moment ago, so that not every call asks the database who its caller is."""

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from datetime import datetime, timedelta
from typing import Generic, TypeVar

from ostler.foundation.clock import Clock

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")

LIFE = timedelta(seconds=2)
"""How long a change made by another process may go unseen."""

_MOST = 20_000


class Remembered(Generic[K, V]):
    """Answers of a look-up, good for two seconds; those who ask at the same time share one."""

    def __init__(self, look_up: Callable[[K], Awaitable[V]], clock: Clock) -> None:
        self._look_up = look_up
        self._clock = clock
        self._kept: dict[K, tuple[datetime, V]] = {}
        self._asked: dict[K, asyncio.Task[V]] = {}

    async def get(self, key: K) -> V:
        kept = self._kept.get(key)
        if kept is not None and self._clock.now() < kept[0]:
            return kept[1]
        task = self._asked.get(key)
        if task is None:
            task = self._asked[key] = asyncio.ensure_future(self._ask(key))
        return await asyncio.shield(task)

    def forget(self) -> None:
        """Something changed; what is being looked up right now will not be kept either."""
        self._kept.clear()
        self._asked.clear()

    async def _ask(self, key: K) -> V:
        own = asyncio.current_task()
        try:
            value = await self._look_up(key)
            if self._asked.get(key) is own:
                self._kept.pop(key, None)
                while len(self._kept) >= _MOST:
                    del self._kept[next(iter(self._kept))]
                self._kept[key] = (self._clock.now() + LIFE, value)
            return value
        finally:
            if self._asked.get(key) is own:
                del self._asked[key]
