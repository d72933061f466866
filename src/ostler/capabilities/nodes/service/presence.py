"""Presence: which nodes hold a channel open, told by every server for itself.

A word that comes late from one server (the node has left me) says nothing about the others. A
server that was killed says nothing any more: its lease runs out, and its nodes count as gone
unless they have come to another.
"""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from functools import partial

import structlog

from ostler.capabilities.nodes.store import presence as store
from ostler.foundation.clock import Clock
from ostler.foundation.ids import Ids, NodeId
from ostler.foundation.storage import Scope, Storage, Transaction

LEASE = timedelta(seconds=15)
RENEWAL = timedelta(seconds=5)

log = structlog.get_logger()


class Presence:
    """What this server says of its nodes."""

    def __init__(self, storage: Storage, clock: Clock, ids: Ids) -> None:
        self._storage = storage
        self._clock = clock
        self._server = ids.uuid()
        self._lost: Callable[[], Awaitable[None]] | None = None
        self.fails = False
        """Whether the lease could not be renewed the last time."""
        self._connected: dict[tuple[Scope, NodeId], None] = {}

    def when_lost(self, look: Callable[[], Awaitable[None]]) -> None:
        """Have `look` called when a server is found to have died: its last words are lost."""
        self._lost = look

    async def connected(self, scope: Scope, node: NodeId) -> None:
        """The node has opened a channel here."""
        self._connected[scope, node] = None
        await self._storage.write(scope, partial(store.connect, server=self._server, node=node))

    async def disconnected(self, scope: Scope, node: NodeId) -> None:
        """The node has no channel here any more."""
        self._connected.pop((scope, node), None)
        await self._storage.write(scope, partial(store.disconnect, server=self._server, node=node))

    async def begin(self) -> None:
        """Be among the living servers; over a file there can be no other."""
        if self._storage.dialect == "sqlite":
            await self._storage.write(None, store.leave_all)
        await self.renew()

    async def renew(self) -> None:
        """Say that this server lives, and everything it knows if others thought otherwise."""
        now = self._clock.now()
        connected = list(self._connected)

        def renew(tx: Transaction) -> int:
            known, dropped = store.renew(tx, self._server, now, LEASE)
            if not known and connected:
                store.restore(tx, self._server, connected)
            return dropped

        if await self._storage.write(None, renew) and self._lost is not None:
            await self._lost()

    async def run(self) -> None:
        """Renew the lease in time, until cancelled."""
        while True:
            await self._clock.sleep(RENEWAL)
            try:
                await self.renew()
                self.fails = False
            except Exception:
                self.fails = True
                log.exception("presence_not_renewed")

    async def end(self) -> None:
        """Leave in order: whoever is still connected here will not be in a moment."""
        try:
            await self._storage.write(None, partial(store.leave, server=self._server))
        except Exception:
            log.exception("presence_not_ended")
