"""The reporter: says every reply until the server has said that it knows, over whatever line."""

import asyncio
import logging
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import Protocol

from ostler.agent.replies import Reply
from ostler.agent.waiting import first
from ostler.foundation.clock import Clock

AGAIN_FIRST = timedelta(seconds=5)
AGAIN_LATEST = timedelta(seconds=60)
"""How long an acknowledgement is waited for before a reply is said again."""

IN_FLIGHT = 16
"""So many replies may wait for their acknowledgement; a server drops what comes too fast."""

log = logging.getLogger(__name__)


class Line(Protocol):
    """A way to the server that is open now."""

    async def reply(self, reply: Reply) -> bool:
        """Send a reply; True when the server has it, False when it will say so later."""
        ...


class Reporter:
    """All replies that the server may not have yet."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._pending: dict[str, tuple[Reply, Callable[[str], None]]] = {}
        self._changed = asyncio.Event()
        self._arrived = asyncio.Event()

    @property
    def pending(self) -> list[Reply]:
        """What the server may not have yet, oldest first."""
        return [reply for reply, _ in self._pending.values()]

    def tell(self, reply: Reply, arrived: Callable[[str], None]) -> None:
        """Say it, now and again; `arrived` is called with its id once the server has it."""
        self._pending[reply.message_id] = reply, arrived
        self._changed.set()

    def acknowledged(self, message_id: str) -> None:
        """The server has the reply of that id."""
        _, arrived = self._pending.pop(message_id, (None, None))
        if arrived is not None:
            arrived(message_id)
            self._arrived.set()
            self._changed.set()

    async def settled(self, message_ids: Iterable[str], within: timedelta) -> None:
        """Wait until the server has these replies, but not for ever."""
        wanted = set(message_ids)
        until = self._clock.now() + within
        while wanted & self._pending.keys() and self._clock.now() < until:
            self._arrived.clear()
            await first(self._arrived.wait(), self._clock.sleep_until(until))

    async def carry(self, line: Line) -> None:
        """Say what is to be said over a line, for as long as it is open."""
        sent: dict[str, tuple[int, datetime]] = {}
        while True:
            self._changed.clear()
            await self._say_what_is_due(line, sent)
            for name in sent.keys() - self._pending.keys():
                del sent[name]
            if self._changed.is_set():
                continue
            if not self._pending:
                await self._changed.wait()
                continue
            soonest = min((again for _, again in sent.values()), default=self._clock.now())
            await first(self._changed.wait(), self._clock.sleep_until(soonest))

    async def _say_what_is_due(self, line: Line, sent: dict[str, tuple[int, datetime]]) -> None:
        """Say what was never said or not heard for long; only so much of it at once.

        `sent` knows how often each was said over this line, and when it will be said again.
        """
        for reply in self.pending:
            now = self._clock.now()
            times, again = sent.get(reply.message_id, (0, now))
            if again > now or reply.message_id not in self._pending:
                continue
            lately = sum(1 for n, due in sent.values() if due > now and n == 1)
            if lately >= IN_FLIGHT:
                return
            wait = min(AGAIN_LATEST, AGAIN_FIRST * (1 << min(times, 8)))
            sent[reply.message_id] = times + 1, now + wait
            if await line.reply(reply):
                self.acknowledged(reply.message_id)
