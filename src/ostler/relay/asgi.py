"""The relay's side of ASGI: requests in, answers out, and a websocket one can send on at once."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, MutableMapping
from typing import Any

from ostler.wire.http import Request, Response

Event = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Event]]
Send = Callable[[Event], Awaitable[None]]

MOST_WAITING = 4 * 1024 * 1024
"""Bytes that may wait for a peer that reads slowly; one that lets more pile up is left."""

PIECE = 64 * 1024
"""So many bytes of an answer are handed over at a time."""

TRY_AGAIN_LATER = 1013
LONGEST_REASON = 123
"""Bytes of a reason that a websocket's close frame has room for."""


class BodyTooLarge(Exception):
    """The request's body has more bytes than its path takes."""


class Disconnected(Exception):
    """The client left before its request was complete."""


def request_of(scope: Event, body: bytes = b"") -> Request:
    """The request that an ASGI `scope` describes."""
    headers: dict[str, str] = {}
    for raw_name, raw_value in scope["headers"]:
        name, value = raw_name.decode("latin-1").lower(), raw_value.decode("latin-1")
        headers[name] = f"{headers[name]},{value}" if name in headers else value
    client = scope.get("client")
    return Request(
        method=scope.get("method", "GET"),
        path=scope["raw_path"].decode("latin-1"),
        query=scope["query_string"].decode("latin-1"),
        headers=headers,
        body=body,
        peer=client[0] if client else "",
        secure=scope["scheme"] in {"https", "wss"},
    )


def promised_size(scope: Event) -> int | None:
    """How many bytes the body has; None when that shows only as it comes."""
    headers = dict(scope["headers"])
    if b"transfer-encoding" in headers:
        return None
    return int(headers.get(b"content-length", 0))


async def read_body(scope: Event, receive: Receive, most: int) -> bytes:
    """The whole body; BodyTooLarge as soon as it is known to have more than `most` bytes."""
    if (promised_size(scope) or 0) > most:
        raise BodyTooLarge
    body = bytearray()
    while True:
        event = await receive()
        if event["type"] == "http.disconnect":
            raise Disconnected
        body += event.get("body", b"")
        if len(body) > most:
            raise BodyTooLarge
        if not event.get("more_body", False):
            return bytes(body)


class Incoming:
    """A request's body as it comes from the network, taken piece by piece, once.

    `ended` tells whether all of it has been taken.
    """

    promised: tuple[str, ...] = ()
    trailers: Mapping[str, str] = {}

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self.ended = False

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while not self.ended:
            event = await self._receive()
            if event["type"] == "http.disconnect":
                raise Disconnected
            self.ended = not event.get("more_body", False)
            if event.get("body"):
                yield event["body"]


async def respond(send: Send, response: Response, *, to: str = "http") -> None:
    """Send `response`: to a request, or, `to` "websocket.http", to one for a websocket.

    What is large is sent piece by piece, each once the one before has been taken: who reads
    nothing has us keep the answer itself and no copies of it on their way.
    """
    body, size = response.body, len(response.body)
    await send(_start(response, {"content-length": str(size)}, to))
    for start in range(0, size - PIECE, PIECE):
        piece = body[start : start + PIECE]
        await send({"type": f"{to}.response.body", "body": piece, "more_body": True})
    rest = body[max(0, (size - 1) // PIECE * PIECE) :]
    await send({"type": f"{to}.response.body", "body": rest})


async def stream(receive: Receive, send: Send, response: Response) -> bool:
    """Send a response whose body comes piece by piece; whether it was sent to its end.

    A client that leaves is noticed. Where the pieces end early, so does the answer: the server
    closes the connection on one that is shorter than its headers say.
    """
    pieces = response.stream
    assert pieces is not None
    await send(_start(response, {}, "http"))
    leaving = asyncio.create_task(_gone(receive))
    try:
        async for piece in pieces:
            if leaving.done():
                return False
            await send({"type": "http.response.body", "body": piece, "more_body": True})
        await send({"type": "http.response.body", "body": b""})
        return True
    finally:
        leaving.cancel()


def _start(response: Response, headers: Mapping[str, str], to: str) -> Event:
    told = {**headers, **response.headers}
    return {
        "type": f"{to}.response.start",
        "status": response.status,
        "headers": [(name.encode(), value.encode("latin-1")) for name, value in told.items()],
    }


async def _gone(receive: Receive) -> None:
    """Return once the client has left."""
    while (await receive())["type"] != "http.disconnect":
        pass


class WebSocket:
    """An accepted websocket: `send` and `close` return at once, what they ask is done in order."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self._events: deque[Event] = deque()
        self._waiting = 0
        self._closing = False
        self._sending: asyncio.Task[None] | None = None

    def send(self, data: bytes) -> None:
        """Send a binary message, unless the socket is closing."""
        if self._closing:
            return
        if self._waiting + len(data) > MOST_WAITING:
            self._events.clear()
            self.close(TRY_AGAIN_LATER, "too much is waiting to be read")
            return
        self._waiting += len(data)
        self._put({"type": "websocket.send", "bytes": data})

    def close(self, code: int, reason: str) -> None:
        """Say good-bye after what was sent before, once."""
        if self._closing:
            return
        short = reason.encode()[:LONGEST_REASON].decode(errors="ignore")
        self._put({"type": "websocket.close", "code": code, "reason": short})
        self._closing = True

    async def sent(self) -> None:
        """Wait until everything has been passed on."""
        if self._sending is not None:
            await self._sending

    def _put(self, event: Event) -> None:
        self._events.append(event)
        if self._sending is None or self._sending.done():
            self._sending = asyncio.create_task(self._pass_on())

    async def _pass_on(self) -> None:
        while self._events:
            event = self._events.popleft()
            try:
                await self._send(event)
            except OSError:
                # The peer has gone; whoever reads from the socket learns it, too.
                self._closing = True
                self._events.clear()
                return
            self._waiting -= len(event.get("bytes", b""))
