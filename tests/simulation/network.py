"""The network between customers, agents and the server: in memory, slow, lossy, and seeded."""

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from random import Random
from typing import Any

from ostler.agent.network import REQUEST_TIMEOUT, NetworkFault, ServerRefused
from ostler.relay.asgi import Event, Receive, Send
from ostler.wire.http import Request, Response
from tests.simulation.loop import Life, VirtualLoop
from tests.simulation.trace import Trace
from tests.simulation.weather import CALM, Weather

log = logging.getLogger("uvicorn")

App = Callable[[Event, Receive, Send], Awaitable[None]]

HOST = "ostler.test:8443"
OPEN_TIMEOUT = 15.0
SERVER_PINGS = 30.0
"""The web server pings every line so often, and waits as long for the answer."""


class Gone(OSError):
    """The peer has left: as uvicorn says it to the application."""


class Internet:
    """Carries requests and lines to whoever listens."""

    def __init__(self, loop: VirtualLoop, chance: Random, trace: Trace) -> None:
        self.loop = loop
        self.chance = chance
        self.trace = trace
        self.weather: Weather = CALM
        self.app: App | None = None
        self.server: Life | None = None
        self.lines: list[Line] = []
        self.cut_off: set[str] = set()
        """Who can reach nobody."""
        self.ambushes: dict[str, tuple[str, Callable[[], None]]] = {}
        """What is to happen when somebody is sent the next frame of a kind; "" is any kind."""
        self.heard: Callable[[str, Request, Response], None] = lambda who, request, answer: None
        """Is told of every answer when the server gives it."""
        self.framed: Callable[[str, bool, bytes], None] = lambda who, up, data: None
        """Is told of every frame when it is sent: by whom or to whom, and which way."""

    def listen(self, app: App, server: Life) -> None:
        """`app` answers from now on, as long as `server` lives."""
        self.app, self.server = app, server
        server.on_end(lambda: self._lose(server))

    def deaf(self) -> None:
        """Nobody listens any more."""
        self.app = self.server = None

    def delay(self) -> float:
        """How long the next message takes."""
        usual = self.weather.latency * self.chance.uniform(0.1, 1)
        return usual * 1000 if self.happens(self.weather.slow) else usual

    def happens(self, chance: float) -> bool:
        """Whether something of that chance happens now."""
        return chance > 0 and self.chance.random() < chance

    def reachable(self, who: str) -> bool:
        return self.app is not None and who not in self.cut_off

    def has_line(self, who: str) -> bool:
        """Whether somebody has a line to the server that works."""
        return any(line.who == who and line.whole for line in self.lines)

    def _lose(self, server: Life) -> None:
        if self.server is server:
            self.deaf()
        for line in [line for line in self.lines if line.server is server]:
            line.cut(silent=False)


class Access:
    """One party's way out: the agent's Network."""

    def __init__(self, net: Internet, who: str, life: Life | None = None) -> None:
        self._net = net
        self._who = who
        self._life = life

    async def send(self, request: Request) -> Response:
        """The server's answer to a request."""
        exchange = _Exchange(self._net, self._who, request)
        try:
            async with asyncio.timeout(REQUEST_TIMEOUT):
                return await exchange.answer
        except TimeoutError as fault:
            raise NetworkFault("the server did not answer in time") from fault

    async def open(self, request: Request) -> "Line":
        """The websocket that the server makes of a request."""
        net = self._net
        line = Line(net, self._who, self._life)
        net.loop.outside(net.delay(), line.knock, request)
        try:
            async with asyncio.timeout(OPEN_TIMEOUT):
                await line.opened
        except TimeoutError as fault:
            line.cut(silent=True)
            raise NetworkFault("the line was not opened in time") from fault
        return line

    async def fetch(
        self, url: str, headers: Mapping[str, str], take: Callable[[bytes], None]
    ) -> Response:
        raise NetworkFault(f"there is no {url}")


