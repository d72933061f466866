"""Syncing: copies of the inventory are kept in a bucket, up to date by themselves."""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Any, Protocol

import msgspec

from ostler.capabilities.inventory.errors import (
    ResourceDataSyncAlreadyExistsException,
    ResourceDataSyncCountExceededException,
    ResourceDataSyncInvalidConfigurationException,
    ResourceDataSyncNotFoundException,
)
from ostler.capabilities.inventory.model.syncs import (
    MOST_SYNCS,
    Destination,
    Direction,
    Sync,
    SyncStatus,
    check_sync,
)
from ostler.capabilities.inventory.service.selection import Selection
from ostler.capabilities.inventory.store import items
from ostler.capabilities.inventory.store import syncs as store
from ostler.foundation.call import Call, Caller
from ostler.foundation.clock import Clock
from ostler.foundation.errors import ApiError
from ostler.foundation.ids import Ids, NodeId
from ostler.foundation.paging import Page, PageRequest
from ostler.foundation.policy import Policy
from ostler.foundation.storage import Scope, Storage, Transaction
from ostler.foundation.timers import Due
from ostler.grammar.inventory import KNOWN, SCHEMAS

WHOLE = "inventory.sync"
"""The timer of a sync that has to copy everything; its key is the sync's name."""
ONE = "inventory.sync-node"
"""The timer of a node's type that changed; its key is both."""

SOON = timedelta(seconds=5)
"""So long changes are waited for, so that many of them make one copy."""
AGAIN = timedelta(hours=1)
"""A sync that failed copies everything again after this time."""

_NODES_AT_ONCE = 50


class Storeroom(Protocol):
    """Keeps objects in buckets."""

    async def put(
        self, call: Call, bucket: str, key: str, content: AsyncIterator[bytes], content_type: str
    ) -> None: ...


