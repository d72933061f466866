"""The way out: requests and websockets to one server, downloads from anywhere."""

import asyncio
import ssl
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Protocol
from urllib.parse import SplitResult, urlsplit

import h11
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import InvalidStatus, WebSocketException

from ostler.foundation.clock import Clock
from ostler.wire.http import Request, Response

REQUEST_TIMEOUT = 60.0
LARGEST_ANSWER = 4 * 1024 * 1024
# Servers close what is idle; a request on a connection just being closed would be lost.
IDLE = timedelta(seconds=3)
IDLE_MOST = 4
CHUNK = 64 * 1024
_LOOPBACK = ("127.0.0.1", "::1", "localhost")


class NetworkFault(Exception):
    """No answer came: no connection, no trust, no time, or nonsense; the text says which."""


class ServerRefused(NetworkFault):
    """The websocket was not opened: the server answered with this status instead."""

    def __init__(self, status: int) -> None:
        super().__init__(f"The server answered {status} instead of opening the channel.")
        self.status = status


class Socket(Protocol):
    """An open websocket. Whatever happens to it shows as NetworkFault."""

    async def send(self, message: str | bytes) -> None: ...

    async def receive(self) -> str | bytes: ...

    async def ping(self, payload: bytes) -> Awaitable[object]:
        """Send a ping; what comes back ends when its pong is there."""
        ...

    async def close(self) -> None: ...


class Network(Protocol):
    """The server, and the rest of the world as far as documents ask for it."""

    async def send(self, request: Request) -> Response:
        """The server's answer to a request."""
        ...

    async def open(self, request: Request) -> Socket:
        """The websocket that the server makes of a request."""
        ...

    async def fetch(
        self, url: str, headers: Mapping[str, str], take: Callable[[bytes], None]
    ) -> Response:
        """GET any URL; `take` gets the body of a 200 in pieces, other bodies are in the answer.

        Nothing is followed: where a redirect leads is in the answer's headers.
        """
        ...


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a server listens."""

    scheme: str
    host: str
    port: int

    @property
    def secure(self) -> bool:
        return self.scheme == "https"

    @property
    def authority(self) -> str:
        """Host and port as the Host header has them, and as they are signed."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == (443 if self.secure else 80) else f"{host}:{self.port}"

    @property
    def url(self) -> str:
        return f"{self.scheme}://{self.authority}"


def endpoint_of(url: str) -> Endpoint:
    """The server at a URL; ValueError, with words for people, when it cannot be one."""
    parts = urlsplit(url if "://" in url else f"https://{url}")
    endpoint = _endpoint(parts)
    if parts.path not in ("", "/") or parts.query or parts.fragment or parts.username:
        raise ValueError(f"{url} must be a scheme, a host and a port, and nothing more.")
    if not endpoint.secure and endpoint.host not in _LOOPBACK:
        raise ValueError(f"{url} must begin with https; http is for this machine only.")
    return endpoint


def _endpoint(parts: SplitResult) -> Endpoint:
    if parts.scheme not in ("https", "http") or not parts.hostname:
        raise ValueError(f"{parts.geturl()} is not an address that begins with https.")
    return Endpoint(
        parts.scheme, parts.hostname, parts.port or (443 if parts.scheme == "https" else 80)
    )


class _Connection:
    """One connection, one request after the other."""

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, used: datetime
    ) -> None:
        self._reader = reader
        self._writer = writer
        self._http = h11.Connection(h11.CLIENT)
        self.used = used

    @property
    def fresh(self) -> bool:
        """Whether another request may go here."""
        return self._http.our_state is h11.IDLE and not self._reader.at_eof()

    async def ask(
        self, request: Request, authority: str, take: Callable[[bytes], None] | None
    ) -> Response:
        target = f"{request.path}?{request.query}" if request.query else request.path
        headers = {"host": authority, "accept-encoding": "identity", **request.headers}
        if request.body or request.method in ("POST", "PUT"):
            headers["content-length"] = str(len(request.body))
        self._write(h11.Request(method=request.method, target=target, headers=[*headers.items()]))
        if request.body:
            self._write(h11.Data(data=request.body))
        self._write(h11.EndOfMessage())
        await self._writer.drain()
        return await self._answer(take)

    async def _answer(self, take: Callable[[bytes], None] | None) -> Response:
        status, headers = 0, {}
        body = bytearray()
        while True:
            event = self._http.next_event()
            match event:
                case h11.NEED_DATA:
                    async with asyncio.timeout(REQUEST_TIMEOUT):
                        self._http.receive_data(await self._reader.read(CHUNK))
                case h11.InformationalResponse():
                    continue
                case h11.Response():
                    status = event.status_code
                    headers = {
                        name.decode().lower(): value.decode("latin-1")
                        for name, value in event.headers
                    }
                case h11.Data() if take is not None and status == 200:
                    take(bytes(event.data))
                case h11.Data():
                    body += event.data
                    if len(body) > LARGEST_ANSWER:
                        raise NetworkFault(f"The answer has more than {LARGEST_ANSWER} bytes.")
                case h11.EndOfMessage():
                    break
                case _:
                    raise NetworkFault("The connection ended before the answer.")
        if self._http.our_state is h11.DONE and self._http.their_state is h11.DONE:
            self._http.start_next_cycle()
        return Response(status, headers, bytes(body))

    def close(self) -> None:
        with suppress(OSError, RuntimeError):
            self._writer.close()

    def _write(self, event: h11.Event) -> None:
        data = self._http.send(event)
        if data:
            self._writer.write(data)


