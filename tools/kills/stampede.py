"""A stampede: thousands of nodes whose lines are cut in the same moment come back."""

import asyncio
import random
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from tests.support.processes import ServerProcess
from tools.simulated import Fleet, Manner, activations

CALM = Manner(at_once=8)
ALONE = Manner(at_once=4000)
"""Each for itself, as real nodes are: after a cut they wait for up to 2.5 seconds, as stock agents
do, after failures for up to half a minute."""


@dataclass(frozen=True)
class Stampede:
    """What it took until everybody was back."""

    nodes: int
    seconds: float
    cpu: float
    """Seconds of the server's own."""
    slowest: float
    """Seconds that the slowest of a customer's calls took meanwhile."""
    calls: int
    refused: int
    memory: float
    """Megabytes of the server's afterwards."""

    def __str__(self) -> str:
        return (
            f"{self.nodes} nodes were back in {self.seconds:.1f} s, for {self.cpu:.1f} s of the "
            f"server's CPU; of {self.calls} calls meanwhile {self.refused} failed and the slowest "
            f"took {self.slowest:.2f} s; {self.memory:.0f} MB resident"
        )


async def stampede(folder: Path, nodes: int, manner: Manner = ALONE) -> Stampede:
    """Have so many nodes connected, cut all their lines at once, and see them come back."""
    unlimited = {"OSTLER_ADDRESS_RATE": "0"}
    server = ServerProcess(folder / "server", settings=unlimited)
    await asyncio.to_thread(server.start)
    try:
        ssm = server.client()
        told = server.environment
        url, authority = told["AWS_ENDPOINT_URL"], Path(told["AWS_CA_BUNDLE"])
        enrolling = Fleet(url, authority, manner=CALM)
        await enrolling.enrol(await asyncio.to_thread(activations, ssm, nodes, role="fleet"))
        enrolling.save(folder / "fleet.json")
        fleet = Fleet(url, authority, manner=manner, chance=random.Random(1))
        fleet.load(folder / "fleet.json")
        async with fleet.running():
            await fleet.connected()
            before, began = _cpu(server.id), time.monotonic()
            fleet.cut()
            while fleet.open:  # noqa: ASYNC110 - they end within a turn of the loop
                await asyncio.sleep(0)
            over = asyncio.Event()
            asking = asyncio.create_task(_ask(ssm, over))
            await fleet.connected()
            seconds, cpu = time.monotonic() - began, _cpu(server.id) - before
            over.set()
            calls = await asking
            return Stampede(
                nodes=nodes,
                seconds=seconds,
                cpu=cpu,
                slowest=max((took for took, _ in calls), default=0.0),
                calls=len(calls),
                refused=sum(not good for _, good in calls),
                memory=server.memory,
            )
    finally:
        await asyncio.to_thread(server.stop)


async def _ask(ssm: Any, over: asyncio.Event) -> list[tuple[float, bool]]:
    """How long each of a customer's calls took, and whether it was answered, until it is over."""
    calls: list[tuple[float, bool]] = []

    def ask() -> bool:
        try:
            ssm.list_commands(MaxResults=1)
        except (BotoCoreError, ClientError):
            return False
        return True

    while not over.is_set():
        began = time.monotonic()
        good = await asyncio.to_thread(ask)
        calls.append((time.monotonic() - began, good))
        await asyncio.sleep(0.05)
    return calls


def _cpu(process: int) -> float:
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / 100
