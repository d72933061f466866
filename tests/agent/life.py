"""An agent's life in a test: put together, run beside a fake server, ended, begun again."""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from functools import cache
from pathlib import Path

import msgspec

from ostler.agent import signing
from ostler.agent.compose import Agent, Outside
from ostler.agent.disk import Disk
from ostler.agent.fingerprint import fingerprint_of
from ostler.agent.folder import Folder
from ostler.agent.installation import Installation
from ostler.agent.keys import Keys
from ostler.agent.network import Endpoint
from ostler.agent.registration import Registration, saved
from ostler.foundation.clock import ManualClock
from ostler.foundation.ids import SequentialIds
from tests.agent.server import NODE, REGION, FakeServer, public_key
from tests.support.host import FakeHost

SERVER = Endpoint("https", "server.test", 8443)
NOW = timedelta(0)


class SpreadIds(SequentialIds):
    """Ids that count, and chance that is spread, so that waits differ as they do in life."""

    def hex(self, digits: int) -> str:
        return hashlib.sha256(super().hex(digits).encode()).hexdigest()[:digits]


class World:
    """A server, a machine, and the folder of an agent that is registered."""

    def __init__(self, path: Path) -> None:
        self.clock = ManualClock()
        self.server = FakeServer(self.clock)
        self.host = FakeHost(self.clock)
        self.ids = SpreadIds()
        self.folder = Folder(path / "agent")
        self.folder.open()
        self.host.make_folder(self.folder.path / "work")
        self.disk: Disk | None = None
        self.budget = 1024 * 1024
        self.installation: Installation | None = None

    @property
    def keys(self) -> Keys:
        return Keys(self.folder, NearSmith())

    def registered(self) -> Registration:
        """Be a node since long ago."""
        made = Registration(NODE, REGION, SERVER.url)
        self.folder.write("registration.json", msgspec.json.encode(made))
        self.folder.write("key.pem", a_key())
        self.server.keys = [public_key(signing.public(a_key()))]
        hardware = self.host.facts().hardware
        self.server.fingerprints = [fingerprint_of(self.folder, hardware, self.ids)]
        return made

    @asynccontextmanager
    async def life(
        self,
        *,
        until_open: bool = True,
        registration: Registration | None = None,
        on_trial: bool = False,
    ) -> AsyncIterator[Agent]:
        """Run the agent; when the block ends, it dies as by kill -9."""
        outside = Outside(
            self.server, self.host, self.clock, self.ids, NearSmith(), self.installation
        )
        made = registration or saved(self.folder) or self.registered()
        agent = Agent(
            self.folder, made, outside, budget=self.budget, disk=self.disk, on_trial=on_trial
        )
        self.stopped = asyncio.Event()
        self.running = asyncio.create_task(agent.run(self.stopped))
        lines = len(self.server.lines)
        try:
            if until_open:
                await self.until(lambda: len(self.server.lines) > lines and self.server.line.open)
            yield agent
        finally:
            await die(self.running)

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
    """End every task but the test's, without a last word; an agent's own failure is told."""
    others = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)
    [result] = await asyncio.gather(running, return_exceptions=True)
    if isinstance(result, Exception):
        raise result


class NearSmith:
    """Works with keys in this process: tests need many signatures."""

    async def fresh(self) -> bytes:
        return signing.fresh()

    async def public(self, pem: bytes) -> str:
        return signing.public(pem)

    async def sign(self, pem: bytes, text: str) -> str:
        return signing.sign(pem, text)


@cache
def a_key() -> bytes:
    """A key, the same for every test: they take their time to be made."""
    return signing.fresh()
