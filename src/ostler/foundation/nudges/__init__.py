"""Nudges: one process of a house tells the others to look.

A nudge carries ids and no truth. It may be lost: whoever hears none finds what is due in the
database when it next looks, and looks when the way of the nudges was cut and is open again.
"""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta

import msgspec
import structlog

from ostler.foundation.clock import Clock
from ostler.foundation.ids import Ids
from ostler.foundation.nudges.ways import LARGEST, Line, Way, WayCut, way_of

__all__ = ["Nudges", "way_of"]

GATHERING = timedelta(milliseconds=3)
"""So long nudges wait for others to go with."""
REST = timedelta(seconds=1)
"""Between two tries to open the way."""

log = structlog.get_logger()

Heard = Callable[[str], Awaitable[None]]
"""Told the body of a nudge; may be told what is known already."""


class _Post(msgspec.Struct):
    """What goes over the channel at once."""

    sender: str
    nudges: list[tuple[str, str]]


class Nudges:
    """Sends and hears nudges; a house of one process has no way to send them, nor anybody to."""

    def __init__(self, way: Way | None, clock: Clock, ids: Ids) -> None:
        self._way = way
        self._clock = clock
        self._name = ids.token(16)
        self._listeners: dict[str, list[Heard]] = {}
        self._reopened: list[Callable[[], Awaitable[None]]] = []
        self._waiting: list[tuple[str, str]] = []
        self._something = asyncio.Event()

    def listen(self, kind: str, heard: Heard) -> None:
        """Have `heard` told of the nudges of that kind that other processes send."""
        self._listeners.setdefault(kind, []).append(heard)

    def when_reopened(self, look: Callable[[], Awaitable[None]]) -> None:
        """Have `look` called whenever nudges may have been missed."""
        self._reopened.append(look)

    def send(self, kind: str, body: str) -> None:
        """Tell the other processes, if there are any, without waiting."""
        if self._way is not None and len(body) < LARGEST // 2:
            self._waiting.append((kind, body))
            self._something.set()

    async def run(self) -> None:
        """Send and hear until cancelled."""
        if self._way is None:
            await asyncio.Event().wait()
            return
        while True:
            try:
                await self._use(self._way)
            except* WayCut as faults:
                log.warning("nudges_cut", because=str(faults.exceptions[0]))
            await self._clock.sleep(REST)

    async def _use(self, way: Way) -> None:
        async with way.open() as line, asyncio.TaskGroup() as group:
            for look in self._reopened:
                await look()
            group.create_task(self._hear(line))
            group.create_task(self._send(line))

    async def _hear(self, line: Line) -> None:
        async for said in line.heard():
            try:
                post = msgspec.json.decode(said, type=_Post)
            except msgspec.MsgspecError:
                log.warning("nudge_not_understood", payload=said[:200].decode(errors="replace"))
                continue
            if post.sender != self._name:
                for kind, body in post.nudges:
                    for heard in self._listeners.get(kind, ()):
                        await heard(body)

    async def _send(self, line: Line) -> None:
        while True:
            await self._something.wait()
            await self._clock.sleep(GATHERING)
            self._something.clear()
            nudges, self._waiting = list(dict.fromkeys(self._waiting)), []
            for post in _posts(self._name, nudges):
                await line.say(post)


def _posts(sender: str, nudges: list[tuple[str, str]]) -> list[bytes]:
    """The nudges in as few notifications as hold them."""
    posts: list[bytes] = []
    part: list[tuple[str, str]] = []
    size = 0
    for nudge in nudges:
        added = len(msgspec.json.encode(nudge)) + 1
        if part and size + added > LARGEST:
            posts.append(msgspec.json.encode(_Post(sender, part)))
            part, size = [], 0
        part.append(nudge)
        size += added
    if part:
        posts.append(msgspec.json.encode(_Post(sender, part)))
    return posts