class Syncing:
    """The syncs of accounts, and the copies they make."""

    def __init__(
        self,
        storage: Storage,
        clock: Clock,
        ids: Ids,
        selection: Selection,
        storeroom: Storeroom,
    ) -> None:
        self._storage = storage
        self._clock = clock
        self._ids = ids
        self._selection = selection
        self._storeroom = storeroom

    async def create(
        self,
        call: Call,
        name: str,
        direction: Direction,
        destination: Destination | None,
        source: Mapping[str, Any],
    ) -> None:
        """Begin to keep copies in a bucket; the caller must be allowed to put them there."""
        await call.allow(call.arn("resource-data-sync", name))
        check_sync(direction, destination, source)
        if destination is not None:
            start = f"{destination.prefix}/" if destination.prefix else ""
            await call.allow(f"arn:aws:s3:::{destination.bucket}/{start}*", action="s3:PutObject")
        now = self._clock.now()
        sync = Sync(name, direction, now, now, destination, source)

        def create(tx: Transaction) -> None:
            if store.find(tx, name) is not None:
                raise ResourceDataSyncAlreadyExistsException(SyncName=name)
            if store.count(tx, direction) >= MOST_SYNCS:
                raise ResourceDataSyncCountExceededException(
                    f"There may be {MOST_SYNCS} syncs of type {direction}."
                )
            store.keep(tx, sync)
            if direction is Direction.OUT:
                tx.schedule(WHOLE, name, now)

        await self._storage.write(call.scope, create)

    async def update(self, call: Call, name: str, direction: Direction, source: Any) -> None:
        """Change where a sync's data come from; what goes out cannot be changed."""
        await call.allow(call.arn("resource-data-sync", name))
        if direction is not Direction.IN:
            raise ResourceDataSyncInvalidConfigurationException(
                f"Only syncs of type {Direction.IN} can be changed."
            )

        def change(tx: Transaction) -> None:
            sync = _existing(tx, name, direction)
            store.keep(tx, replace(sync, source=source, modified=self._clock.now()))

        await self._storage.write(call.scope, change)

    async def delete(self, call: Call, name: str, direction: Direction | None) -> None:
        """Copy no more; what was copied stays where it is."""
        await call.allow(call.arn("resource-data-sync", name))

        def delete(tx: Transaction) -> None:
            _existing(tx, name, direction)
            store.remove(tx, name)
            tx.unschedule(WHOLE, name)

        await self._storage.write(call.scope, delete)

    async def list(self, call: Call, direction: Direction | None, asked: PageRequest) -> Page[Sync]:
        """The syncs, by name."""
        await call.allow()
        return await self._storage.read(
            call.scope, partial(store.page, asked=asked, direction=direction)
        )

    async def changed(self, scope: Scope, node: str, type_name: str) -> None:
        """A node told something new of a type: see to it that it is copied."""

        def plan(tx: Transaction) -> None:
            if store.outward(tx):
                payload = {"node": node, "type_name": type_name}
                due = self._clock.now() + SOON
                tx.schedule(ONE, f"{node} {type_name}", due, payload)

        await self._storage.write(scope, plan)

    async def copy_one(self, due: Due) -> None:
        """Copy a node's type into the bucket of every sync."""
        syncs = await self._storage.read(due.scope, store.outward)
        node, type_name = NodeId(due.payload["node"]), due.payload["type_name"]
        for sync in syncs:
            await self._noted(due.scope, sync, [(node, type_name)])
        await self._storage.write(due.scope, lambda tx: tx.finish(due))

    async def copy_all(self, due: Due) -> None:
        """Copy everything that there is into the bucket of a sync; again, if that failed."""
        sync = await self._storage.read(due.scope, partial(store.find, name=due.key))
        if sync is None:
            await self._storage.write(due.scope, lambda tx: tx.finish(due))
            return
        nodes = await self._storage.read(due.scope, lambda tx: list(self._selection.fleet(tx)))
        done = True
        for start in range(0, len(nodes), _NODES_AT_ONCE):
            some = nodes[start : start + _NODES_AT_ONCE]
            wanted = [(node, type_name) for node in some for type_name in SCHEMAS]
            done = done and await self._noted(due.scope, sync, wanted)

        def finish(tx: Transaction) -> None:
            tx.finish(due)
            if not done:
                tx.schedule(WHOLE, due.key, self._clock.now() + AGAIN)

        await self._storage.write(due.scope, finish)

    async def _noted(self, scope: Scope, sync: Sync, wanted: Sequence[tuple[NodeId, str]]) -> bool:
        """Copy, and note in the sync how it went; whether it went well."""
        status, message = SyncStatus.SUCCESSFUL, ""
        try:
            for node, type_name in wanted:
                await self._copy(scope, sync, node, type_name)
        except ApiError as error:
            status, message = SyncStatus.FAILED, f"{error.code}: {error.message}"
        now = self._clock.now()
        await self._storage.write(
            scope, partial(store.note, name=sync.name, at=now, status=status, message=message)
        )
        return status is SyncStatus.SUCCESSFUL

    async def _copy(self, scope: Scope, sync: Sync, node: NodeId, type_name: str) -> None:
        destination = sync.destination
        assert destination is not None
        lines = await self._storage.read(
            scope, partial(self._lines, node=node, type_name=type_name)
        )
        if lines is None:
            return
        key = destination.key(scope.account, scope.region, type_name, node)
        call = self._call(scope, destination)
        await self._storeroom.put(call, destination.bucket, key, _whole(lines), "application/json")

    def _lines(self, tx: Transaction, node: NodeId, type_name: str) -> bytes | None:
        """A node's entries of a type, a line each; None where it told nothing of the type."""
        if type_name in KNOWN:
            found = self._selection.find(tx, node)
            if found is None:
                return None
            entries = self._selection.known(tx, [found], type_name)[node]
            captured, version = self._clock.now().strftime("%Y-%m-%dT%H:%M:%SZ"), "1.0"
        else:
            item = items.find(tx, node, [type_name]).get(type_name)
            if item is None:
                return None
            entries = items.of_nodes(tx, [node], type_name).get(node, [])
            captured, version = item.captured, item.version
        told = {"resourceId": node, "captureTime": captured, "schemaVersion": version}
        return b"".join(msgspec.json.encode({**entry, **told}) + b"\n" for entry in entries)

    def _call(self, scope: Scope, destination: Destination) -> Call:
        """The house itself, which may put objects into that bucket and nothing more."""
        may = Policy.parse(
            {
                "Version": "2012-10-17",
                "Statement": {
                    "Effect": "Allow",
                    "Action": "s3:PutObject",
                    "Resource": f"arn:aws:s3:::{destination.bucket}/*",
                },
            }
        )
        role = "AWSServiceRoleForAmazonSSM"
        return Call(
            scope=scope,
            caller=Caller(
                arn=f"arn:aws:sts::{scope.account}:assumed-role/{role}/resource-data-sync",
                account=scope.account,
                user_id=role,
                policies=(may,),
            ),
            request_id=self._ids.uuid(),
            action="s3:PutObject",
            at=self._clock.now(),
        )


def _existing(tx: Transaction, name: str, direction: Direction | None) -> Sync:
    sync = store.find(tx, name)
    if sync is None or direction not in (None, sync.direction):
        raise ResourceDataSyncNotFoundException(
            f"There is no sync {name}.", SyncName=name, SyncType=direction or ""
        )
    return sync


async def _whole(content: bytes) -> AsyncIterator[bytes]:
    yield content
