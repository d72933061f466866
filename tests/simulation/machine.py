"""A node in a simulation: a machine, the agent that lives on it, and all its lives."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from pathlib import Path
from random import Random

from ostler.agent.compose import Agent, Outside
from ostler.agent.folder import Folder
from ostler.agent.registration import Registration, saved
from ostler.wire.agent.channels import MessageType
from tests.agent.life import NearSmith
from tests.simulation.disk import Mounted, Platter
from tests.simulation.host import CountingHost
from tests.simulation.ids import SeededIds
from tests.simulation.loop import Life, LoopClock, VirtualLoop
from tests.simulation.network import Access, Internet
from tests.simulation.trace import Trace


@dataclass(frozen=True, slots=True)
class Surroundings:
    """Where a machine stands."""

    loop: VirtualLoop
    net: Internet
    trace: Trace
    seed: str
    fault: Callable[[str], None]


class Machine:
    """One node."""

    def __init__(self, around: Surroundings, number: int, path: Path) -> None:
        self.name = f"node{number}"
        self.chance = Random(f"{around.seed}:{self.name}")
        self._around = around
        self._skew = timedelta(seconds=self.chance.uniform(-60, 60))
        self.clock = LoopClock(around.loop, self._skew)
        self.host = CountingHost(self.clock, number)
        self.host.wants_reboot = self._reboot_soon
        self.host.began = self._began
        self.platter = Platter(self.chance)
        self.folder = Folder(path)
        registration = saved(self.folder)
        assert registration is not None
        self.registration: Registration = registration
        self.node = registration.node
        self.agent: Agent | None = None
        self.life: Life | None = None
        self.lives = 0
        self.deregistered = False
        self._power = False
        self._stopped = asyncio.Event()
        self._ended = asyncio.Event()

    @property
    def alive(self) -> bool:
        return self.life is not None and self.life.alive

    def start(self) -> None:
        """Start the agent, unless it runs."""
        if self.alive:
            return
        self.lives += 1
        self.life = life = Life(self._around.loop, f"{self.name}.{self.lives}")
        self._stopped, self._ended = asyncio.Event(), asyncio.Event()
        self._around.trace.note(self.name, "starts", self.lives)
        self._power = False
        life.on_end(self._ended.set)
        life.on_end(partial(self._over, life))
        task = life.run(self._be(life))
        task.add_done_callback(self._check)

    # The ways in which it may end without a last word.

    def plan_end(self, *, power: bool) -> None:
        """When it ends next, so does the machine, if it is for want of `power`."""
        self._power = power

    def die(self) -> None:
        """End now."""
        if self.life is not None and self.life.alive:
            self.life.end()

    def die_at_a_step(self, most: int = 400) -> None:
        """End soon, between any two lines that can wait."""
        if self.life is not None:
            self.life.fatal_step = self.life.steps + self.chance.randint(1, most)

    def die_at_an_append(self) -> None:
        """End soon, in the middle of something that the journal writes."""
        self.platter.fatal_append = self.chance.randint(1, 6)

    def ambush(self) -> None:
        """End soon after the next job came, or the next frame."""
        kind = self.chance.choice((MessageType.AGENT_JOB.value, ""))
        self._around.net.ambushes[self.name] = kind, lambda: self.die_at_a_step(30)

    async def stop(self, within: float = 30.0) -> None:
        """Ask the agent to stop; kill it when it does not."""
        life, ended = self.life, self._ended
        if life is None or not life.alive:
            return
        self._around.trace.note(self.name, "is stopped")
        self._stopped.set()
        try:
            async with asyncio.timeout(within):
                await ended.wait()
        except TimeoutError:
            self._around.fault(f"{self.name} does not stop")
        if life.alive:
            self.plan_end(power=False)
            life.end()

    def empty_disk(self) -> None:
        """There is room again."""
        self.platter.full = False

    def heal(self) -> None:
        """Nothing goes wrong any more."""
        self.empty_disk()
        self.platter.fatal_append = None
        self.clock.skew = self._skew
        if self.life is not None:
            self.life.fatal_step = None

    async def _be(self, life: Life) -> None:
        around = self._around
        ids = SeededIds(Random(f"{around.seed}:{life.name}"))
        disk = Mounted(self.platter, life)
        net = Access(around.net, self.name, life)
        outside = Outside(net, self.host, self.clock, ids, NearSmith())
        self.agent = Agent(self.folder, self.registration, outside, disk=disk)
        try:
            await self.agent.run(self._stopped)
        finally:
            self._ended.set()

    def _over(self, life: Life) -> None:
        """Whoever looks after the machine starts the agent again, sooner or later."""
        self.platter.fatal_append = None
        if self._power:
            life.vanished = True
            self.platter.lose_power()
            self.host.boots += 1
        long = self.chance.random() < self._around.net.weather.away_long
        pause = self.chance.uniform(60, 400) if long else self.chance.uniform(0.5, 20)
        self._around.trace.note(self.name, "ends", "with its machine" if self._power else "")
        self._around.loop.outside(pause, self.start)

    def _check(self, task: "asyncio.Task[None]") -> None:
        if not task.cancelled() and (fault := task.exception()) is not None:
            self._around.fault(f"the agent of {self.name} ended: {fault!r}")

    def _began(self, step: tuple[str, str]) -> None:
        self._around.trace.note(self.name, "begins", *step)
        starts, resumes = self.host.starts[step], self.host.resumes(step)
        if starts > 1 + resumes:
            self._around.fault(
                f"{self.name} began step {step[1]} of {step[0]} {starts} times "
                f"with {resumes} reboots"
            )

    def _reboot_soon(self) -> None:
        """The machine goes down, with or without telling the agent, and comes up again."""
        self._around.trace.note(self.name, "will reboot")
        life = self.life
        self._around.loop.outside(self.chance.uniform(0.5, 20), self._reboot, life)

    def _reboot(self, life: Life | None) -> None:
        if self.life is life and self.alive:
            self.plan_end(power=True)
            self.die()
        else:
            self.host.boots += 1
