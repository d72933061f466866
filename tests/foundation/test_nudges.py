"""Nudges: heard by the other processes, never by one's own, and looked for after a cut."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import timedelta

import psycopg
import pytest
from sqlalchemy import make_url

from ostler.foundation.clock import SystemClock
from ostler.foundation.ids import SystemIds
from ostler.foundation.nudges import Nudges, way_of
from tests.support.databases import fresh_database
from tests.support.nats import NatsServer

PATIENCE = 20


class Transport:
    """A way for nudges that a test can cut."""

    def __init__(self, database: str, nats: NatsServer | None) -> None:
        self._database = database
        self._nats = nats

    def nudges(self) -> Nudges:
        way = way_of(self._database, self._nats.url if self._nats else "")
        return Nudges(way, SystemClock(), SystemIds())

    def cut(self) -> None:
        """Cut every connection; new ones can be made."""
        if self._nats is not None:
            self._nats.kill()
            self._nats.start()
            return
        plain = make_url(self._database).set(drivername="postgresql")
        with psycopg.connect(plain.render_as_string(hide_password=False)) as cutting:
            cutting.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )


@pytest.fixture(params=["postgresql", "nats"])
def transport(request: pytest.FixtureRequest) -> Iterator[Transport]:
    with fresh_database("postgresql", ()) as database:
        nats = NatsServer().start() if request.param == "nats" else None
        yield Transport(database, nats)
        if nats is not None:
            nats.kill()


class Process:
    """One of the house's processes: what it heard, and how often it looked for what it missed."""

    def __init__(self, transport: Transport) -> None:
        self.nudges = transport.nudges()
        self.heard: asyncio.Queue[str] = asyncio.Queue()
        self.looks: asyncio.Queue[None] = asyncio.Queue()
        self.nudges.listen("come", self.heard.put)
        self.nudges.when_reopened(self._look)

    async def _look(self) -> None:
        await self.looks.put(None)


@asynccontextmanager
async def two(transport: Transport) -> AsyncIterator[tuple[Process, Process]]:
    """Two processes that listen."""
    one, other = Process(transport), Process(transport)
    tasks = [asyncio.create_task(each.nudges.run()) for each in (one, other)]
    try:
        async with asyncio.timeout(PATIENCE):
            for each in (one, other):
                await each.looks.get()
            yield one, other
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def test_the_others_hear_a_nudge(transport: Transport) -> None:
    async with two(transport) as (one, other):
        one.nudges.send("come", "node")

        assert "node" == await other.heard.get()


async def test_nobody_hears_its_own(transport: Transport) -> None:
    async with two(transport) as (one, other):
        one.nudges.send("come", "mine")
        assert "mine" == await other.heard.get()
        other.nudges.send("come", "theirs")

        assert "theirs" == await one.heard.get()


async def test_many_nudges_go_together(transport: Transport) -> None:
    wanted = {f"account/region/mi-{number:017x}" for number in range(500)}

    async with two(transport) as (one, other):
        for body in wanted:
            one.nudges.send("come", body)
        heard = {await other.heard.get() for _ in wanted}

    assert wanted == heard


async def test_after_a_cut_everybody_looks_and_hears_again(transport: Transport) -> None:
    async with two(transport) as (one, other):
        await asyncio.to_thread(transport.cut)
        for each in (one, other):
            await each.looks.get()
        one.nudges.send("come", "again")

        assert "again" == await other.heard.get()


@pytest.mark.parametrize("nudges", ["", "nats://127.0.0.1:1"])
async def test_a_process_over_a_file_is_alone(nudges: str) -> None:
    alone = Nudges(way_of("sqlite:///ostler.db", nudges), SystemClock(), SystemIds())
    alone.send("come", "nobody")

    with pytest.raises(TimeoutError):
        async with asyncio.timeout(timedelta(milliseconds=1).total_seconds()):
            await alone.run()
