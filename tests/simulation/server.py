"""The server in a simulation: composed anew for every life, over the same database."""

import asyncio
from collections.abc import Callable
from functools import partial
from pathlib import Path
from random import Random

from sqlalchemy.exc import OperationalError

from ostler.server.compose import House, compose
from ostler.server.settings import Settings
from tests.simulation.customer import ACCESS_KEY, ACCOUNT, REGION, SECRET_KEY
from tests.simulation.ids import SeededIds
from tests.simulation.loop import Life, LoopClock, VirtualLoop
from tests.simulation.network import Internet
from tests.simulation.storage import Basement, SimulatedBlobs, SimulatedStorage
from tests.simulation.trace import Trace


class Server:
    """The one server, in all its lives."""

    def __init__(
        self,
        loop: VirtualLoop,
        net: Internet,
        basement: Basement,
        trace: Trace,
        folder: Path,
        *,
        seed: str,
        fault: Callable[[str], None],
    ) -> None:
        self._loop = loop
        self._net = net
        self._base = basement
        self._trace = trace
        self._folder = folder
        self._seed = seed
        self._fault = fault
        self.chance = Random(f"{seed}:server")
        self.clock = LoopClock(loop)
        self.channels = True
        """Whether agents may have control channels, or have to poll."""
        self.house: House | None = None
        self.life: Life | None = None
        self.lives = 0
        self._stopped = asyncio.Event()
        self._ended = asyncio.Event()

    @property
    def alive(self) -> bool:
        return self.life is not None and self.life.alive

    def start(self) -> None:
        """Start it, unless it runs."""
        if self.alive:
            return
        self.lives += 1
        self.life = life = Life(self._loop, f"server.{self.lives}")
        self._base.fatal_commit = None
        self._stopped, self._ended = asyncio.Event(), asyncio.Event()
        self._trace.note("server", "starts", self.lives)
        life.on_end(self._ended.set)
        life.on_end(self._return)
        task = life.run(self._be(life))
        task.add_done_callback(partial(self._over, life))

    def kill(self) -> None:
        """End it without a last word."""
        if self.life is not None and self.life.alive:
            self._trace.note("server", "is killed")
            self.life.end()

    def plan_end(self) -> None:
        """Have it end soon: at some step of its code, or beside a commit."""
        if self.life is None:
            return
        if self.chance.random() < 0.4:
            self.life.fatal_step = self.life.steps + self.chance.randint(1, 2000)
        else:
            self._base.fatal_commit = self.chance.randint(1, 20)
            self._base.dies_before = self.chance.random() < 0.5

    def ambush(self) -> None:
        """Have it end soon after the next frame comes."""

        def strike() -> None:
            if self.life is not None:
                self.life.fatal_step = self.life.steps + self.chance.randint(1, 100)

        self._net.ambushes["server"] = "", strike

    async def stop(self, within: float = 30.0) -> None:
        """Ask it to stop; kill it when it does not."""
        life, ended = self.life, self._ended
        if life is None or not life.alive:
            return
        self._trace.note("server", "is stopped")
        self._stopped.set()
        try:
            async with asyncio.timeout(within):
                await ended.wait()
        except TimeoutError:
            self._fault("the server does not stop")
        life.end()

    async def _be(self, life: Life) -> None:
        settings = Settings(
            data=self._folder,
            access_key=ACCESS_KEY,
            secret_key=SECRET_KEY,
            account=ACCOUNT,
            region=REGION,
            control_channel=self.channels,
        )
        self.house = house = await compose(
            settings,
            clock=self.clock,
            ids=SeededIds(Random(f"{self._seed}:{life.name}")),
            open_storage=partial(SimulatedStorage, basement=self._base, life=life),
            open_blobs=lambda url: SimulatedBlobs(self._base),
        )
        async with house.running():
            self._net.listen(house.front, life)
            await self._stopped.wait()
            # As uvicorn does: nobody new, good-bye to the lines, a little time for requests.
            self._net.deaf()
            for line in [line for line in self._net.lines if line.server is life]:
                line.cut(silent=False)
            await asyncio.sleep(1)

    def _return(self) -> None:
        """Whoever looks after the server starts it again."""
        self._trace.note("server", "ended")
        self._loop.outside(self.chance.choice((0.5, 3, 15)), self.start)

    def _over(self, life: Life, task: "asyncio.Task[None]") -> None:
        self._ended.set()
        if task.cancelled():
            return
        fault = task.exception()
        if isinstance(fault, OperationalError):
            # Without its database it does not start; whoever looks after it starts it again.
            self._trace.note("server", "does not start")
            life.end()
        elif fault is not None:
            self._fault(f"the server ended: {fault!r}")
