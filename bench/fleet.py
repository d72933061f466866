"""What a fleet costs one server: memory of a node that is idle, CPU of an invocation, the floor.

    python bench/fleet.py [--nodes 500 5000] [--database postgresql+psycopg://…]

The server is a process of its own with TLS on. The nodes are simulated, all in this process, and
speak the real protocol: each acknowledges its job, says that it is under way, and how it ended.
What an invocation costs is the CPU of the server from before SendCommand until everything that the
nodes said is on disk and acknowledged. The floor is a bare echo of the same frames by the same
HTTP server, with TLS, and nothing behind it. CPU and memory are the kernel's numbers (/proc).
"""

import argparse
import asyncio
import socket
import ssl
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import uvloop

sys.path[:0] = [str(Path(__file__).parents[1] / part) for part in ("src", "")]

from ostler.agent.network import Endpoint, endpoint_of
from ostler.server.certificates import Certificates
from ostler.server.main import http_server
from ostler.server.settings import Settings
from ostler.wire.agent import jobs
from ostler.wire.agent.frames import Frame, encode
from ostler.wire.http import Request
from tests.support.kernel import cpu, memory
from tests.support.processes import ServerProcess
from tools.simulated import Fleet, Manner, activations, allow_files
from tools.simulated.line import Line
from tools.simulated.node import IDENTITY

KEPT = 70.0
"""KB that an idle node may cost."""
MOST_CPU = 0.3
"""Milliseconds of CPU that an invocation may cost."""
GROWTH = 1.3
"""How much dearer an invocation may be in a fleet ten times as large."""
ROUNDS = 3
UNLIMITED = {"OSTLER_ADDRESS_RATE": "0", "OSTLER_USER_RATE": "0"}


@dataclass(frozen=True)
class Cost:
    """What a fleet of that size cost."""

    nodes: int
    memory: float
    invocation: float
    wall: float
    connecting: float


@contextmanager
def server(database: str) -> Iterator[ServerProcess]:
    with tempfile.TemporaryDirectory() as folder:
        running = ServerProcess(Path(folder) / "server", database=database, settings=UNLIMITED)
        running.start()
        try:
            yield running
        finally:
            running.stop()