class _Exchange:
    """A request on its way, and its answer on the way back."""

    def __init__(self, net: Internet, who: str, request: Request) -> None:
        self._net = net
        self._who = who
        self._request = request
        self.answer: asyncio.Future[Response] = net.loop.create_future()
        weather = net.weather
        if net.happens(weather.request_lost):
            net.trace.note(who, "request lost", _name(request))
            return
        net.loop.outside(net.delay(), self._arrive)
        if net.happens(weather.request_twice):
            net.loop.outside(net.delay() * 3, self._arrive)

    def _arrive(self) -> None:
        net = self._net
        if not net.reachable(self._who) or net.happens(net.weather.request_refused):
            net.loop.outside(net.delay(), self._fail, "connection refused")
            return
        assert net.app is not None
        assert net.server is not None
        net.trace.note(self._who, "asks", _name(self._request))
        net.server.on_end(self._server_died)
        net.server.run(self._serve(net.app, net.server))

    async def _serve(self, app: App, server: Life) -> None:
        asked = False
        begun: dict[str, Any] = {}

        async def receive() -> Event:
            nonlocal asked
            if asked:
                await self._net.loop.create_future()
            asked = True
            return {"type": "http.request", "body": self._request.body, "more_body": False}

        async def send(event: Event) -> None:
            if event["type"] == "http.response.start":
                begun.update(event)
            elif server.alive:
                self._answered(_response(begun, event.get("body", b"")))

        try:
            await app({"type": "http", **_scope(self._request, self._who)}, receive, send)
        except Exception as fault:  # as uvicorn does
            log.error("Exception in ASGI application", exc_info=fault)
            if not begun:
                self._answered(Response(500))

    def _answered(self, answer: Response) -> None:
        net = self._net
        net.trace.note(self._who, "is answered", _name(self._request), answer.status)
        net.heard(self._who, self._request, answer)
        if net.happens(net.weather.answer_lost):
            net.trace.note(self._who, "answer lost", _name(self._request))
            return
        net.loop.outside(net.delay(), self._settle, answer)

    def _server_died(self) -> None:
        if not self.answer.done():
            self._net.loop.outside(self._net.delay(), self._fail, "connection reset")

    def _settle(self, answer: Response) -> None:
        if not self.answer.done() and self._who not in self._net.cut_off:
            self.answer.set_result(answer)

    def _fail(self, why: str) -> None:
        if not self.answer.done():
            self.answer.set_exception(NetworkFault(why))


