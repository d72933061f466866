"""The fake server behind real sockets and TLS, for agents that are real processes."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address
from pathlib import Path

import h11
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from websockets.frames import Opcode
from websockets.http11 import Request as Upgrade
from websockets.server import ServerProtocol

from ostler.agent.network import NetworkFault
from ostler.wire.http import Request
from tests.agent.server import FakeServer

WHEN = datetime(2020, 1, 1, tzinfo=UTC)


@asynccontextmanager
async def listening(server: FakeServer, folder: Path) -> AsyncIterator[str]:
    """The server's URL, on a free port of this machine."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate(folder))
    connections: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        connections.add(task)
        with suppress(ConnectionError, asyncio.IncompleteReadError, NetworkFault):
            await _connection(server, reader, writer)
        writer.close()
        connections.discard(task)

    listener = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
    port = listener.sockets[0].getsockname()[1]
    server.authority = f"127.0.0.1:{port}"
    try:
        yield f"https://127.0.0.1:{port}"
    finally:
        listener.close()
        for task in connections:
            task.cancel()
        await asyncio.gather(*connections, return_exceptions=True)


def certificate(folder: Path) -> Path:
    """A certificate for this machine, signed by itself: authority and server in one."""
    path = folder / "server.pem"
    if path.exists():
        return path
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "a test")])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(WHEN)
        .not_valid_after(WHEN + timedelta(days=36500))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(IPv4Address("127.0.0.1"))]), critical=False
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        + made.public_bytes(serialization.Encoding.PEM)
    )
    return path


async def _connection(
    server: FakeServer, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    """Requests one after the other, until one of them becomes a websocket."""
    while True:
        head = await reader.readuntil(b"\r\n\r\n")
        if b"upgrade: websocket" in head.lower():
            await _websocket(server, head, reader, writer)
            return
        http = h11.Connection(h11.SERVER)
        http.receive_data(head)
        asked = http.next_event()
        assert isinstance(asked, h11.Request)
        body = b""
        while not isinstance(event := http.next_event(), h11.EndOfMessage):
            if event is h11.NEED_DATA:
                http.receive_data(await reader.read(65536))
            elif isinstance(event, h11.Data):
                body += bytes(event.data)
        headers = {name.decode().lower(): value.decode() for name, value in asked.headers}
        path, _, query = asked.target.decode().partition("?")
        answer = await server.send(Request(asked.method.decode(), path, query, headers, body))
        content = b"" if asked.method == b"HEAD" else answer.body
        length = {"content-length": str(len(answer.body))}
        for part in (
            h11.Response(
                status_code=answer.status, headers=[*{**answer.headers, **length}.items()]
            ),
            h11.Data(data=content),
            h11.EndOfMessage(),
        ):
            writer.write(http.send(part) or b"")
        await writer.drain()


async def _websocket(
    server: FakeServer, head: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    protocol = ServerProtocol()
    protocol.receive_data(head)
    [upgrade] = protocol.events_received()
    assert isinstance(upgrade, Upgrade)
    headers = {name.lower(): value for name, value in upgrade.headers.raw_items()}
    path, _, query = upgrade.path.partition("?")
    line = await server.open(Request("GET", path, query, headers))
    protocol.send_response(protocol.accept(upgrade))

    def flush() -> None:
        for data in protocol.data_to_send():
            if data:
                writer.write(data)

    async def down() -> None:
        while True:
            protocol.send_binary(await line.receive())
            flush()

    flush()
    downward = asyncio.create_task(down())
    try:
        while data := await reader.read(65536):
            protocol.receive_data(data)
            for frame in protocol.events_received():
                match frame.opcode:  # type: ignore[union-attr]
                    case Opcode.TEXT:
                        await line.send(bytes(frame.data).decode())  # type: ignore[union-attr]
                    case Opcode.BINARY:
                        await line.send(bytes(frame.data))  # type: ignore[union-attr]
                    case _:
                        pass
            flush()
    finally:
        downward.cancel()
        line.closed = True
