"""Time: the only place that reads the machine's clocks or sleeps."""

import asyncio
import heapq
import itertools
import time
from datetime import UTC, datetime, timedelta
from typing import Protocol


class Clock(Protocol):
    """Where everyone learns the time, and waits for it."""

    def now(self) -> datetime:
        """The present instant, aware, in UTC."""
        ...

    async def sleep(self, delay: timedelta) -> None:
        """Return once `delay` has passed."""
        ...

    async def sleep_until(self, instant: datetime) -> None:
        """Return once `instant` is not in the future any more."""
        ...


class SystemClock:
    """The machine's own clock."""

    def now(self) -> datetime:
        return datetime.now(UTC)  # noqa: TID251 - this is the clock

    async def sleep(self, delay: timedelta) -> None:
        await asyncio.sleep(max(0.0, delay.total_seconds()))  # noqa: TID251 - this is the clock

    def pause(self, delay: timedelta) -> None:
        """Block until `delay` has passed: for programs without an event loop, like the CLI."""
        time.sleep(delay.total_seconds())  # noqa: TID251 - this is the clock

    async def sleep_until(self, instant: datetime) -> None:
        while (remaining := instant - self.now()) > timedelta(0):
            await self.sleep(remaining)


class ManualClock:
    """A clock that moves only when told to, and wakes whoever slept on the way."""

    def __init__(self, start: datetime = datetime(2026, 1, 1, tzinfo=UTC)) -> None:
        self._now = start
        self._sleepers: list[tuple[datetime, int, asyncio.Future[None]]] = []
        self._order = itertools.count()

    def now(self) -> datetime:
        return self._now

    async def sleep(self, delay: timedelta) -> None:
        await self.sleep_until(self._now + max(timedelta(0), delay))

    async def sleep_until(self, instant: datetime) -> None:
        if instant <= self._now:
            await _turn()
            return
        waiter = asyncio.get_running_loop().create_future()
        heapq.heappush(self._sleepers, (instant, next(self._order), waiter))
        await waiter

    async def advance(self, delay: timedelta) -> None:
        """Move on by `delay`, stopping at every sleeper's instant so that it runs at its time.

        Nobody waits for what threads do meanwhile: where tasks sleep *and* use the storage, the
        test gives them an inline one, or runs what is due itself.
        """
        end = self._now + delay
        await _settle()
        while self._sleepers and self._sleepers[0][0] <= end:
            instant, _, waiter = heapq.heappop(self._sleepers)
            self._now = max(self._now, instant)
            if not waiter.done():
                waiter.set_result(None)
            await _settle()
        self._now = end
        await _settle()


async def _turn() -> None:
    """Let the event loop run whatever is ready once."""
    await asyncio.sleep(0)  # noqa: TID251 - no time passes


async def _settle(turns: int = 20) -> None:
    """Let woken tasks run until they wait again, as far as a bounded number of turns goes."""
    for _ in range(turns):
        await _turn()