async def measure(count: int, database: str) -> Cost:
    with server(database) as running:
        told, ssm = running.environment, running.client()
        fleet = Fleet(told["AWS_ENDPOINT_URL"], Path(told["AWS_CA_BUNDLE"]), manner=Manner())
        await fleet.enrol(activations(ssm, 20, role="warm"))
        async with fleet.running():
            await fleet.connected()
            await run(fleet, ssm, "warm")
        await fleet.enrol(activations(ssm, count, role="fleet"))
        del fleet.nodes[:20]
        before, began = memory(running.id), cpu(running.id)
        async with fleet.running():
            await fleet.connected()
            await asyncio.sleep(3)
            connecting = (cpu(running.id) - began) / count * 1000
            each = (memory(running.id) - before) / count
            used, walls = [], []
            for _ in range(ROUNDS):
                began, start = cpu(running.id), time.perf_counter()
                await run(fleet, ssm, "fleet")
                walls.append(time.perf_counter() - start)
                used.append((cpu(running.id) - began) / count * 1000)
                await asyncio.sleep(1)
        return Cost(count, each, sorted(used)[ROUNDS // 2], sorted(walls)[ROUNDS // 2], connecting)


async def run(fleet: Fleet, ssm: Any, role: str) -> None:
    """Send a command to everybody, and wait until every word of it is safe."""
    sent = await asyncio.to_thread(
        ssm.send_command,
        DocumentName="AWS-RunShellScript",
        Targets=[{"Key": "tag:role", "Values": [role]}],
        Parameters={"commands": ["uptime"]},
        MaxConcurrency="100%",
        MaxErrors="100%",
    )
    command = sent["Command"]["CommandId"]
    while not fleet.settled(command):
        await asyncio.sleep(0.05)
    told = (await asyncio.to_thread(ssm.list_commands, CommandId=command))["Commands"][0]
    assert (told["Status"], told["CompletedCount"]) == ("Success", len(fleet.nodes)), told


# The floor.


async def echo(count: int) -> float:
    """Milliseconds of CPU that a bare server spends on a node's three words and on three back."""
    with tempfile.TemporaryDirectory() as folder:
        bare = subprocess.Popen(
            [sys.executable, __file__, "--echo", folder], stdout=subprocess.PIPE, text=True
        )
        try:
            assert bare.stdout is not None
            port = int(bare.stdout.readline())
            tls = ssl.create_default_context(cafile=f"{folder}/tls/ca.pem")
            return await exchange(count, bare.pid, endpoint_of(f"https://127.0.0.1:{port}"), tls)
        finally:
            bare.terminate()
            bare.wait(10)


async def exchange(count: int, process: int, endpoint: Endpoint, tls: ssl.SSLContext) -> float:
    back = 0

    def heard(data: bytes) -> None:
        nonlocal back
        back += 1

    request = Request("GET", "/echo", "")
    turns = asyncio.Semaphore(8)

    async def opened() -> Line:
        async with turns:
            return await Line.open(endpoint, tls, request, heard)

    lines = await asyncio.gather(*(opened() for _ in range(count)))
    words = spoken()
    used = []
    for _ in range(ROUNDS):
        back, began = 0, cpu(process)
        for line in lines:
            for word in words:
                line.send(word)
        while back < len(words) * count:
            await asyncio.sleep(0.02)
        await asyncio.sleep(0.2)
        used.append((cpu(process) - began) / count * 1000)
    for line in lines:
        line.abort()
    return sorted(used)[ROUNDS // 2]


def spoken() -> list[bytes]:
    """Frames as large as those that a node says about a job."""
    job = jobs.job_id(str(uuid.uuid4()), "mi-0123456789abcdef0")
    ack = jobs.encode(jobs.JobAck(job, str(uuid.uuid4()), "2026-01-01T00:00:00.000Z"))
    step = jobs.PluginReply("Success", name="aws:runShellScript", output="uptime")
    words = [
        jobs.ReplyContent("InProgress", None, "", jobs.AdditionalInfo(IDENTITY)),
        jobs.ReplyContent("Success", {"runShellScript": step}, "", jobs.AdditionalInfo(IDENTITY)),
    ]
    replies = [jobs.encode(jobs.JobReply(job, content=jobs.text(word))) for word in words]
    return [
        encode(Frame("agent_job_reply", uuid.uuid4(), payload, created_ms=1))
        for payload in (ack, *replies)
    ]


async def serve_echo(folder: Path) -> None:
    """Be the bare server, until a signal comes."""

    async def application(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "websocket.accept"})
        while (event := await receive())["type"] == "websocket.receive":
            await send({"type": "websocket.send", "bytes": event["bytes"]})

    context = Certificates.of(Settings(data=folder)).context()
    listener = socket.create_server(("127.0.0.1", 0), backlog=2048)
    listener.setblocking(False)
    print(listener.getsockname()[1], flush=True)
    await http_server(application, context).serve(sockets=[listener])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--nodes", type=int, nargs="+", default=[500, 5000])
    parser.add_argument("--database", default="")
    parser.add_argument("--echo", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    allow_files(3 * max(given.nodes) + 1000)
    if given.echo is not None:
        uvloop.run(serve_echo(given.echo))
        return
    costs = [uvloop.run(measure(count, given.database)) for count in given.nodes]
    floor = uvloop.run(echo(max(given.nodes)))
    print("| nodes | KB a node | ms CPU an invocation | wall s | ms CPU to connect |")
    for cost in costs:
        print(
            f"| {cost.nodes} | {cost.memory:.1f} | {cost.invocation:.3f} | {cost.wall:.2f} "
            f"| {cost.connecting:.2f} |"
        )
    last = costs[-1]
    told("memory of an idle node", last.memory, KEPT, "KB")
    told("CPU of an invocation", last.invocation, MOST_CPU, "ms")
    told("of it the floor, an echo", floor, floor, "ms")
    told(
        "dearer than in the smallest fleet", last.invocation / costs[0].invocation, GROWTH, "times"
    )


def told(what: str, found: float, bound: float, unit: str) -> None:
    """Say a number, and whether it is within its bound."""
    word = "holds" if found <= bound else f"DOES NOT HOLD: {found / bound:.2f} times the bound"
    print(f"{what:<36}{found:8.3f} {unit:<6} bound {bound:<6.3g} {word}")


if __name__ == "__main__":
    main()
