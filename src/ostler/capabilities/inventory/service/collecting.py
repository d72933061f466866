"""Collecting: hear what nodes have, and keep what changed."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from functools import partial

from ostler.capabilities.inventory.errors import (
    CustomSchemaCountLimitExceededException,
    ItemContentMismatchException,
    UnsupportedInventorySchemaVersionException,
)
from ostler.capabilities.inventory.events import InventoryChanged
from ostler.capabilities.inventory.model.items import (
    MOST_CUSTOM_TYPES,
    CustomSchema,
    Item,
    Upload,
    changes_between,
    check_uploads,
    schema_of,
    version_order,
)
from ostler.capabilities.inventory.store import deletions
from ostler.capabilities.inventory.store import items as store
from ostler.capabilities.nodes import InvalidInstanceId, Nodes
from ostler.foundation.call import Call
from ostler.foundation.clock import Clock
from ostler.foundation.errors import AccessDeniedException
from ostler.foundation.ids import NodeId
from ostler.foundation.storage import Scope, Storage, Transaction
from ostler.grammar.inventory import CUSTOM

_MOST_ATTRIBUTES = 50
_DROPPED_AT_ONCE = 200


class Collecting:
    """The inventory as nodes fill it."""

    def __init__(self, storage: Storage, clock: Clock, nodes: Nodes) -> None:
        self._storage = storage
        self._clock = clock
        self._nodes = nodes

    async def put(self, call: Call, node: NodeId, uploads: Sequence[Upload]) -> None:
        """Keep what is told of a node: all of it, or nothing; a node speaks for itself alone."""
        arn = call.arn("managed-instance", node)
        await call.allow(arn)
        if call.caller.node not in (None, node):
            raise AccessDeniedException(
                f"User: {call.caller.arn} is not authorized to perform: {call.action} on "
                f"resource: {arn} because a node speaks for itself alone"
            )
        check_uploads(uploads)

        def keep(tx: Transaction) -> None:
            if self._nodes.find(tx, node) is None:
                raise InvalidInstanceId(
                    f"Instances [[{node}]] not in a valid state for account {call.account}"
                )
            self._keep(tx, node, uploads)

        await self._storage.write(call.scope, keep)

    async def forget(self, scope: Scope, node: str) -> None:
        """Drop what is kept of a node that is none any more."""
        await self._storage.write(scope, partial(store.forget, node=node))

    async def drop_old(self, items_for: timedelta, changes_for: timedelta) -> None:
        """Drop what nobody confirmed for so long, and the history before that."""
        now = self._clock.now()
        while await self._storage.write(
            None,
            partial(store.drop_received_before, instant=now - items_for, limit=_DROPPED_AT_ONCE),
        ):
            pass

        def drop(tx: Transaction) -> None:
            store.forget_changes(tx, now - changes_for)
            deletions.forget(tx, now - changes_for)

        await self._storage.write(None, drop)

    def _keep(self, tx: Transaction, node: NodeId, uploads: Sequence[Upload]) -> None:
        before = store.find(tx, node, [upload.type_name for upload in uploads])
        custom: Mapping[str, CustomSchema] = {}
        if any(upload.type_name.startswith(CUSTOM) for upload in uploads):
            custom = store.custom_schemas(tx)
        for upload in uploads:
            if upload.type_name.startswith(CUSTOM):
                custom = _learnt(tx, custom, upload)
            self._keep_one(tx, node, upload, before.get(upload.type_name), custom)

    def _keep_one(
        self,
        tx: Transaction,
        node: NodeId,
        upload: Upload,
        before: Item | None,
        custom: Mapping[str, CustomSchema],
    ) -> None:
        now = self._clock.now()
        kind = upload.type_name
        same = (
            before is not None
            and upload.content_hash != ""
            and before.content_hash == upload.content_hash
            and before.version == upload.version
        )
        if same:
            store.note(tx, node, kind, upload.captured, now)
            return
        if upload.entries is None:
            raise ItemContentMismatchException(
                f"What is kept of {kind} is not what the content hash is of; send its content.",
                TypeName=kind,
            )
        item = Item(node, kind, upload.version, upload.captured, upload.content_hash, now)
        store.keep(tx, item)
        gone, came = store.change(tx, node, kind, upload.entries)
        if before is None:
            tx.tell(InventoryChanged(node=node, type_name=kind))
        elif gone or came:
            told = changes_between(schema_of(kind, custom), gone, came)
            store.tell_changes(tx, node, kind, now, told)
            tx.tell(InventoryChanged(node=node, type_name=kind))


def _learnt(
    tx: Transaction, custom: Mapping[str, CustomSchema], upload: Upload
) -> Mapping[str, CustomSchema]:
    """The scope's own types, once the upload has told what there is to know of its type."""
    known = custom.get(upload.type_name)
    if known is None:
        if len(custom) >= MOST_CUSTOM_TYPES:
            raise CustomSchemaCountLimitExceededException(
                f"You have exceeded the limit for custom schemas: there may be {MOST_CUSTOM_TYPES}."
            )
        known = CustomSchema(upload.type_name, "")
    elif known.disabled and version_order(upload.version) <= version_order(known.disabled):
        raise UnsupportedInventorySchemaVersionException(
            f"{upload.type_name} is disabled up to version {known.disabled}."
        )
    told = {attribute for entry in upload.entries or () for attribute in entry}
    attributes = sorted({*known.attributes, *told})[:_MOST_ATTRIBUTES]
    versions = [version for version in (known.version, upload.version) if version]
    learnt = replace(
        known, version=max(versions, key=version_order), attributes=attributes, disabled=""
    )
    if learnt != known:
        store.keep_schema(tx, learnt)
    return {**custom, upload.type_name: learnt}
