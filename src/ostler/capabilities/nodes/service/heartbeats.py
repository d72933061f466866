"""Heartbeats: what nodes say of themselves, heard many at a time, and who fell silent."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial

from ostler.capabilities.nodes.events import ping_status_changed
from ostler.capabilities.nodes.model.nodes import SILENCE, PingStatus, credible
from ostler.capabilities.nodes.service.faults import invalid_nodes
from ostler.capabilities.nodes.service.presence import Presence
from ostler.capabilities.nodes.store import heartbeats as store
from ostler.foundation.call import Call
from ostler.foundation.clock import Clock
from ostler.foundation.errors import AccessDeniedException
from ostler.foundation.ids import NodeId
from ostler.foundation.storage import Scope, Storage, Transaction

SILENCE_TIMER = "nodes.silence"
"""The timer that looks for nodes that fell silent; its key is the minute at which it looks."""

_ENOUGH = timedelta(seconds=30)
_MINUTE = timedelta(minutes=1)
_SILENT_AT_ONCE = 500


_Whose = tuple[NodeId, Scope]
_Known = frozenset[_Whose]


@dataclass(slots=True)
class _Batch:
    """What is heard while the batch before is being written."""

    heard: dict[_Whose, dict[str, str]] = field(default_factory=dict)
    written: asyncio.Task[_Known] | None = None


class Heartbeats:
    """Hears the fleet.

    A heartbeat that brings nothing new costs a share in two statements: one that reads what is
    known of every node of the batch, and one that notes when all of them were heard.
    """

    def __init__(self, storage: Storage, clock: Clock, presence: Presence) -> None:
        self._presence = presence
        self._storage = storage
        self._clock = clock
        self._batch: _Batch | None = None
        self._turn = asyncio.Lock()
        self._contacts: dict[NodeId, datetime] = {}

    async def hear(self, call: Call, node: NodeId, heard: Mapping[str, str]) -> None:
        """Keep what the node says of itself, and that it was heard."""
        await call.allow(call.arn("managed-instance", node))
        if call.caller.node != node:
            raise AccessDeniedException(
                f"User: {call.caller.arn} is not authorized to perform: {call.action} on "
                f"resource: {call.arn('managed-instance', node)} because a node speaks for "
                "itself alone"
            )
        if (node, call.scope) not in await self._written(call.scope, node, credible(heard)):
            raise invalid_nodes(call, node)

    async def contact(self, scope: Scope, node: NodeId) -> None:
        """The node was heard on a channel; noted at most twice a minute."""
        now = self._clock.now()
        if now - self._contacts.get(node, now - _ENOUGH) < _ENOUGH:
            return
        self._contacts[node] = now
        await self._written(scope, node, {})

    async def connected(self, scope: Scope, node: NodeId) -> None:
        """The node opened a control channel."""
        await self._presence.connected(scope, node)
        await self.contact(scope, node)

    async def disconnected(self, scope: Scope, node: NodeId) -> None:
        """The node's control channel closed; that alone does not make it silent."""
        self._contacts.pop(node, None)
        await self._presence.disconnected(scope, node)

    async def find_silent(self, scope: Scope) -> None:
        """Tell of the scope's nodes that fell silent, and look again when the next one may."""
        now = self._clock.now()
        while await self._storage.write(scope, partial(_fall_silent, at=now)):
            pass

    async def _written(self, scope: Scope, node: NodeId, heard: Mapping[str, str]) -> _Known:
        """Which nodes of the batch there are, once what was heard of them is durable."""
        if self._batch is None:
            self._batch = _Batch()
            self._batch.written = asyncio.create_task(self._write(self._batch))
        batch = self._batch
        batch.heard.setdefault((node, scope), {}).update(heard)
        assert batch.written is not None
        return await asyncio.shield(batch.written)

    async def _write(self, batch: _Batch) -> _Known:
        async with self._turn:
            self._batch = None
            return await self._storage.write(
                None, partial(_keep, heard=batch.heard, at=self._clock.now())
            )


def _keep(tx: Transaction, heard: Mapping[_Whose, Mapping[str, str]], at: datetime) -> _Known:
    found = store.last(tx, [node for node, _ in heard])
    known = [last for last in found if (last.node, last.scope) in heard]
    if not known:
        return frozenset()
    store.hear(tx, [last.node for last in known], at)
    told = {last.node: last.facts.told(heard[last.node, last.scope]) for last in known}
    store.tell(tx, {last.node: told[last.node] for last in known if told[last.node] != last.facts})
    awake = [last for last in known if not last.online]
    if awake:
        store.wake(tx, [last.node for last in awake])
    for last in awake:
        told_of = ping_status_changed(last.scope, last.node, PingStatus.ONLINE)
        tx.tell(told_of, scope=last.scope)
    for scope in {last.scope for last in awake}:
        _look_again(tx, at, scope)
    return frozenset((last.node, last.scope) for last in known)


def _fall_silent(tx: Transaction, at: datetime) -> bool:
    """Whether there may be more of them."""
    silent = store.fall_silent(tx, at - SILENCE, _SILENT_AT_ONCE)
    for node in silent:
        assert tx.scope is not None, "nodes fall silent within their account and region"
        tx.tell(ping_status_changed(tx.scope, node, PingStatus.CONNECTION_LOST))
    if len(silent) == _SILENT_AT_ONCE:
        return True
    heard = store.heard_longest_ago(tx)
    if heard is not None:
        _look_again(tx, heard, None)
    return False


def _look_again(tx: Transaction, heard: datetime, scope: Scope | None) -> None:
    """Look at the full minute when a node that was heard then has fallen silent.

    One timer for a minute serves every node of the scope, so that a fleet costs no more than one
    node does.
    """
    silent = heard + SILENCE
    due = silent.replace(second=0, microsecond=0)
    if due < silent:
        due += _MINUTE
    tx.schedule(SILENCE_TIMER, f"{due:%Y-%m-%dT%H:%M}", due, scope=scope)