class RealNetwork:
    """The network as it is. TLS is always verified: by the given authority, or the system's."""

    def __init__(self, server: Endpoint, clock: Clock, *, authority: Path | None = None) -> None:
        self._server = server
        self._clock = clock
        self._authority = authority
        self._tls: ssl.SSLContext | None = None
        self._idle: list[_Connection] = []

    async def send(self, request: Request) -> Response:
        with _faults(self._server.authority):
            async with asyncio.timeout(REQUEST_TIMEOUT):
                connection = self._idle_connection() or await self._connect(self._server)
                try:
                    answer = await connection.ask(request, self._server.authority, None)
                except BaseException:
                    connection.close()
                    raise
        self._keep(connection)
        return answer

    async def open(self, request: Request) -> Socket:
        scheme = "wss" if self._server.secure else "ws"
        headers = {name: value for name, value in request.headers.items() if name != "host"}
        with _faults(self._server.authority):
            try:
                connection = await connect(
                    f"{scheme}://{self._server.authority}{request.path}?{request.query}",
                    additional_headers=headers,
                    ssl=self._tls_of(self._server) if self._server.secure else None,
                    compression=None,
                    user_agent_header=None,
                    ping_interval=None,
                    open_timeout=15,
                    close_timeout=2,
                    max_size=1024 * 1024,
                    proxy=None,
                )
            except InvalidStatus as refusal:
                raise ServerRefused(refusal.response.status_code) from refusal
        return _RealSocket(connection, self._server.authority)

    async def fetch(
        self, url: str, headers: Mapping[str, str], take: Callable[[bytes], None]
    ) -> Response:
        parts = urlsplit(url)
        endpoint = _endpoint(parts)
        request = Request(
            "GET", parts.path or "/", parts.query, {**headers, "user-agent": "ostler"}
        )
        with _faults(endpoint.authority):
            connection = await self._connect(endpoint)
            try:
                return await connection.ask(request, endpoint.authority, take)
            finally:
                connection.close()

    async def _connect(self, endpoint: Endpoint) -> _Connection:
        async with asyncio.timeout(30):
            reader, writer = await asyncio.open_connection(
                endpoint.host,
                endpoint.port,
                ssl=self._tls_of(endpoint) if endpoint.secure else None,
            )
        return _Connection(reader, writer, used=self._clock.now())

    def _tls_of(self, endpoint: Endpoint) -> ssl.SSLContext:
        """Whom to trust: the server's own authority alone for the server, as it was given."""
        if endpoint != self._server:
            context = ssl.create_default_context()
            if self._authority is not None:
                context.load_verify_locations(self._authority)
            return context
        if self._tls is None:
            # The system's roots cost several megabytes: they are read when they are needed.
            self._tls = ssl.create_default_context(
                cafile=str(self._authority) if self._authority is not None else None
            )
            self._tls.minimum_version = ssl.TLSVersion.TLSv1_2
        return self._tls

    def _idle_connection(self) -> _Connection | None:
        while self._idle:
            connection = self._idle.pop()
            if connection.fresh and self._clock.now() - connection.used < IDLE:
                return connection
            connection.close()
        return None

    def _keep(self, connection: _Connection) -> None:
        connection.used = self._clock.now()
        if connection.fresh and len(self._idle) < IDLE_MOST:
            self._idle.append(connection)
        else:
            connection.close()


class _RealSocket:
    def __init__(self, connection: ClientConnection, server: str) -> None:
        self._connection = connection
        self._server = server

    async def send(self, message: str | bytes) -> None:
        with _faults(self._server):
            await self._connection.send(message)

    async def receive(self) -> str | bytes:
        with _faults(self._server):
            return await self._connection.recv()

    async def ping(self, payload: bytes) -> Awaitable[object]:
        with _faults(self._server):
            return await self._connection.ping(payload)

    async def close(self) -> None:
        await self._connection.close()


@contextmanager
def _faults(server: str) -> Iterator[None]:
    """Whatever a network can do to us, in one word and with the server's name."""
    try:
        yield
    except TimeoutError as fault:
        raise NetworkFault(f"{server} did not answer in time.") from fault
    except ssl.SSLCertVerificationError as fault:
        raise NetworkFault(f"{server} is not trusted: {fault.verify_message}.") from fault
    except (OSError, h11.ProtocolError, WebSocketException) as fault:
        raise NetworkFault(f"{server}: {fault}") from fault
