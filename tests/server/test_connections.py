"""Connections: what a client may send, and how long it may take, before it is sent away."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
import uvicorn
from uvicorn.server import ServerState

from ostler.server.connections import (
    BODY_WITHIN,
    HEAD_WITHIN,
    LARGEST_HEAD,
    TAKEN_WITHIN,
    HttpConnection,
    WebSocketConnection,
)

GET = b"GET /health HTTP/1.1\r\nhost: here\r\n"


class Timer:
    """Something that the loop would do later."""

    def __init__(self, seconds: float, deed: Callable[[], None]) -> None:
        self.seconds = seconds
        self.deed = deed
        self.cancelled = False

    def cancel(self) -> None:
        self.cancelled = True


class Loop:
    """An event loop whose timers only a test lets run out."""

    def __init__(self) -> None:
        self.timers: list[Timer] = []

    def call_later(self, seconds: float, deed: Callable[[], None], *_given: Any) -> Timer:
        self.timers.append(Timer(seconds, deed))
        return self.timers[-1]

    def create_task(self, deed: Any, **given: Any) -> "asyncio.Task[None]":
        return asyncio.get_running_loop().create_task(deed, **given)

    def patience(self) -> list[float]:
        """The times that still run."""
        return [timer.seconds for timer in self.timers if not timer.cancelled]


class Transport:
    """The server's end of a connection to nobody."""

    def __init__(self) -> None:
        self.written = b""
        self.closed = False
        self.aborted = False
        self.reading = True

    def get_extra_info(self, _name: str, default: Any = None) -> Any:
        return default

    def write(self, data: bytes) -> None:
        self.written += data

    def is_closing(self) -> bool:
        return self.closed

    def close(self) -> None:
        self.closed = True

    def abort(self) -> None:
        self.closed = self.aborted = True

    def pause_reading(self) -> None:
        self.reading = False

    def resume_reading(self) -> None:
        self.reading = True


class Client:
    """One connection, and everything around it."""

    def __init__(self, *, most: int = 10, state: ServerState | None = None) -> None:
        config = uvicorn.Config(answer, lifespan="off", log_config=None)
        config.load()
        self.loop = Loop()
        self.state = state or ServerState()
        self.transport = Transport()
        self.connection = HttpConnection(
            most=most, config=config, server_state=self.state, app_state={}, _loop=self.loop
        )
        self.connection.connection_made(self.transport)  # type: ignore[arg-type]

    @property
    def waits(self) -> bool:
        """Whether the server waits for the rest of a body."""
        return self.connection.cycle is not None and self.connection.cycle.more_body

    async def send(self, *pieces: bytes) -> None:
        for piece in pieces:
            self.connection.data_received(piece)
            if not self.waits:
                await asyncio.gather(*self.state.tasks)

    @property
    def status(self) -> str:
        return self.transport.written.split(b"\r\n")[0].partition(b" ")[2].decode()


async def answer(_scope: Any, receive: Any, send: Any) -> None:
    while (await receive()).get("more_body"):
        pass
    await send({"type": "http.response.start", "status": 204, "headers": []})
    await send({"type": "http.response.body", "body": b""})


@pytest.mark.parametrize(
    "unfinished",
    [
        pytest.param([], id="nothing"),
        pytest.param([b"\r\n"], id="blank lines"),
        pytest.param([GET], id="half a head"),
        pytest.param([GET + b"\r\n", b"\r\n"], id="blank lines after an answer"),
        pytest.param([GET + b"\r\n", GET], id="half of the next head"),
    ],
)
async def test_who_begins_no_request_in_time_is_left(unfinished: list[bytes]) -> None:
    client = Client()
    await client.send(*unfinished)
    assert [HEAD_WITHIN] == client.loop.patience()

    client.loop.timers[-1].deed()

    assert client.transport.aborted


async def test_who_does_not_end_a_body_in_time_is_left() -> None:
    client = Client()
    client.connection.data_received(GET + b"content-length: 9\r\n\r\nhalf")

    assert [BODY_WITHIN] == client.loop.patience()

    client.connection.data_received(b" more")
    assert [] == client.loop.patience()
    await asyncio.gather(*client.state.tasks)
    assert "204 No Content" == client.status


@pytest.mark.parametrize(
    "pieces",
    [
        pytest.param([GET + b"x-much: " + b"a" * LARGEST_HEAD + b"\r\n\r\n"], id="one header"),
        pytest.param([GET + b"x-one: more\r\n" * LARGEST_HEAD], id="many headers"),
        pytest.param([GET + b"x: ", *[b"a" * 1000] * 66], id="a header without an end"),
        pytest.param([b"GET /" + b"a" * LARGEST_HEAD + b" HTTP/1.1\r\n\r\n"], id="the path"),
        pytest.param([b"GET /", *[b"a" * 1000] * 66], id="a path without an end"),
    ],
)
async def test_a_head_has_its_bounds(pieces: list[bytes]) -> None:
    client = Client()

    await client.send(*pieces)

    assert "431 Request Header Fields Too Large" == client.status
    assert client.transport.closed


async def test_large_bodies_are_no_heads() -> None:
    client = Client()
    head = GET + b"content-length: 400000\r\n\r\n"

    await client.send(head, b"a" * 300_000, b"a" * 100_000)
    await client.send(head + b"a" * 400_000)

    assert 2 == client.transport.written.count(b" 204 ")
    assert not client.transport.closed


async def test_one_connection_too_many_is_closed_at_once() -> None:
    state = ServerState()
    some = [Client(most=2, state=state) for _ in range(3)]

    assert [False, False, True] == [client.transport.aborted for client in some]


async def test_a_client_that_takes_nothing_is_left_in_the_end() -> None:
    client = Client()
    await client.send(GET + b"\r\n")

    client.connection.pause_writing()
    assert TAKEN_WITHIN in client.loop.patience()
    client.connection.resume_writing()
    assert TAKEN_WITHIN not in client.loop.patience()

    client.connection.pause_writing()
    [patience] = [timer for timer in client.loop.timers if not timer.cancelled][-1:]
    patience.deed()
    assert client.transport.aborted


async def test_a_websocket_hears_nobody_who_does_not_listen() -> None:
    """Pings of a peer that reads no pongs would pile up as pongs."""
    config = uvicorn.Config(answer, lifespan="off", log_config=None)
    config.load()
    socket = WebSocketConnection(config, ServerState(), {})
    transport = Transport()
    socket.connection_made(transport)  # type: ignore[arg-type]

    socket.pause_writing()
    assert not transport.reading
    socket.queue.put_nowait({"type": "websocket.receive", "text": "said before"})
    socket.read_paused = True
    await socket.receive()
    assert not transport.reading

    socket.resume_writing()
    assert transport.reading
