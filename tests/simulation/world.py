"""The world: one server, some nodes, a customer, the weather, and what must hold in spite of it."""

import asyncio
import logging
import sys
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from random import Random
from typing import Any, TextIO

import structlog

from ostler.agent.calls import Refused
from ostler.agent.network import NetworkFault
from ostler.wire.agent import frames, jobs
from ostler.wire.agent.channels import MessageType
from ostler.wire.agent.jobs import AckCode, JobAck
from tests.simulation.customer import Customer, a_small_order, an_order
from tests.simulation.loop import LoopClock, Stuck, VirtualLoop, buried
from tests.simulation.machine import Machine, Surroundings
from tests.simulation.network import Access, Internet
from tests.simulation.server import Server
from tests.simulation.storage import Basement
from tests.simulation.template import MOST_NODES, Template, node_folder, server_folder
from tests.simulation.trace import Trace
from tests.simulation.verdict import Verdict
from tests.simulation.watch import Watch, is_of_a_command
from tests.simulation.weather import CALM, Weather, weather_of

_MOST_LINES = 100_000
"""A trace that is longer comes from a world that goes round in circles."""


@dataclass(frozen=True, slots=True)
class Result:
    """What came of a seed."""

    seed: int
    digest: str
    faults: tuple[str, ...]
    last: tuple[str, ...]
    commands: int
    invocations: int
    deaths: int
    virtual: float
    statuses: dict[str, int] = field(default_factory=dict)


def simulate(seed: int, made: Template, to: TextIO | None = None) -> Result:
    """Live through a seed."""
    loop = VirtualLoop(start=1000)
    faults = _Logs()
    with faults, buried(loop):
        return _live(seed, made, loop, to, faults)


def _live(seed: int, made: Template, loop: VirtualLoop, to: TextIO | None, logs: "_Logs") -> Result:
    world = World(seed, made, loop, to)
    logs.read = world.logged
    try:
        loop.run_until_complete(world.live())
    except Stuck:
        world.fault("everybody waits for ever")
    except Exception as fault:  # noqa: BLE001 - whatever it is, it belongs to this seed
        world.fault(f"the simulation itself broke: {fault!r}")
        traceback.print_exception(fault)
    logs.read = _unheard
    return world.result()


