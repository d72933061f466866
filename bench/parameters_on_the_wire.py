"""Parameter Store on the wire, beside its peers: signed requests over TLS, 32 connections.

Run from the root of the repository: `python bench/parameters_on_the_wire.py`. Each server is a
process of its own on this machine, so that its CPU can be told apart from the client's; rates move
with the machine and with what else it does, requests per CPU second of the server are what to
compare. Peers:

- an *echo*: our own stack (uvicorn, uvloop, TLS), which verifies the signature and gives the body
  back. What is above it is Ostler's: policy, storage, audit, and the model.
- *moto's server*, in a throw-away environment that is made for it from the package index. It is
  asked in plain HTTP, which is in its favour, and checks neither signature nor permission.
- *etcd*, for writes, where Debian's `etcd-server` has put it into PATH (or ETCD names it): durable
  puts by its JSON gateway.
"""

import asyncio
import json
import os
import shutil
import ssl
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parents[1] / part) for part in ("src", "")]

from ostler.foundation.clock import SystemClock
from ostler.wire import sigv4
from ostler.wire.http import Request
from tests.support.postgresql import Cluster
from tests.support.processes import ServerProcess

CONNECTIONS = 32
READS = 20_000
SLOW_READS = 2_000
WRITES = 4_000
VALUE = "v" * 40
MOTO = "moto[server]"

Write = Callable[[int], bytes]
"""The bytes of the request of that number."""


@dataclass(frozen=True)
class Place:
    """Where a server listens, and the process whose CPU it takes."""

    port: int
    pid: int
    tls: ssl.SSLContext | None = None


def cpu(pid: int) -> float:
    """Seconds of CPU that a process has taken, all its threads together."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


async def measured(name: str, place: Place, count: int, write: Write, *, others: int = 0) -> None:
    """Ask `count` times over 32 connections, and print what that took."""
    numbers = iter(range(count))
    waits: list[float] = []

    async def connection() -> None:
        reader, writer = await connected(place)
        for number in numbers:
            start = time.perf_counter()
            if reader.at_eof() or writer.is_closing():  # moto's server answers once
                reader, writer = await connected(place)
            writer.write(write(number))
            head = (await reader.readuntil(b"\r\n\r\n")).lower()
            assert b" 200 " in head.split(b"\r\n")[0], head
            await reader.readexactly(int(head.partition(b"content-length: ")[2].split(b"\r\n")[0]))
            waits.append((time.perf_counter() - start) * 1000)
            if b"connection: close" in head or head.startswith(b"http/1.0"):
                writer.close()
        writer.close()

    before, start = cpu(place.pid), time.perf_counter()
    async with asyncio.TaskGroup() as group:
        for _ in range(CONNECTIONS):
            group.create_task(connection())
    took, used = time.perf_counter() - start, cpu(place.pid) - before
    waits.sort()
    middle, late = waits[len(waits) // 2], waits[len(waits) * 99 // 100]
    each = used / count * 1e6
    print(
        f"{name:44}{count / took:10,.0f}{1e6 / each:14,.0f}{each:8,.0f}{middle:8.1f}{late:8.1f}",
        flush=True,
    )


async def connected(place: Place) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A connection to a server."""
    name = "localhost" if place.tls else None
    return await asyncio.open_connection(
        "127.0.0.1", place.port, ssl=place.tls, server_hostname=name
    )


def signed(place: Place, keys: tuple[str, str], operation: str, given: object) -> bytes:
    """A whole request for an operation of Parameter Store."""
    body = json.dumps(given).encode()
    headers = {
        "host": f"localhost:{place.port}",
        "content-type": "application/x-amz-json-1.1",
        "x-amz-target": f"AmazonSSM.{operation}",
    }
    plain = Request("POST", "/", headers=headers, body=body)
    ready = sigv4.sign(
        plain,
        access_key=keys[0],
        secret=keys[1],
        region="us-east-1",
        service="ssm",
        at=SystemClock().now(),
    )
    return _bytes(ready, body)


