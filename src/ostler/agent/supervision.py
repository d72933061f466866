"""Supervision: a program runs to its end, to its time limit, or until it is not wanted."""

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass
from datetime import timedelta
from enum import Enum
from typing import Any, TypeVar

from ostler.agent.host import Process
from ostler.agent.waiting import first
from ostler.foundation.clock import Clock

T = TypeVar("T")

GRACE = timedelta(seconds=5)
"""How long a group that was asked to end may take to do so."""


class Cause(Enum):
    """Why a program ended."""

    ITSELF = "itself"
    TIME = "time"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class Exit:
    """How a program ended: its exit code, or minus a signal."""

    code: int
    cause: Cause


class Interrupted(Exception):
    """The agent stops; what ran was ended, and its end will be told by the next agent."""


class Unwanted(Exception):
    """The job was cancelled while the agent itself was at work for it."""


class Stop:
    """By which the steps of a job learn that they shall end."""

    def __init__(self) -> None:
        self.cancelled = False
        self.shutdown = False
        self._event = asyncio.Event()

    @property
    def asked(self) -> bool:
        return self._event.is_set()

    def cancel(self) -> None:
        """The job is not wanted any more."""
        self.cancelled = True
        self._event.set()

    def shut_down(self) -> None:
        """The agent has to go."""
        self.shutdown = True
        self._event.set()

    async def wait(self) -> None:
        await self._event.wait()


async def supervise(process: Process, clock: Clock, *, limit: timedelta, stop: Stop) -> Exit:
    """Wait for a program's end, or bring it about for the whole group."""
    ended = asyncio.ensure_future(process.ended())
    try:
        await first(ended, clock.sleep(limit), stop.wait())
        if ended.done():
            return Exit(ended.result(), Cause.ITSELF)
        process.terminate()
        await first(process.quiet(), clock.sleep(GRACE))
        # Also when the first process ended: what it started may not have listened.
        process.kill()
        code = await ended
    finally:
        if not ended.done():
            process.kill()
            ended.cancel()
    if stop.cancelled:
        return Exit(code, Cause.CANCELLED)
    if stop.shutdown:
        raise Interrupted
    return Exit(code, Cause.TIME)


async def unless_stopped(doing: Coroutine[Any, Any, T], stop: Stop) -> T:
    """What comes of something that no program does: it is given up when the job shall end."""
    task = asyncio.ensure_future(doing)
    try:
        await first(task, stop.wait())
        if task.done():
            return task.result()
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    if stop.cancelled:
        raise Unwanted
    raise Interrupted
