"""The relay's door with its ports in memory, and nodes that speak ASGI to it."""

import asyncio
from dataclasses import dataclass
from datetime import timedelta

from ostler.foundation.authentication import Authentication, Credential
from ostler.foundation.call import Caller
from ostler.foundation.clock import Clock
from ostler.foundation.ids import NodeId
from ostler.foundation.policy import Policy
from ostler.gateway.limits import CallerLimits, Rate
from ostler.relay.app import Relay, Surroundings
from ostler.relay.room import Room
from ostler.relay.tokens import ChannelTokens
from ostler.wire import sigv4
from ostler.wire.agent import channels, jobs
from ostler.wire.agent.channels import OpenControlChannel
from ostler.wire.http import Request
from tests.relay.fakes import NODE, SCOPE, Bench, MemorySpent

ADMIN = NodeId("admin")
"""Somebody with all rights who is no node."""
SECRET = "secret"
HOST = "relay.local:8443"
UNLIMITED = Rate(0, 0)
POLICY = Policy.parse(
    {
        "Version": "2012-10-17",
        "Statement": {"Effect": "Allow", "Action": "ssmmessages:*", "Resource": "*"},
    }
)


class Door(Bench):
    """A relay that answers ASGI."""

    def __init__(
        self,
        clock: Clock | None = None,
        *,
        control_channel: bool = True,
        rate: Rate = UNLIMITED,
        room: int = 2**20,
    ) -> None:
        super().__init__(clock)
        self.policies = (POLICY,)
        self.strangers: set[str] = set()
        self.relay = Relay(
            Authentication(self, self, MemorySpent(), self.clock),
            ChannelTokens(b"key", clock=self.clock, ids=self.ids, spent=MemorySpent()),
            self.mailbox,
            self.collector,
            Surroundings(self.clock, self.ids, control_channel=control_channel),
            presence=self.presence,
            output=self.output,
            trail=self.trail,
            limits=CallerLimits(users=UNLIMITED, nodes=rate, addresses=UNLIMITED, clock=self.clock),
            room=Room(room),
        )

    async def find(self, access_key, session_token):
        """The credential of everybody but `strangers`: the key is the name."""
        if access_key in self.strangers:
            return None
        node = None if access_key == ADMIN else NodeId(access_key)
        caller = Caller(
            f"arn:{access_key}",
            SCOPE.account,
            "id",
            self.policies,
            node=node,
            access_key=access_key,
        )
        return Credential(SECRET, caller)

    async def public_key(self, region, node):
        return None

    async def settle(self):
        await self.clock.advance(timedelta(0))

    def signed(
        self,
        method,
        path,
        *,
        query="",
        body=b"",
        who=NODE,
        secret=SECRET,
        service=channels.SERVICE,
        age=timedelta(0),
    ):
        request = Request(method, path, query, {"host": HOST}, body)
        if who is None:
            return request
        return sigv4.sign(
            request,
            access_key=who,
            secret=secret,
            session_token="token",
            region=SCOPE.region,
            service=service,
            at=self.clock.now() - age,
        )

    async def ask(self, method, path, *, leaves=False, **how):
        """Make a request; status, headers and body of the answer."""
        request = self.signed(method, path, **how)
        half = len(request.body) // 2
        events = [
            {"type": "http.request", "body": request.body[:half], "more_body": True},
            {"type": "http.disconnect"}
            if leaves
            else {"type": "http.request", "body": request.body[half:]},
        ]
        sent = []
        self.read = 0

        async def receive():
            self.read += len(events[0].get("body", b""))
            return events.pop(0)

        async def send(event):
            sent.append(event)

        await self.relay(_scope("http", request), receive, send)
        return _answer(sent) if sent else None

    async def token(self, who=NODE):
        _, _, body = await self.ask("POST", channels.control_channel_path(who), who=who)
        return channels.read_token_answer(body)


@dataclass
class Connection:
    """One websocket to the door."""

    door: Door
    path: str = ""
    who: NodeId | None = NODE
    secret: str = SECRET
    reads: bool = True

    def __post_init__(self):
        self._to_server = asyncio.Queue()
        self._from_server = asyncio.Queue()
        self._writable = asyncio.Event()
        if self.reads:
            self._writable.set()
        path = self.path or channels.control_channel_path(self.who or NODE)
        request = self.door.signed(
            "GET", path, query=channels.CONTROL_CHANNEL_QUERY, who=self.who, secret=self.secret
        )
        self._to_server.put_nowait({"type": "websocket.connect"})
        self._running = asyncio.create_task(
            self.door.relay(_scope("websocket", request), self._to_server.get, self._send)
        )

    async def _send(self, event):
        if event["type"] == "websocket.send":
            await self._writable.wait()
        self._from_server.put_nowait(event)
        if event["type"] == "websocket.close":
            self._to_server.put_nowait({"type": "websocket.disconnect", "code": event["code"]})

    async def _next(self):
        """What the server sends next; a fault of the server instead of waiting for ever."""
        event = asyncio.create_task(self._from_server.get())
        await asyncio.wait({event, self._running}, return_when=asyncio.FIRST_COMPLETED)
        if not event.done():
            await self._running
            raise AssertionError("the server has ended the conversation")
        return event.result()

    async def refused(self):
        """Status and body of the answer that came instead of a websocket."""
        await self._running
        status, _, body = _answer(list(self._from_server._queue))
        return status, body

    async def connect(self):
        event = await self._next()
        assert event["type"] == "websocket.accept"

    async def open(self, token=None):
        """Go all the way to an open channel."""
        await self.connect()
        self.say(jobs.text(OpenControlChannel(token or await self.door.token(self.who))))
        await self.door.settle()
        return self

    def say(self, data):
        kind = "text" if isinstance(data, str) else "bytes"
        self._to_server.put_nowait({"type": "websocket.receive", kind: data})

    async def hear(self):
        event = await self._next()
        assert event["type"] == "websocket.send"
        return event["bytes"]

    async def closed(self):
        """The code with which the server closed the connection."""
        while (event := await self._next())["type"] != "websocket.close":
            pass
        await self._running
        return event["code"]

    def read_on(self):
        self._writable.set()

    async def leave(self):
        self._to_server.put_nowait({"type": "websocket.disconnect", "code": 1006})
        await self._running


def _scope(kind, request):
    return {
        "type": kind,
        "scheme": "https" if kind == "http" else "wss",
        "method": request.method,
        "raw_path": request.path.encode(),
        "query_string": request.query.encode(),
        "headers": [
            *((name.encode(), value.encode()) for name, value in request.headers.items()),
            *([(b"content-length", str(len(request.body)).encode())] * (kind == "http")),
        ],
        "client": ("192.0.2.1", 1234),
    }


def _answer(events):
    start, body = events
    headers = {name.decode(): value.decode() for name, value in start["headers"]}
    return start["status"], headers, body["body"]
