"""An agent's life in a test: put together, run beside a fake server, ended, begun again."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from functools import cache
from pathlib import Path

from ostler.agent.compose import Agent, Outside
from ostler.agent.disk import Disk
from ostler.agent.fingerprint import fingerprint_of
from ostler.agent.folder import Folder
from ostler.agent.keys import Key, Keys
from ostler.agent.network import Endpoint
from ostler.agent.registration import Registration, register
from ostler.foundation.clock import ManualClock
from ostler.foundation.ids import SequentialIds
from tests.agent.server import REGION, FakeServer, public_key
from tests.support.host import FakeHost

SERVER = Endpoint("https", "server.test", 8443)
NOW = timedelta(0)


class World:
    """A server, a machine, and the folder of an agent that is registered."""

    def __init__(self, path: Path) -> None:
        self.clock = ManualClock()
        self.server = FakeServer(self.clock)
        self.host = FakeHost(self.clock)
        self.ids = SequentialIds()
        self.folder = Folder(path / "agent")
        self.folder.open()
        self.host.make_folder(self.folder.path / "work")
        self.agent: Agent | None = None
        self.disk: Disk | None = None
        self.budget = 1024 * 1024

    async def registered(self) -> Registration:
        """Become a node, with a key that was made before: they take their time."""
        made = await register(
            self.server,
            self.folder,
            endpoint=SERVER,
            region=REGION,
            activation_id="id",
            activation_code="code",
            fingerprint=fingerprint_of(self.folder, self.host.facts().hardware, self.ids),
        )
        self.folder.write("key.pem", a_key())
        self.server.keys = [public_key(Keys(self.folder).current().public)]
        return made

    @asynccontextmanager
    async def life(
        self, registration: Registration, *, until_open: bool = True
    ) -> AsyncIterator[Agent]:
        """Run the agent; when the block ends, it dies as by kill -9."""
        outside = Outside(self.server, self.host, self.clock, self.ids)
        agent = Agent(self.folder, registration, outside, budget=self.budget, disk=self.disk)
        stopped = asyncio.Event()
        running = asyncio.create_task(agent.run(stopped))
        try:
            if until_open:
                await self.until(lambda: bool(self.server.lines and self.server.line.open))
            yield agent
        finally:
            await die(running)

    async def until(
        self, true: Callable[[], bool], *, step: timedelta = NOW, most: int = 500
    ) -> None:
        """Let everybody do what they are about to, time too, until something is true."""
        for _ in range(most):
            if true():
                return
            await self.clock.advance(step)
        raise AssertionError("it never came true")


async def die(running: asyncio.Task[None]) -> None:
    """End every task but the test's, without a last word."""
    others = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)
    with suppress(asyncio.CancelledError):
        await running


@cache
def a_key() -> bytes:
    return Key.fresh().pem()
