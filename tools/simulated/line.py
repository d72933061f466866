"""A simulated node's websocket."""

import asyncio
import ssl
from collections.abc import Callable
from typing import Any

from websockets.client import ClientProtocol
from websockets.frames import Frame as SocketFrame
from websockets.frames import Opcode
from websockets.http11 import Response as Upgraded
from websockets.protocol import OPEN
from websockets.uri import parse_uri

from ostler.agent.network import Endpoint, NetworkFault
from ostler.wire.agent.frames import LARGEST_FRAME
from ostler.wire.http import Request

PING_EVERY = 54.0
OPENED_WITHIN = 15.0


class Line(asyncio.Protocol):
    """A node's websocket."""

    def __init__(
        self, endpoint: Endpoint, request: Request, heard: Callable[[bytes], None]
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._request = request
        self._heard = heard
        url = f"wss://{endpoint.authority}{request.path}?{request.query}"
        self._socket = ClientProtocol(parse_uri(url), max_size=LARGEST_FRAME)
        self._transport: Any = None
        self._pinging: asyncio.TimerHandle | None = None
        self.opened: asyncio.Future[None] = self._loop.create_future()
        self.ended: asyncio.Future[None] = self._loop.create_future()

    @classmethod
    async def open(
        cls,
        endpoint: Endpoint,
        tls: ssl.SSLContext,
        request: Request,
        heard: Callable[[bytes], None],
    ) -> "Line":
        """Connect, and wait for the server's yes; NetworkFault when there is none."""
        line = cls(endpoint, request, heard)
        try:
            async with asyncio.timeout(OPENED_WITHIN):
                connect = asyncio.get_running_loop().create_connection
                await connect(lambda: line, endpoint.host, endpoint.port, ssl=tls)
                await line.opened
        except (OSError, TimeoutError, NetworkFault) as fault:
            line.abort()
            raise NetworkFault(str(fault)) from fault
        return line

    def send(self, data: bytes) -> None:
        if self._socket.state is OPEN:
            self._socket.send_binary(data)
            self._flush()

    def send_text(self, text: str) -> None:
        self._socket.send_text(text.encode())
        self._flush()

    def abort(self) -> None:
        """End it without a word."""
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: Any) -> None:
        self._transport = transport
        opening = self._socket.connect()
        for name, value in self._request.headers.items():
            if name != "host":
                opening.headers[name] = value
        self._socket.send_request(opening)
        self._flush()

    def data_received(self, data: bytes) -> None:
        self._socket.receive_data(data)
        for event in self._socket.events_received():
            if isinstance(event, Upgraded):
                self._upgraded(event)
            elif isinstance(event, SocketFrame) and event.opcode is Opcode.BINARY:
                self._heard(bytes(event.data))
        self._flush()

    def connection_lost(self, fault: Exception | None) -> None:
        if self._pinging is not None:
            self._pinging.cancel()
        if not self.opened.done():
            self.opened.set_exception(NetworkFault("the server hung up"))
        if not self.ended.done():
            self.ended.set_result(None)

    def _upgraded(self, answer: Upgraded) -> None:
        if self.opened.done():
            return
        if self._socket.handshake_exc is not None:
            said = bytes(answer.body or b"")[:200]
            self.opened.set_exception(NetworkFault(f"{answer.status_code} {said!r}"))
            return
        self.opened.set_result(None)
        self._ping()

    def _ping(self) -> None:
        if self._socket.state is OPEN:
            self._socket.send_ping(b"keepalive")
            self._flush()
            self._pinging = self._loop.call_later(PING_EVERY, self._ping)

    def _flush(self) -> None:
        for data in self._socket.data_to_send():
            if data:
                self._transport.write(data)
            else:
                self._transport.close()
