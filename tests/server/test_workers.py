"""Workers: they work as long as the server does, whatever happens to one of them."""

import asyncio
from datetime import timedelta

from ostler.foundation.clock import ManualClock
from ostler.server.workers import LONGEST_PAUSE, Workers


class Work:
    """A work that fails, or ends, as often as it is told to and then goes on for ever."""

    def __init__(self, *failures: Exception | None) -> None:
        self.failures = list(failures)
        self.begun = 0

    async def run(self) -> None:
        self.begun += 1
        if not self.failures:
            await asyncio.Event().wait()
        if (failure := self.failures.pop(0)) is not None:
            raise failure


async def test_a_worker_that_fails_begins_again(clock: ManualClock) -> None:
    sound, broken = Work(), Work(LookupError("a bug"), None)
    workers = Workers({"sound": sound.run, "broken": broken.run}, clock)

    async with workers.running():
        await clock.advance(timedelta(0))
        assert ["broken"] == workers.idle
        await clock.advance(timedelta(seconds=1))
        assert (["broken"], 2) == (workers.idle, broken.begun)
        await clock.advance(timedelta(seconds=1.9))
        assert ["broken"] == workers.idle
        await clock.advance(timedelta(seconds=0.1))
        assert [] == workers.idle

    assert (1, 3) == (sound.begun, broken.begun)
    assert ["sound", "broken"] == workers.idle


async def test_a_worker_that_always_fails_is_tried_every_minute(clock: ManualClock) -> None:
    broken = Work(*[LookupError("a bug")] * 1000)
    workers = Workers({"broken": broken.run}, clock)

    async with workers.running():
        await clock.advance(timedelta(minutes=2))
        tries = broken.begun
        await clock.advance(LONGEST_PAUSE * 10)

    assert tries + 10 == broken.begun