class Line:
    """A websocket: the agent's Socket at one end, ASGI events at the other."""

    def __init__(self, net: Internet, who: str, client: Life | None) -> None:
        self._net = net
        self.who = who
        self.server: Life | None = None
        self.opened: asyncio.Future[None] = net.loop.create_future()
        self._down = _Pipe(net)
        self._up = _Pipe(net)
        self._silent = False
        self._broken = False
        if client is not None:
            client.on_end(lambda: self.cut(silent=client.vanished))

    @property
    def whole(self) -> bool:
        """Whether what is said at one end is heard at the other."""
        return not self._broken and not self._silent

    # The agent's end.

    async def send(self, message: str | bytes) -> None:
        if self._net.happens(0.3):
            # There is no room in the socket's buffer for a moment.
            await asyncio.sleep(self._net.delay())
        self._check()
        if isinstance(message, bytes):
            self._net.framed(self.who, True, message)
            self._frame(self._up, {"type": "websocket.receive", "bytes": message})
        elif not self._lost():
            self._up.put({"type": "websocket.receive", "text": message})

    async def receive(self) -> str | bytes:
        event = await self._down.take()
        if event["type"] == "websocket.close":
            self._broken = True
            self._down.put(event)
            raise NetworkFault(f"the line was closed {event.get('code', '')}".rstrip())
        data: bytes = event["bytes"]
        return data

    async def ping(self, payload: bytes) -> Awaitable[object]:
        self._check()
        pong: asyncio.Future[None] = self._net.loop.create_future()
        if not self._lost():
            self._net.loop.outside(2 * self._net.delay(), _ring, pong)
        return pong

    async def close(self) -> None:
        self._leave()

    # The server's end.

    def knock(self, request: Request) -> None:
        """The request for the line arrives."""
        net = self._net
        if not self.whole:
            return
        if not net.reachable(self.who) or net.happens(net.weather.request_refused):
            net.loop.outside(net.delay(), self._refuse, NetworkFault("connection refused"))
            return
        assert net.app is not None
        assert net.server is not None
        self.server = net.server
        net.lines.append(self)
        net.trace.note(self.who, "knocks")
        self._up.put({"type": "websocket.connect"})
        net.server.run(self._serve(net.app, request))

    async def _serve(self, app: App, request: Request) -> None:
        begun: dict[str, Any] = {}

        async def send(event: Event) -> None:
            assert self.server is not None
            if not self.server.alive:
                return
            match event["type"]:
                case "websocket.accept":
                    self._net.trace.note(self.who, "is let in")
                    self._net.loop.outside(self._net.delay(), _ring, self.opened)
                case "websocket.send":
                    if self._broken:
                        raise Gone
                    self._net.framed(self.who, False, event["bytes"])
                    self._frame(self._down, event)
                case "websocket.close":
                    self._net.trace.note(self.who, "is closed", event.get("code"))
                    if not self._lost():
                        self._down.put(event)
                    self._end()
                case "websocket.http.response.start":
                    begun.update(event)
                case "websocket.http.response.body":
                    refused = ServerRefused(begun["status"])
                    self._net.trace.note(self.who, "is refused", begun["status"])
                    self._net.loop.outside(self._net.delay(), self._refuse, refused)

        try:
            await app({"type": "websocket", **_scope(request, self.who)}, self._up.take, send)
        except Exception as fault:  # as uvicorn does
            log.error("Exception in ASGI application", exc_info=fault)
        if begun:
            self._end()
        else:
            self.cut(silent=False)

    # What happens to it.

    def cut(self, *, silent: bool) -> None:
        """The line breaks; when nobody is told, both ends find out by their pings."""
        if not self.whole:
            return
        self._net.trace.note(self.who, "line cut", "silently" if silent else "")
        if silent:
            self._silent = True
            late = self._net.chance.uniform(SERVER_PINGS, 2 * SERVER_PINGS)
            self._net.loop.outside(late, self._end)
            return
        self._down.put({"type": "websocket.close", "code": 1006})
        self._refuse(NetworkFault("connection reset"))
        self._end()

    def _leave(self) -> None:
        if not self._lost() and not self._broken:
            self._up.put({"type": "websocket.disconnect", "code": 1005})
            self._end()
        self._broken = True

    def _end(self) -> None:
        """The server learns that the line is gone."""
        if self in self._net.lines:
            self._net.lines.remove(self)
            self._up.put({"type": "websocket.disconnect", "code": 1006})
        self._broken = True

    def _refuse(self, fault: NetworkFault) -> None:
        if not self.opened.done():
            self.opened.set_exception(fault)
            self.opened.exception()

    def _lost(self) -> bool:
        return self._silent or self.who in self._net.cut_off

    def _check(self) -> None:
        if self._broken and not self._silent:
            raise NetworkFault("the line is closed")

    def _frame(self, pipe: "_Pipe", event: Event) -> None:
        net, weather = self._net, self._net.weather
        if self._lost() or net.happens(weather.frame_lost):
            net.trace.note(self.who, "frame lost", len(event["bytes"]))
            return
        pipe.put(event, overtakes=net.happens(weather.frame_overtakes))
        if net.happens(weather.frame_twice):
            late = net.chance.choice((0.0, 3.0, 10.0, 30.0))
            net.loop.outside(late, self._again, pipe is self._down, event)

    def _again(self, down: bool, event: Event) -> None:
        """A frame comes once more, by whichever line the node has now: a job that ended, say."""
        line = next((each for each in self._net.lines if each.who == self.who), self)
        (line._down if down else line._up).put(event, overtakes=True)


class _Pipe:
    """One direction of a line: what is put in comes out later, in order unless it overtakes."""

    def __init__(self, net: Internet) -> None:
        self._net = net
        self._events: deque[Event] = deque()
        self._waiting: asyncio.Future[None] | None = None
        self._free = 0.0

    def put(self, event: Event, *, overtakes: bool = False) -> None:
        now = self._net.loop.time()
        arrives = now + self._net.delay()
        if not overtakes:
            arrives = self._free = max(arrives, self._free)
        self._net.loop.outside(arrives - now, self._arrive, event)

    async def take(self) -> Event:
        while not self._events:
            self._waiting = self._net.loop.create_future()
            await self._waiting
        return self._events.popleft()

    def _arrive(self, event: Event) -> None:
        self._events.append(event)
        if self._waiting is not None:
            _ring(self._waiting)


def _ring(waiter: "asyncio.Future[None]") -> None:
    if not waiter.done():
        waiter.set_result(None)


def _name(request: Request) -> str:
    return request.headers.get("x-amz-target") or f"{request.method} {request.path}"


def _scope(request: Request, who: str) -> dict[str, Any]:
    headers = {"host": HOST, **request.headers, "content-length": str(len(request.body))}
    return {
        "method": request.method,
        "scheme": "https",
        "path": request.path,
        "raw_path": request.path.encode("latin-1"),
        "query_string": request.query.encode("latin-1"),
        "headers": [(name.encode(), value.encode("latin-1")) for name, value in headers.items()],
        "client": ("192.0.2.1", 50000),
    }


def _response(begun: Mapping[str, Any], body: bytes) -> Response:
    headers = {name.decode().lower(): value.decode("latin-1") for name, value in begun["headers"]}
    return Response(begun["status"], headers, body)
