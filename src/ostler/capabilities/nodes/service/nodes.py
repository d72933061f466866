"""Nodes: what the fleet does for its neighbours."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Protocol

from ostler.capabilities.nodes.model.filters import AnyKey, Tagged
from ostler.capabilities.nodes.model.nodes import RESOURCE_TYPE, SILENCE, Node, PingStatus
from ostler.capabilities.nodes.service.faults import invalid_nodes
from ostler.capabilities.nodes.service.heartbeats import Heartbeats
from ostler.capabilities.nodes.service.presence import Presence
from ostler.capabilities.nodes.service.selection import carrying
from ostler.capabilities.nodes.store import nodes as store
from ostler.capabilities.tags import Tags
from ostler.foundation.call import Call
from ostler.foundation.clock import Clock
from ostler.foundation.errors import NotYetImplemented
from ostler.foundation.ids import AccountId, NodeId, Region
from ostler.foundation.storage import Scope, Storage, Transaction
from ostler.grammar.targets import Targets


class TargetGroups(Protocol):
    """Knows which nodes a resource group has."""

    async def members(
        self, call: Call, group: str, resource_types: Sequence[str]
    ) -> Sequence[NodeId]: ...


class Nodes:
    """Finds nodes, by id, by tag and by key, and is told where they are.

    Nothing here asks for permission: whoever acts on nodes asks for the deed, on `node.arn`.
    """

    def __init__(
        self,
        storage: Storage,
        clock: Clock,
        tags: Tags,
        heartbeats: Heartbeats,
        presence: Presence,
        groups: TargetGroups | None = None,
    ) -> None:
        self._storage = storage
        self._clock = clock
        self._tags = tags
        self._heartbeats = heartbeats
        self.presence = presence
        self._groups = groups

    async def resolve(self, call: Call, targets: Targets) -> Sequence[Node]:
        """The nodes that fit every target, in the order of ids; silent ones are among them.

        An id that is no node's is InvalidInstanceId; a tag that nobody carries means nobody.
        """
        ids = None if targets.ids is None else [NodeId(node) for node in targets.ids]
        for group in targets.groups:
            members = await self._members(call, group, targets.resource_types)
            ids = [node for node in members if ids is None or node in ids]
        clauses = _clauses(targets)
        if ids is not None:
            named = await self.get_many(call, ids)
            if not clauses:
                return sorted(named, key=lambda node: node.id)
        if ids is None and not clauses and not targets.every:
            return []

        def find(tx: Transaction) -> Sequence[Node]:
            if not clauses:
                return store.every(tx)
            fitting = carrying(self._tags, tx, clauses)
            if ids is not None:
                fitting &= set(ids)
            found = store.find_many(tx, [NodeId(node) for node in sorted(fitting)])
            return sorted(found.values(), key=lambda node: node.id)

        return await self._storage.read(call.scope, find)

    async def get_many(self, call: Call, ids: Sequence[NodeId]) -> Sequence[Node]:
        """The nodes in the order of the ids; InvalidInstanceId names those that are none."""
        asked = list(dict.fromkeys(ids))
        found = await self._storage.read(call.scope, partial(store.find_many, ids=asked))
        if missing := [node for node in asked if node not in found]:
            raise invalid_nodes(call, *missing)
        return [found[node] for node in asked]

    async def check(self, call: Call, targets: Targets) -> None:
        """Raise for targets that nobody can resolve: groups, as long as there are none."""
        for group in targets.groups:
            await self._members(call, group, targets.resource_types)

    def matching(self, tx: Transaction, targets: Targets) -> Mapping[NodeId, bool]:
        """The nodes that fit every target, each with whether it was heard lately.

        For whoever applies something again and again: ids that are no nodes, or not yet, mean
        nobody.
        """
        clauses = _clauses(targets)
        if targets.ids is None and not clauses and not targets.every:
            return {}
        if targets.ids is None and not clauses:
            found = {node.id: node for node in store.every(tx)}
        else:
            fitting = None if targets.ids is None else set(targets.ids)
            if clauses:
                having = carrying(self._tags, tx, clauses)
                fitting = having if fitting is None else fitting & having
            found = store.find_many(tx, [NodeId(node) for node in sorted(fitting or ())])
        now = self._clock.now()
        online = PingStatus.ONLINE
        return {node.id: node.ping_status(now) is online for node in found.values()}

    def labels(self, tx: Transaction, node: NodeId) -> Mapping[str, str] | None:
        """The node's tags; None when it is no node of the transaction's scope."""
        return self._tags.of(tx, RESOURCE_TYPE, node) if store.exists(tx, node) else None

    def find(self, tx: Transaction, node: NodeId) -> Node | None:
        """The node, if the transaction's scope has it."""
        return store.find(tx, node)

    def every(self, tx: Transaction) -> Sequence[Node]:
        """Every node of the transaction's scope, in the order of ids."""
        return store.every(tx)

    async def public_key(self, region: Region, node: NodeId) -> tuple[AccountId, bytes] | None:
        """Whose the node is, and its public key as DER: how a node's signature is verified."""
        return await self._storage.read(None, partial(store.public_key, region=region, node=node))

    async def census(self, at: datetime) -> Mapping[str, int]:
        """How many nodes of the whole house have which ping status."""
        every, heard = await self._storage.read(
            None, partial(store.census, heard_after=at - SILENCE)
        )
        return {PingStatus.ONLINE: heard, PingStatus.CONNECTION_LOST: every - heard}

    async def record_contact(self, scope: Scope, node: NodeId) -> None:
        """The node was heard on some channel just now."""
        await self._heartbeats.contact(scope, node)

    async def connected(self, scope: Scope, node: NodeId) -> None:
        """The node opened a control channel."""
        await self._heartbeats.connected(scope, node)

    async def disconnected(self, scope: Scope, node: NodeId) -> None:
        """The node's control channel closed."""
        await self._heartbeats.disconnected(scope, node)

    async def _members(
        self, call: Call, group: str, resource_types: Sequence[str]
    ) -> Sequence[NodeId]:
        if self._groups is None:
            raise NotYetImplemented(
                "Resource groups are not built yet; target nodes by id or by tag."
            )
        return await self._groups.members(call, group, resource_types)


def _clauses(targets: Targets) -> list[Tagged | AnyKey]:
    return [
        *(Tagged(key, tuple(values) or None) for key, values in targets.tags),
        *(AnyKey(tuple(keys)) for keys in targets.tag_keys),
    ]