class World:
    """Everything there is, for one seed."""

    def __init__(self, seed: int, made: Template, loop: VirtualLoop, to: TextIO | None) -> None:
        self.seed = seed
        self.loop = loop
        self.chance = Random(f"{seed}:world")
        self.trace = Trace(loop, to)
        self.faults: list[str] = []
        place = made.fresh()
        self.net = Internet(loop, Random(f"{seed}:network"), self.trace)
        self.base = Basement(loop, Random(f"{seed}:storage"), self.trace)
        self.watch = Watch(server_folder(place) / "ostler.db", self.fault)
        self.base.committed = self.watch.look
        self.net.framed = self._framed
        self.net.heard = self.watch.heard
        self.server = Server(
            loop,
            self.net,
            self.base,
            self.trace,
            server_folder(place),
            seed=str(seed),
            fault=self.fault,
        )
        around = Surroundings(loop, self.net, self.trace, str(seed), self.fault)
        count = self.chance.choice((1, 1, 2, 2, 3, 3, 4, MOST_NODES))
        self.machines = [
            Machine(around, number, node_folder(place, number)) for number in range(1, count + 1)
        ]
        self.clock = LoopClock(loop)
        self.customer = Customer(Access(self.net, "customer"), self.clock)
        self.weather = weather_of(Random(f"{seed}:weather"))
        self.accepted: list[str] = []
        self.stormy = False
        self._deeds: list[asyncio.Future[None]] = []

    # Telling.

    def fault(self, words: str) -> None:
        """Something happened that must not."""
        self.trace.note("FAULT", words)
        if len(self.faults) < 20:
            self.faults.append(words)

    def logged(self, words: str) -> None:
        """Somebody wrote an error into a log."""
        self.trace.note("log", words[:500])
        if not self.expected(words):
            self.fault(f"logged: {words}")

    def expected(self, words: str) -> bool:
        """Whether an error in the log comes from what the weather does."""
        weather = self.weather
        if weather.disk_full and ("journal_not_written" in words or "job_not_written" in words):
            return True
        return bool(weather.storage_away) and "the database is away" in words

    def result(self) -> Result:
        statuses: dict[str, int] = {}
        for kept in self.watch.invocations.values():
            statuses[kept.status] = statuses.get(kept.status, 0) + 1
        self.watch.close()
        return Result(
            self.seed,
            self.trace.digest,
            tuple(self.faults),
            tuple(self.trace.last),
            len(self.watch.commands),
            len(self.watch.invocations),
            self.server.lives + sum(machine.lives for machine in self.machines),
            self.loop.time(),
            statuses,
        )

    # Living.

    async def live(self) -> None:
        """The storm, the calm after it, and the verdict."""
        self.trace.note("world", "weather", self.weather)
        self.server.channels = self.chance.random() < 0.8
        self.server.start()
        for machine in self.machines:
            self.loop.outside(self.chance.uniform(0, 5), machine.start)
        end = self.loop.time() + self.chance.choice((20, 60, 120, 300))
        await self._sleep(self.chance.uniform(0, 10))
        self._set(self.weather)
        self.stormy = True
        deeds = [asyncio.ensure_future(each) for each in (self._order(end), self._storm(end))]
        await asyncio.gather(*deeds)
        self._heal()
        await asyncio.gather(*self._deeds)
        if not self.faults:
            await Verdict(self).pass_()
        self.faults += self.loop.faults

    def _framed(self, who: str, up: bool, data: bytes) -> None:
        kind = frames.decode(data).message_type
        self.trace.note(who, f"{'says' if up else 'is told'} {kind}", len(data))
        whom = "server" if up else who
        awaited, strike = self.net.ambushes.get(whom, (None, None))
        if strike is not None and awaited in ("", kind):
            del self.net.ambushes[whom]
            strike()
        self.watch.framed(who, up, data)
        if up and kind == MessageType.AGENT_JOB_ACK:
            self._acknowledged(who, data)

    def _acknowledged(self, who: str, data: bytes) -> None:
        """A node says that it has a job: so must its disk."""
        ack = jobs.decode(frames.decode(data).payload, JobAck)
        command = jobs.command_of(ack.job_id)
        [platter] = [each.platter for each in self.machines if each.name == who]
        if ack.code != AckCode.ACCEPTED or not is_of_a_command(command):
            return
        if not platter.promises(command.encode()):
            self.fault(f"{who} acknowledged {ack.job_id} and may forget it")

    def _set(self, weather: Weather) -> None:
        self.net.weather = self.base.weather = weather

    async def _order(self, end: float) -> None:
        """What the customer does while the storm lasts."""
        patient = not self.weather.storage_away and self.chance.random() < 0.5
        if self.chance.random() < 0.1:
            await self._crowd()
        for _ in range(self.chance.randint(1, 4)):
            await self._sleep(self.chance.uniform(0, (end - self.loop.time()) / 3))
            kind = self.chance.random()
            try:
                if kind < 0.25 and self.accepted:
                    await self._cancel()
                elif kind < 0.3 and len(self.machines) > 1:
                    await self._deregister()
                else:
                    there = [each for each in self.machines if not each.deregistered]
                    nodes = {each.name: each.node for each in there}
                    if nodes:
                        await self._send(an_order(self.chance, nodes, patient=patient))
            except (NetworkFault, Refused) as fault:
                self.trace.note("customer", "hears", type(fault).__name__, str(fault)[:100])
            if self.faults or self._endless():
                return

    async def _send(self, order: dict[str, Any]) -> None:
        self.trace.note("customer", "orders", order)
        answer = await self.customer.ask("SendCommand", order)
        self.accepted.append(answer["Command"]["CommandId"])

    async def _crowd(self) -> None:
        """More commands at once than one node takes on."""
        node = self.chance.choice(self.machines).node
        try:
            for _ in range(self.chance.randint(6, 11)):
                await self._send(a_small_order(self.chance, node))
        except (NetworkFault, Refused) as fault:
            self.trace.note("customer", "hears", type(fault).__name__, str(fault)[:100])

    async def _cancel(self) -> None:
        command = self.chance.choice(self.accepted)
        given: dict[str, Any] = {"CommandId": command}
        if self.chance.random() < 0.3:
            own = sorted(node for of, node in self.watch.invocations if of == command)
            given["InstanceIds"] = own[:1]
        self.trace.note("customer", "cancels", given)
        await self.customer.ask("CancelCommand", given)

    async def _deregister(self) -> None:
        machine = self.chance.choice(self.machines)
        machine.deregistered = True
        self.trace.note("customer", "deregisters", machine.node)
        await self.customer.ask("DeregisterManagedInstance", {"InstanceId": machine.node})

    async def _storm(self, end: float) -> None:
        """What goes wrong besides messages."""
        weather = self.weather
        while self.loop.time() < end and not self.faults and not self._endless():
            await self._sleep(self.chance.uniform(0.2, 1.8))
            self._strike_server(weather)
            for machine in self.machines:
                self._strike(machine, weather)
            for line in list(self.net.lines):
                if self._happens(weather.line_cut):
                    line.cut(silent=self._happens(weather.cut_silent))

    def _strike_server(self, weather: Weather) -> None:
        if self._happens(weather.server_killed):
            self.server.channels = self.chance.random() < 0.8
            self._one_of(self.server.kill, self.server.plan_end, self.server.ambush)
        if self._happens(weather.server_stopped):
            self._deeds.append(asyncio.ensure_future(self.server.stop()))
        if self._happens(weather.clock_jumps):
            self.server.clock.skew = timedelta(seconds=self.chance.uniform(-60, 60))
            self.trace.note("server", "has its clock set", self.server.clock.skew)
        if self._happens(weather.storage_away):
            self.base.away_until = self.loop.time() + self.chance.uniform(0.5, 20)
            self.trace.note("storage", "is away until", self.base.away_until)

    def _strike(self, machine: Machine, weather: Weather) -> None:
        if not machine.alive:
            return
        if self._happens(weather.agent_killed):
            self._end(machine, power=False)
        elif self._happens(weather.power_lost):
            self._end(machine, power=True)
        elif self._happens(weather.agent_stopped):
            self._deeds.append(asyncio.ensure_future(machine.stop()))
        elif self._happens(weather.node_lost):
            self.net.cut_off.add(machine.name)
            self.trace.note(machine.name, "is cut off")
            back = self.chance.choice((5, 60, 200))
            self.loop.outside(back, self.net.cut_off.discard, machine.name)
        if self._happens(weather.clock_jumps):
            machine.clock.skew = timedelta(seconds=self.chance.uniform(-120, 120))
            self.trace.note(machine.name, "has its clock set", machine.clock.skew)
        if self._happens(weather.disk_full):
            machine.platter.full = True
            self.trace.note(machine.name, "has a full disk")
            self.loop.outside(self.chance.uniform(1, 60), machine.empty_disk)

    def _end(self, machine: Machine, *, power: bool) -> None:
        machine.plan_end(power=power)
        self._one_of(machine.die, machine.die_at_a_step, machine.die_at_an_append, machine.ambush)

    def _heal(self) -> None:
        """From now on nothing goes wrong any more."""
        self.trace.note("world", "heals")
        self.stormy = False
        self._set(CALM)
        self.net.ambushes.clear()
        self.base.away_until = 0
        self.base.fatal_commit = None
        self.net.cut_off.clear()
        if self.server.life is not None:
            self.server.life.fatal_step = None
        self.server.clock.skew = timedelta(0)
        self.server.start()
        for machine in self.machines:
            machine.heal()
            machine.start()

    def _one_of(self, *deeds: Callable[[], None]) -> None:
        self.chance.choice(deeds)()

    def _happens(self, chance: float) -> bool:
        return chance > 0 and self.chance.random() < chance

    def _endless(self) -> bool:
        if self.trace.lines > _MOST_LINES and not self.faults:
            self.fault("there is no end to it")
        return self.trace.lines > _MOST_LINES

    async def _sleep(self, seconds: float) -> None:
        await asyncio.sleep(max(0.0, seconds))


class _Logs(logging.Handler):
    """Reads what server and agents write into their logs, as far as it tells of errors."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.read: Callable[[str], None] = _unheard
        self._before: dict[str, Any] = {}

    def __enter__(self) -> None:
        self._before = structlog.get_config()
        structlog.configure(
            processors=[self._server],
            wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR),
        )
        logging.getLogger().addHandler(self)

    def __exit__(self, *fault: object) -> None:
        logging.getLogger().removeHandler(self)
        structlog.configure(**self._before)

    def emit(self, record: logging.LogRecord) -> None:
        words = record.getMessage()
        if record.exc_info and record.exc_info[1] is not None:
            words = f"{words} {record.exc_info[1]!r}"
        self.read(words)

    def _server(self, logger: Any, method: str, told: Any) -> Any:
        fault = told.pop("exc_info", None)
        if fault is True:
            fault = sys.exc_info()[1]
        words = " ".join(f"{name}={value}" for name, value in told.items())
        self.read(f"{words} {fault!r}" if fault else words)
        raise structlog.DropEvent


def _unheard(words: str) -> None:
    """Nobody lives who could have written it."""