def _bytes(request: Request, body: bytes) -> bytes:
    lines = [f"{request.method} {request.path} HTTP/1.1"]
    lines += [f"{name}: {value}" for name, value in request.headers.items()]
    return "\r\n".join([*lines, f"content-length: {len(body)}", "", ""]).encode() + body


@contextmanager
def ostler(database: str = "") -> Iterator[tuple[Place, tuple[str, str]]]:
    """A server of ours, without limits on how often one may ask."""
    with tempfile.TemporaryDirectory() as folder:
        settings = {"OSTLER_USER_RATE": "0", "OSTLER_ADDRESS_RATE": "0"}
        server = ServerProcess(Path(folder) / "data", database=database, settings=settings).start()
        try:
            told = server.environment
            assert server._process is not None
            tls = ssl.create_default_context(cafile=told["AWS_CA_BUNDLE"])
            yield (
                Place(server.port, server._process.pid, tls),
                (told["AWS_ACCESS_KEY_ID"], told["AWS_SECRET_ACCESS_KEY"]),
            )
        finally:
            server.stop()


_ECHO = """
import asyncio, socket, sys, uvloop
from ostler.relay.asgi import read_body, request_of, respond
from ostler.server.certificates import Certificates
from ostler.server.main import http_server
from ostler.server.settings import Settings
from ostler.wire import sigv4
from ostler.wire.http import Response
from pathlib import Path

async def echo(scope, receive, send):
    body = await read_body(scope, receive, 1 << 20)
    request = request_of(scope, body)
    claim = sigv4.claim_of(request)
    key = sigv4.signing_key("secret", claim.date, claim.region, claim.service)
    good = sigv4.same_signature(
        sigv4.signature(key, sigv4.string_to_sign(request, claim)), claim.signature
    )
    await respond(send, Response(200 if good else 403, {}, body))

async def main():
    listener = socket.create_server(("127.0.0.1", 0), backlog=256)
    listener.setblocking(False)
    context = Certificates.of(Settings(data=Path(sys.argv[1]))).context()
    print(listener.getsockname()[1], flush=True)
    await http_server(echo, context).serve(sockets=[listener])

asyncio.Runner(loop_factory=uvloop.new_event_loop).run(main())
"""


@contextmanager
def echo() -> Iterator[Place]:
    """Our own stack without Ostler in it."""
    with tempfile.TemporaryDirectory() as folder:
        process = subprocess.Popen(
            [sys.executable, "-c", _ECHO, folder],
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path[:2])},
        )
        try:
            assert process.stdout is not None
            port = int(process.stdout.readline())
            tls = ssl.create_default_context(cafile=f"{folder}/tls/ca.pem")
            yield Place(port, process.pid, tls)
        finally:
            process.kill()
            process.wait()


@contextmanager
def moto() -> Iterator[Place | None]:
    """moto's server, or None where the package index does not give it."""
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
        pip = [f"{folder}/bin/pip", "install", "--quiet", MOTO]
        if subprocess.run(pip, stderr=subprocess.DEVNULL, check=False).returncode != 0:
            yield None
            return
        port = _free_port()
        with _running(
            [f"{folder}/bin/moto_server", "-H", "127.0.0.1", "-p", str(port)], port
        ) as pid:
            yield Place(port, pid)


