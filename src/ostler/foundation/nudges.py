"""Nudges: one process of a house tells the others to look, over PostgreSQL's LISTEN and NOTIFY.

A nudge carries ids and no truth. It may be lost: whoever hears none finds what is due in the
database when it next looks, and looks when the way of the nudges was cut and is open again.
"""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta

import msgspec
import psycopg
import structlog
from sqlalchemy import make_url

from ostler.foundation.clock import Clock
from ostler.foundation.ids import Ids

CHANNEL = "ostler_nudges"
GATHERING = timedelta(milliseconds=3)
"""So long nudges wait for others to go with."""
REST = timedelta(seconds=1)
"""Between two tries to open the way."""
LARGEST = 7000
"""Bytes of one notification; PostgreSQL takes 8,000."""

log = structlog.get_logger()

Heard = Callable[[str], Awaitable[None]]
"""Told the body of a nudge; may be told what is known already."""


class _Post(msgspec.Struct):
    """What goes over the channel at once."""

    sender: str
    nudges: list[tuple[str, str]]


class Nudges:
    """Sends and hears nudges; a house of one process has nobody to send to.

    `url` is the database's; any but PostgreSQL's means that the process is alone.
    """

    def __init__(self, url: str, clock: Clock, ids: Ids) -> None:
        parsed = make_url(url)
        self._clock = clock
        self._name = ids.token(16)
        self._listeners: dict[str, list[Heard]] = {}
        self._reopened: list[Callable[[], Awaitable[None]]] = []
        self._waiting: list[tuple[str, str]] = []
        self._something = asyncio.Event()
        self._address = ""
        if parsed.get_backend_name() == "postgresql":
            plain = parsed.set(drivername="postgresql")
            self._address = plain.render_as_string(hide_password=False)

    def listen(self, kind: str, heard: Heard) -> None:
        """Have `heard` told of the nudges of that kind that other processes send."""
        self._listeners.setdefault(kind, []).append(heard)

    def when_reopened(self, look: Callable[[], Awaitable[None]]) -> None:
        """Have `look` called whenever nudges may have been missed."""
        self._reopened.append(look)

    def send(self, kind: str, body: str) -> None:
        """Tell the other processes, if there are any, without waiting."""
        if self._address and len(body) < LARGEST // 2:
            self._waiting.append((kind, body))
            self._something.set()

    async def run(self) -> None:
        """Send and hear until cancelled."""
        if not self._address:
            await asyncio.Event().wait()
        while True:
            try:
                await self._open()
            except* psycopg.Error as faults:
                log.warning("nudges_cut", because=str(faults.exceptions[0]))
            await self._clock.sleep(REST)

    async def _open(self) -> None:
        connect = psycopg.AsyncConnection.connect
        async with (
            await connect(self._address, autocommit=True) as hearing,
            await connect(self._address, autocommit=True) as sending,
            asyncio.TaskGroup() as group,
        ):
            await hearing.execute(f"LISTEN {CHANNEL}")
            for look in self._reopened:
                await look()
            group.create_task(self._hear(hearing))
            group.create_task(self._send(sending))

    async def _hear(self, connection: "psycopg.AsyncConnection[tuple[object, ...]]") -> None:
        async for notification in connection.notifies():
            try:
                post = msgspec.json.decode(notification.payload, type=_Post)
            except msgspec.MsgspecError:
                log.warning("nudge_not_understood", payload=notification.payload[:200])
                continue
            if post.sender != self._name:
                for kind, body in post.nudges:
                    for heard in self._listeners.get(kind, ()):
                        await heard(body)

    async def _send(self, connection: "psycopg.AsyncConnection[tuple[object, ...]]") -> None:
        while True:
            await self._something.wait()
            await self._clock.sleep(GATHERING)
            self._something.clear()
            nudges, self._waiting = list(dict.fromkeys(self._waiting)), []
            for post in _posts(self._name, nudges):
                await connection.execute("SELECT pg_notify(%s, %s)", (CHANNEL, post))


def _posts(sender: str, nudges: list[tuple[str, str]]) -> list[str]:
    """The nudges in as few notifications as hold them."""
    posts: list[str] = []
    part: list[tuple[str, str]] = []
    size = 0
    for nudge in nudges:
        added = len(msgspec.json.encode(nudge)) + 1
        if part and size + added > LARGEST:
            posts.append(msgspec.json.encode(_Post(sender, part)).decode())
            part, size = [], 0
        part.append(nudge)
        size += added
    if part:
        posts.append(msgspec.json.encode(_Post(sender, part)).decode())
    return posts
