"""Connections as uvicorn has them, with bounds on what strangers may send, hold and put off."""

import asyncio
import resource
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

HEAD_WITHIN = 20.0
"""Seconds from the opening of a connection, or from the answer before, to a request's head."""
BODY_WITHIN = 120.0
"""Seconds from the head of a request to the end of its body, or to the next stride of it."""
STRIDE = 1024 * 1024
"""Bytes of a body after which its time begins anew: large ones take long."""
TAKEN_WITHIN = 60.0
"""Seconds within which a client takes what waits for it, some tens of kilobytes."""
LARGEST_HEAD = 64 * 1024

_FILES_OF_OUR_OWN = 256
_PLENTY = 100_000
_TOO_LARGE = (
    b"HTTP/1.1 431 Request Header Fields Too Large\r\n"
    b"content-length: 0\r\nconnection: close\r\n\r\n"
)


class HeadTooLarge(Exception):
    """The request's line and headers have more bytes than are kept for anybody."""


class HttpConnection(HttpToolsProtocol):
    """A connection whose client has to come to the point: in bounded time, with a bounded head.

    There may be `most` of them; one more is closed before anything is read from it.
    """

    def __init__(self, *, most: int, **given: Any) -> None:
        super().__init__(**given)
        self._most = most
        self._owed: asyncio.TimerHandle | None = None
        self._untaken: asyncio.TimerHandle | None = None
        self._awaits_head = True
        self._head_begins = False
        self._head_size = 0
        self._stride = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        if len(self.connections) > self._most:
            transport.abort()
            return
        self._expect_within(HEAD_WITHIN)

    def connection_lost(self, exc: Exception | None) -> None:
        self._expect_nothing()
        self._is_taken()
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        super().pause_writing()
        self._is_taken()
        self._untaken = self.loop.call_later(TAKEN_WITHIN, self.transport.abort)

    def resume_writing(self) -> None:
        self._is_taken()
        super().resume_writing()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if not self._awaits_head or self.transport.is_closing():
            return
        # The parser keeps an unfinished header to itself. The piece in which a head begins is not
        # counted: other things may stand before it there.
        if self._head_begins:
            self._head_begins = False
        else:
            self._head_size += len(data)
        if self._head_size > LARGEST_HEAD:
            self._refuse_head()

    def handle_websocket_upgrade(self) -> None:
        self._expect_nothing()
        super().handle_websocket_upgrade()

    def on_message_begin(self) -> None:
        self._awaits_head = self._head_begins = True
        self._head_size = 0
        self._expect_within(HEAD_WITHIN)
        super().on_message_begin()

    def on_url(self, url: bytes) -> None:
        self._take(len(url))
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        self._take(len(name) + len(value))
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        self._awaits_head = False
        self._stride = 0
        self._expect_within(BODY_WITHIN)
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        self._stride += len(body)
        if self._stride >= STRIDE and not self.cycle.response_complete:
            self._stride = 0
            self._expect_within(BODY_WITHIN)
        super().on_body(body)

    def on_message_complete(self) -> None:
        self._awaits_head = True
        self._head_size = 0
        self._expect_nothing()
        super().on_message_complete()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if self.cycle.response_complete and not self.transport.is_closing():
            # uvicorn's own patience with idle connections ends with the first byte of anything.
            self._expect_within(HEAD_WITHIN)

    def send_400_response(self, msg: str) -> None:
        if self._head_size > LARGEST_HEAD:
            self._refuse_head()
        else:
            super().send_400_response(msg)

    def _take(self, size: int) -> None:
        self._head_size += size
        if self._head_size > LARGEST_HEAD:
            raise HeadTooLarge

    def _refuse_head(self) -> None:
        self.transport.write(_TOO_LARGE)
        self.transport.close()

    def _is_taken(self) -> None:
        if self._untaken is not None:
            self._untaken.cancel()
            self._untaken = None

    def _expect_within(self, seconds: float) -> None:
        self._expect_nothing()
        self._owed = self.loop.call_later(seconds, self.transport.abort)

    def _expect_nothing(self) -> None:
        if self._owed is not None:
            self._owed.cancel()
            self._owed = None


class WebSocketConnection(WebSocketsSansIOProtocol):
    """A websocket whose peer is not listened to while it does not listen.

    Otherwise one that sends pings and reads no pongs has them pile up here without an end.
    """

    def pause_writing(self) -> None:
        super().pause_writing()
        self.transport.pause_reading()

    def resume_writing(self) -> None:
        super().resume_writing()
        if not self.read_paused and not self.transport.is_closing():
            self.transport.resume_reading()

    async def receive(self) -> Any:
        message = await super().receive()
        if not self.writable.is_set() and not self.transport.is_closing():
            self.transport.pause_reading()
        return message

    async def send(self, message: Any) -> None:
        await super().send(message)
        if message["type"] == "websocket.http.response.body" and self.close_sent:
            # Refused, and so complete: uvicorn would complain in the log about each.
            self.handshake_complete = True


def most_connections() -> int:
    """How many connections leave files for our own work, once we have all that we may have."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    if hard == resource.RLIM_INFINITY:
        return _PLENTY
    return min(max(hard - _FILES_OF_OUR_OWN, hard // 2), _PLENTY)
