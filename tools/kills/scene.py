"""The scene: everything that may be killed, and how it comes back."""

import asyncio
import random
import shutil
import sqlite3
from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from botocore.config import Config

from tests.support.postgresql import Cluster
from tests.support.processes import AgentProcess, ServerProcess, enrol
from tools.kills.balancer import Balancer
from tools.simulated import Fleet, Manner, activations

ROLE = "kill"


class Door:
    """The servers as customers and nodes find them: behind one address."""

    def __init__(self, server: ServerProcess, port: int) -> None:
        self._server = server
        self._port = port

    @property
    def environment(self) -> Mapping[str, str]:
        return self._server.environment | {"AWS_ENDPOINT_URL": f"https://127.0.0.1:{self._port}"}

    def client(self) -> Any:
        patient = Config(
            connect_timeout=5,
            read_timeout=20,
            max_pool_connections=4,
            retries={"total_max_attempts": 1},
        )
        url = self.environment["AWS_ENDPOINT_URL"]
        return self._server.client(endpoint_url=url, config=patient)


class Scene:
    """Servers over one database, simulated nodes and real agents."""

    def __init__(
        self, folder: Path, engine: str, *, nodes: int, agents: int, seed: int, servers: int = 2
    ) -> None:
        self.engine = engine
        self.seed = seed
        self.marks = folder / "marks"
        """A file for each command, to which a real agent's script adds a line when it starts."""
        self._folder = folder
        self._nodes = nodes
        self._agents = agents
        self._count = 1 if engine == "sqlite" else servers
        self._cluster: Cluster | None = None
        self._balancer = Balancer(random.Random(seed))
        self._turns: dict[str, asyncio.Lock] = {}
        self.servers: list[ServerProcess] = []
        self.agents: list[AgentProcess] = []
        self.fleet: Fleet
        self.ssm: Any = None
        self.killed: Counter[str] = Counter()

    @asynccontextmanager
    async def open(self) -> AsyncIterator["Scene"]:
        """Start it all, and have every node connected."""
        self.marks.mkdir(parents=True)
        async with self._balancer.open():
            try:
                door = await asyncio.to_thread(self._start)
                self.ssm = door.client()
                told = door.environment
                self.fleet = Fleet(
                    told["AWS_ENDPOINT_URL"],
                    Path(told["AWS_CA_BUNDLE"]),
                    manner=Manner(
                        seconds=(0.0, 0.5), repeat=2.0, reconnect=(0.0, 0.5), patience=2.0
                    ),
                    chance=random.Random(self.seed),
                )
                permits = await asyncio.to_thread(activations, self.ssm, self._nodes, role=ROLE)
                await self.fleet.enrol(permits)
                self.agents = await asyncio.to_thread(
                    enrol, door, self._folder, self._agents, role=ROLE
                )
                for agent in self.agents:
                    agent.start()
                async with self.fleet.running():
                    await self.fleet.connected()
                    yield self
            finally:
                await asyncio.to_thread(self._stop)

    def _start(self) -> Door:
        database = ""
        if self.engine == "postgresql":
            self._cluster = Cluster(durable=True)
            self._cluster.say("CREATE DATABASE house")
            database = self._cluster.url("house")
        blobs = ("--blobs", str(self._folder / "blobs"))
        for number in range(self._count):
            data = self._folder / f"server-{number}"
            if self.servers:
                first = self.servers[0].data
                shutil.copytree(first / "tls", data / "tls")
                shutil.copy(first / "keys", data / "keys")
            self.servers.append(ServerProcess(data, *blobs, database=database).start())
        self._balancer.ports = [server.port for server in self.servers]
        return Door(self.servers[0], self._balancer.port)

    def _stop(self) -> None:
        for agent in self.agents:
            agent.kill()
        for server in self.servers:
            server.kill()
        if self._cluster is not None:
            self._cluster.remove()

    # Blows.

    @property
    def victims(self) -> Sequence[str]:
        """Whom one may kill; `lines` are those of the simulated nodes."""
        servers = [f"server {number}" for number in range(len(self.servers))]
        agents = [f"agent {number}" for number in range(len(self.agents))]
        return [*servers, *agents, *["database"] * (self._cluster is not None), "lines"]

    async def kill(self, whom: str, down: float) -> None:
        """End it as a power cut would, and have it come back after so many seconds."""
        async with self._turns.setdefault(whom, asyncio.Lock()):
            self.killed[whom.partition(" ")[0]] += 1
            if whom == "lines":
                self.fleet.cut(0.5)
                return
            victim = self._victim(whom)
            await asyncio.to_thread(victim.crash if whom == "database" else victim.kill)
            await asyncio.sleep(down)
            if whom.startswith("server"):
                await self._start_again(victim)
            else:
                await asyncio.to_thread(victim.start)

    def _victim(self, whom: str) -> Any:
        kind, _, number = whom.partition(" ")
        if kind == "database":
            return self._cluster
        return (self.servers if kind == "server" else self.agents)[int(number)]

    async def _start_again(self, server: ServerProcess) -> None:
        """As systemd does: again and again, for its database may be away as well."""
        for _ in range(60):
            try:
                await asyncio.to_thread(server.start)
                return
            except AssertionError:
                server.kill()
                await asyncio.sleep(0.5)
        raise AssertionError(f"{server.data.name} does not start any more: {server.log}")

    # What must hold of all of it.

    def ask(self, question: str) -> list[tuple[Any, ...]]:
        """What the database itself says."""
        if self._cluster is not None:
            return self._cluster.ask(question, database="house")
        path = self.servers[0].data / "ostler.db"
        with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as connection:
            return connection.execute(question).fetchall()