@contextmanager
def etcd() -> Iterator[Place | None]:
    """etcd, or None where it is not installed."""
    program = os.environ.get("ETCD") or shutil.which("etcd")
    if program is None:
        yield None
        return
    with tempfile.TemporaryDirectory() as folder:
        port, peers = _free_port(), _free_port()
        url, peer = f"http://127.0.0.1:{port}", f"http://127.0.0.1:{peers}"
        command = [program, "--data-dir", f"{folder}/data", "--log-level", "error"]
        command += ["--listen-client-urls", url, "--advertise-client-urls", url]
        command += ["--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer]
        command += ["--initial-cluster", f"default={peer}"]
        with _running(command, port) as pid:
            yield Place(port, pid)


@contextmanager
def _running(command: list[str], port: int) -> Iterator[int]:
    quiet = subprocess.DEVNULL
    process = subprocess.Popen(command, stdout=quiet, stderr=quiet)
    try:
        for _ in range(300):
            if (
                subprocess.run(
                    [
                        sys.executable,
                        "-c",
                        f"import socket; socket.create_connection(('127.0.0.1', {port}))",
                    ],
                    stderr=quiet,
                    check=False,
                ).returncode
                == 0
            ):
                break
        yield process.pid
    finally:
        process.kill()
        process.wait()


def _free_port() -> int:
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


async def ours(name: str, place: Place, keys: tuple[str, str]) -> None:
    """Read one parameter, then write many."""
    made = {"Name": "/app/url", "Value": VALUE, "Type": "String"}
    await _once(place, signed(place, keys, "PutParameter", made))
    read = signed(place, keys, "GetParameter", {"Name": "/app/url"})
    await measured(f"warming up: {name}", place, READS // 10, lambda number: read)
    await measured(f"GetParameter: {name}", place, READS, lambda number: read)
    secret = {"Name": "/app/secret", "Value": VALUE, "Type": "SecureString"}
    await _once(place, signed(place, keys, "PutParameter", secret))
    opened = signed(place, keys, "GetParameter", {"Name": "/app/secret", "WithDecryption": True})
    await measured(f"GetParameter of a secret: {name}", place, READS // 2, lambda number: opened)
    writes = [
        signed(
            place,
            keys,
            "PutParameter",
            {"Name": f"/w/{n % 500}", "Value": f"{VALUE}{n}", "Type": "String", "Overwrite": True},
        )
        for n in range(WRITES)
    ]
    await measured(f"PutParameter, durable: {name}", place, WRITES, lambda number: writes[number])


async def _once(place: Place, request: bytes) -> None:
    reader, writer = await connected(place)
    writer.write(request)
    assert b" 200 " in await reader.readline()
    writer.close()


async def motos(place: Place) -> None:
    keys = ("AKIAEXAMPLE", "secret")
    made = {"Name": "/app/url", "Value": VALUE, "Type": "String"}
    await _once(place, signed(place, keys, "PutParameter", made))
    read = signed(place, keys, "GetParameter", {"Name": "/app/url"})
    await measured("GetParameter: moto's server", place, SLOW_READS, lambda number: read)


async def etcds(place: Place) -> None:
    import base64

    def put(number: int) -> bytes:
        key = base64.b64encode(f"/w/{number % 500}".encode()).decode()
        value = base64.b64encode(f"{VALUE}{number}".encode()).decode()
        body = json.dumps({"key": key, "value": value}).encode()
        request = Request("POST", "/v3/kv/put", headers={"host": f"127.0.0.1:{place.port}"})
        return _bytes(request, body)

    await measured("put, durable: etcd", place, WRITES, put)


def main() -> None:
    """All of them, one after the other."""
    print(
        f"{CONNECTIONS} connections{'':30}{'asked/s':>10}{'per CPU s':>14}{'CPU µs':>8}"
        f"{'p50 ms':>8}{'p99 ms':>8}"
    )
    with echo() as place:
        read = signed(place, ("AKIAEXAMPLE", "secret"), "GetParameter", {"Name": "/app/url"})
        asyncio.run(measured("signed echo on our own stack", place, READS, lambda number: read))
    with ostler() as (place, keys):
        asyncio.run(ours("SQLite", place, keys))
    cluster = Cluster(durable=True)
    cluster.say("CREATE DATABASE bench")
    with ostler(cluster.url("bench")) as (place, keys):
        asyncio.run(ours("PostgreSQL", place, keys))
    cluster.remove()
    with moto() as there:
        if there is None:
            print("moto's server is left out: the package index does not give it")
        else:
            asyncio.run(motos(there))
    with etcd() as there:
        if there is None:
            print("etcd is left out: it is not installed (Debian: apt-get install etcd-server)")
        else:
            asyncio.run(etcds(there))


if __name__ == "__main__":
    main()
