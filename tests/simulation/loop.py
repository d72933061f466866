"""The event loop whose time is virtual, and the lives of the programs that run in it."""

import asyncio
import gc
import itertools
import sys
import warnings
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from contextvars import Context, ContextVar, copy_context
from datetime import UTC, datetime, timedelta
from typing import Any, NoReturn

BEGINNING = datetime(2026, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


class Stuck(Exception):
    """Everybody waits, and no time will come at which anybody goes on."""


class Died(BaseException):
    """Ends the code of a program that has just died and cannot be left waiting instead."""


class Life:
    """All that one program does between its start and its end.

    When it ends, it ends at once: not a line of its code runs any more, no `finally`, no
    `except`. What it wanted to do later is forgotten, and nobody can wake it.
    """

    def __init__(self, loop: "VirtualLoop", name: str) -> None:
        self.name = name
        self.alive = True
        self.vanished = False
        """Whether it ended with its machine, so that nobody was told."""
        self.steps = 0
        self.fatal_step: int | None = None
        self._loop = loop
        self._context = copy_context()
        self._context.run(_life.set, self)
        self._tasks: list[asyncio.Task[Any]] = []
        self._mourners: list[Callable[[], None]] = []

    def run(self, deed: Coroutine[Any, Any, Any]) -> "asyncio.Task[Any]":
        """Have the program do something more."""
        return self._loop.create_task(deed, context=self._context.copy())

    def on_end(self, mourn: Callable[[], None]) -> None:
        """Call `mourn` when this life is over."""
        self._mourners.append(mourn)

    def end(self) -> None:
        """Die."""
        if self.alive:
            self.alive = False
            self._loop.forget(self)
            for mourn in self._mourners:
                mourn()

    def die_here(self) -> NoReturn:
        """Die in the middle of code that does not wait."""
        self.end()
        raise Died

    async def die_waiting(self) -> NoReturn:
        """Die in the middle of code that can wait: it waits for ever."""
        self.end()
        await asyncio.get_running_loop().create_future()
        raise AssertionError("the dead do not wake up")

    def keep(self, task: "asyncio.Task[Any]") -> None:
        """Hold on to a task: what is thrown away would run its `finally` after all."""
        if len(self._tasks) > 500:
            self._tasks = [task for task in self._tasks if not task.done()]
        self._tasks.append(task)


_life: ContextVar[Life | None] = ContextVar("life", default=None)


class _Future(asyncio.Future[Any]):
    """A future that has the same place in a set every time."""

    number: int

    def __hash__(self) -> int:
        return self.number


class _Task(asyncio.Task[Any]):
    """A task that has the same place in a set every time."""

    number: int

    def __hash__(self) -> int:
        return self.number


class VirtualLoop(asyncio.BaseEventLoop):
    """An event loop that never waits: when nobody can go on, it is the next instant at once.

    It has neither sockets nor threads. Everything in it happens in an order that depends on
    nothing but what is done in it.
    """

    def __init__(self, start: float = 0) -> None:
        super().__init__()
        self._micros = round(start * 1_000_000)
        self._clock_resolution = 1e-6
        self._selector = self
        self._numbers = itertools.count(1)
        self.faults: list[str] = []
        self.set_task_factory(_task)
        self.set_exception_handler(lambda loop, told: self.faults.append(_words(told)))

    # Time.

    def time(self) -> float:
        return self._micros / 1_000_000

    def instant(self) -> datetime:
        """The present instant."""
        return BEGINNING + self._micros * _MICROSECOND

    def select(self, timeout: float | None) -> list[Any]:
        """What a selector would do: wait for the next instant, which is to be there."""
        if timeout is None:
            raise Stuck
        self._micros = max(self._micros, round((self.time() + timeout) * 1_000_000))
        return []

    # Lives.

    def call_soon(
        self, callback: Callable[..., Any], *args: Any, context: Context | None = None
    ) -> asyncio.Handle:
        life = _life.get() if context is None else context.get(_life)
        if life is not None:
            if not life.alive:
                return _nothing(self, callback, args, context)
            life.steps += 1
            if life.steps == life.fatal_step:
                return super().call_soon(life.end, context=Context())
        return super().call_soon(callback, *args, context=context)

    def call_at(
        self, when: float, callback: Callable[..., Any], *args: Any, context: Context | None = None
    ) -> asyncio.TimerHandle:
        handle = super().call_at(when, callback, *args, context=context)
        if (life := handle._context.get(_life)) is not None and not life.alive:
            handle.cancel()
        return handle

    def outside(self, delay: float, callback: Callable[..., Any], *args: Any) -> None:
        """Call back after `delay`, as nobody's deed: it happens whoever dies."""
        self.call_at(self.time() + delay, callback, *args, context=Context())

    def forget(self, life: Life) -> None:
        """Drop what a life wanted to do."""
        for handle in [*self._ready, *self._scheduled]:
            if handle._context.get(_life) is life:
                handle.cancel()

    def create_future(self) -> "asyncio.Future[Any]":
        future = _Future(loop=self)
        future.number = next(self._numbers)
        return future

    def number(self, task: _Task) -> None:
        task.number = next(self._numbers)

    # What a loop of this kind has to have, and what must not happen in it.

    def _process_events(self, events: list[Any]) -> None:
        pass

    def _write_to_self(self) -> None:
        raise AssertionError("somebody uses a thread")

    def run_in_executor(self, *args: Any) -> NoReturn:  # type: ignore[override]
        raise AssertionError("somebody uses a thread")


class LoopClock:
    """The loop's time as a clock, which may be wrong by `skew`."""

    def __init__(self, loop: VirtualLoop, skew: timedelta = timedelta(0)) -> None:
        self._loop = loop
        self.skew = skew

    def now(self) -> datetime:
        return self._loop.instant() + self.skew

    async def sleep(self, delay: timedelta) -> None:
        await asyncio.sleep(max(0.0, delay.total_seconds()))

    async def sleep_until(self, instant: datetime) -> None:
        while (remaining := instant - self.now()) > timedelta(0):
            await self.sleep(remaining)


@contextmanager
def buried(loop: VirtualLoop) -> Iterator[None]:
    """Close the loop at the end, and throw away what the dead have left in it.

    Their `finally` runs then, where nobody hears it. Until then nothing is thrown away.
    """
    gc.disable()
    try:
        yield
    finally:
        loop.set_exception_handler(lambda loop, told: None)
        hook, sys.unraisablehook = sys.unraisablehook, lambda told: None
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            loop.close()
            gc.collect()
        sys.unraisablehook = hook
        gc.enable()


def _task(loop: Any, deed: Coroutine[Any, Any, Any], **more: Any) -> _Task:
    context = more.get("context")
    life = _life.get() if context is None else context.get(_life)
    # The number has to be there before the task enters any set.
    task = _Task.__new__(_Task)
    loop.number(task)
    task.__init__(deed, loop=loop, **more)  # type: ignore[misc]
    if life is not None:
        life.keep(task)
    return task


def _nothing(
    loop: VirtualLoop, callback: Callable[..., Any], args: Any, context: Context | None
) -> asyncio.Handle:
    handle = asyncio.Handle(callback, args, loop, context)
    handle.cancel()
    return handle


def _words(told: dict[str, Any]) -> str:
    whose = told.get("task") or told.get("future") or told.get("handle")
    return f"{told.get('message')}: {whose!r}"
