"""The virtual loop: time passes by itself, and the dead do nothing."""

import asyncio
from collections.abc import Coroutine
from datetime import timedelta
from typing import Any

import pytest

from tests.simulation.loop import Died, Life, LoopClock, Stuck, VirtualLoop, buried

HOUR = timedelta(hours=1)


def live(deed: "Coroutine[Any, Any, Any]", loop: VirtualLoop) -> Any:
    with buried(loop):
        return loop.run_until_complete(deed)


def test_an_hour_passes_at_once_and_to_the_microsecond() -> None:
    loop = VirtualLoop()
    clock = LoopClock(loop)

    async def wait() -> timedelta:
        before = clock.now()
        await clock.sleep(HOUR)
        return clock.now() - before

    assert HOUR == live(wait(), loop)


def test_timeouts_obey_the_virtual_clock() -> None:
    loop = VirtualLoop()

    async def wait() -> float:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(60):
                await loop.create_future()
        return loop.time()

    assert 60 == live(wait(), loop)


def test_who_waits_for_nothing_is_noticed() -> None:
    loop = VirtualLoop()

    async def wait() -> None:
        await loop.create_future()

    with pytest.raises(Stuck):
        live(wait(), loop)


def test_the_dead_run_no_line_more_not_even_their_finally() -> None:
    loop = VirtualLoop()
    said: list[str] = []
    gone: list[str] = []

    async def program(life: Life) -> None:
        try:
            said.append("begun")
            await asyncio.sleep(10)
            said.append("went on")
        finally:
            if loop.is_running():
                said.append("cleaned up")

    async def world() -> None:
        life = Life(loop, "program")
        life.on_end(lambda: gone.append(life.name))
        life.run(program(life))
        await asyncio.sleep(5)
        life.end()
        await asyncio.sleep(100)

    live(world(), loop)

    assert (["begun"], ["program"]) == (said, gone)


def test_nobody_wakes_the_dead() -> None:
    loop = VirtualLoop()
    said: list[str] = []

    async def program(news: "asyncio.Future[None]") -> None:
        await news
        said.append("heard")

    async def world() -> None:
        life, news = Life(loop, "program"), loop.create_future()
        life.run(program(news))
        await asyncio.sleep(1)
        life.end()
        news.set_result(None)
        await asyncio.sleep(1)

    live(world(), loop)

    assert [] == said


def test_a_life_ends_at_the_step_that_was_planned() -> None:
    loop = VirtualLoop()
    steps: list[int] = []

    async def program() -> None:
        for step in range(100):
            steps.append(step)
            await asyncio.sleep(0)

    async def world() -> None:
        life = Life(loop, "program")
        life.fatal_step = 5
        life.run(program())
        await asyncio.sleep(1)

    live(world(), loop)

    assert [0, 1, 2, 3] == steps


def test_who_dies_amid_code_that_does_not_wait_leaves_it() -> None:
    loop = VirtualLoop()
    said: list[str] = []

    async def program(life: Life) -> None:
        try:
            life.die_here()
        except Died:
            life.run(program(life))
            raise
        said.append("went on")

    async def world() -> None:
        life = Life(loop, "program")
        life.run(program(life))
        await asyncio.sleep(1)

    live(world(), loop)

    assert [] == said


def test_threads_have_no_place_in_it() -> None:
    async def world() -> None:
        with pytest.raises(AssertionError):
            await asyncio.to_thread(print)

    live(world(), VirtualLoop())
