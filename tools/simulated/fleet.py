"""The fleet: registers its nodes, keeps them alive, and knows what became of them."""

import asyncio
import json
import random
import resource
import ssl
import uuid
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ostler.agent.calls import SSM, Refused, json_request, read_answer
from ostler.agent.network import RealNetwork, endpoint_of
from ostler.foundation.clock import SystemClock
from ostler.wire.agent import jobs
from ostler.wire.http import Request, Response
from tools.simulated.keys import Keys
from tools.simulated.node import Manner, Node

MOST_PER_ACTIVATION = 1000
"""AWS gives no activation more."""


@dataclass(frozen=True)
class Activation:
    """A permit for `limit` nodes."""

    id: str
    code: str
    limit: int


def activations(ssm: Any, count: int, **tags: str) -> list[Activation]:
    """Permits for `count` nodes with these tags, made by a boto3 client."""
    permits = []
    while (rest := count - sum(permit.limit for permit in permits)) > 0:
        limit = min(rest, MOST_PER_ACTIVATION)
        made = ssm.create_activation(
            IamRole="OstlerManagedInstance",
            DefaultInstanceName="simulated",
            RegistrationLimit=limit,
            Tags=[{"Key": key, "Value": value} for key, value in tags.items()],
        )
        permits.append(Activation(made["ActivationId"], made["ActivationCode"], limit))
    return permits


class Fleet:
    """Many nodes, registered with one server; they connect while the fleet is `running`."""

    def __init__(
        self,
        url: str,
        authority: Path,
        *,
        region: str = "us-east-1",
        manner: Manner | None = None,
        chance: random.Random | None = None,
    ) -> None:
        self.manner = manner = manner or Manner()
        self.chance = chance or random.Random()
        self.nodes: list[Node] = []
        self.clock = SystemClock()
        self.endpoint = endpoint_of(url)
        self.region = region
        self.tls = ssl.create_default_context(cafile=str(authority))
        self.network = Queue(
            RealNetwork(self.endpoint, self.clock, authority=authority), manner.at_once
        )
        self.turns = asyncio.Semaphore(manner.at_once)
        self._keys = Keys()

    # Nodes.

    async def enrol(self, permits: Sequence[Activation]) -> None:
        """Register as many nodes as the permits allow."""
        permitted = [permit for permit in permits for _ in range(permit.limit)]
        begin = len(self.nodes)
        names = [f"simulated-{begin + n:05}" for n in range(1, len(permitted) + 1)]
        made = await asyncio.gather(
            *(self._register(name, permit) for name, permit in zip(names, permitted, strict=True))
        )
        self.nodes.extend(made)

    async def _register(self, name: str, permit: Activation) -> "Node":
        key, fingerprint = self._keys.fresh(), str(uuid.uuid4())
        given = {
            "ActivationId": permit.id,
            "ActivationCode": permit.code,
            "Fingerprint": fingerprint,
            "PublicKey": key.public,
            "PublicKeyType": "Rsa",
        }
        request = json_request(SSM, "RegisterManagedInstance", given)
        while True:
            try:
                answer = read_answer(await self.network.send(request))
                return Node(self, str(answer["InstanceId"]), name, key, fingerprint)
            except Refused as refusal:
                # Whoever has not registered yet is a stranger, and strangers are throttled.
                if refusal.code != "ThrottlingException":
                    raise
                await asyncio.sleep(self.chance.uniform(1, 5))

    def save(self, file: Path) -> None:
        """Write down who the nodes are, so that `load` has them again."""
        nodes = [[node.id, node.name, node.key.exponent, node.fingerprint] for node in self.nodes]
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch(mode=0o600)
        file.write_text(json.dumps({"primes": self._keys.primes, "nodes": nodes}))

    def load(self, file: Path) -> None:
        """Be the nodes that were saved, if any were."""
        if not file.exists():
            return
        saved = json.loads(file.read_text())
        self._keys = Keys(tuple(saved["primes"]))
        self.nodes = [
            Node(self, node, name, self._keys.of(exponent), fingerprint)
            for node, name, exponent, fingerprint in saved["nodes"]
        ]

    # Life.

    @asynccontextmanager
    async def running(self) -> AsyncIterator["Fleet"]:
        """Have every node connected, and connected again, as long as the block lasts."""
        allow_files(len(self.nodes) + 256)
        tasks = [asyncio.create_task(work) for node in self.nodes for work in node.works()]
        try:
            yield self
        finally:
            for task in tasks:
                task.cancel()
            ended = await asyncio.gather(*tasks, return_exceptions=True)
            for fault in ended:
                if isinstance(fault, Exception):
                    raise fault

    async def connected(self, share: float = 1.0) -> None:
        """Wait until that share of the nodes has a channel open."""
        while self.open < share * len(self.nodes):  # noqa: ASYNC110 - a look is cheaper than events
            await asyncio.sleep(0.02)

    @property
    def open(self) -> int:
        """How many nodes have a channel open."""
        return sum(node.line is not None for node in self.nodes)

    @property
    def unheard(self) -> int:
        """How many replies nobody has acknowledged."""
        return sum(len(node.unheard) for node in self.nodes)

    def settled(self, command: str) -> bool:
        """Whether every node has begun that command, and all that any node said is safe."""
        begun = (jobs.job_id(command, node.id) in node.begun for node in self.nodes)
        return self.unheard == 0 and all(begun)

    def cut(self, share: float = 1.0) -> None:
        """Cut the lines of that share of the nodes, without a word; they come back."""
        for node in self.chance.sample(self.nodes, round(share * len(self.nodes))):
            if node.line is not None:
                node.line.abort()

    def twice(self) -> list[str]:
        """The jobs that were begun more than once."""
        return [job for node in self.nodes for job, begun in node.begun.items() if begun > 1]


class Queue:
    """The network, used by only so many at once: they share a handful of connections."""

    def __init__(self, network: RealNetwork, at_once: int) -> None:
        self._network = network
        self._turns = asyncio.Semaphore(at_once)

    async def send(self, request: Request) -> Response:
        async with self._turns:
            return await self._network.send(request)


def allow_files(count: int) -> None:
    """Let this process have so many files open, as far as the machine lets it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < count:
        wanted = count if hard == resource.RLIM_INFINITY else min(count, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
