"""Deleting: an account lets go of one of its own types, or of what nodes told of it."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial

from ostler.capabilities.inventory.errors import (
    InvalidDeleteInventoryParametersException,
    InvalidDeletionIdException,
    InvalidTypeNameException,
)
from ostler.capabilities.inventory.events import inventory_deleted
from ostler.capabilities.inventory.model.deletions import Deletion, Progress, SchemaDeletion
from ostler.capabilities.inventory.store import deletions as store
from ostler.capabilities.inventory.store import items
from ostler.foundation.call import Call
from ostler.foundation.clock import Clock
from ostler.foundation.ids import Ids
from ostler.foundation.paging import Page, PageRequest
from ostler.foundation.storage import Storage, Transaction
from ostler.foundation.timers import Due
from ostler.grammar.inventory import CUSTOM

TIMER = "inventory.deletion"
"""The timer of a deletion that has something left to do; its key is the deletion's id."""

_NODES_AT_ONCE = 100


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be deleted; `token` makes asking twice the same as asking once."""

    type_name: str
    schema: SchemaDeletion | None
    dry_run: bool
    token: str


class Deleting:
    """Deletes a type's items, some nodes at a time."""

    def __init__(self, storage: Storage, clock: Clock, ids: Ids) -> None:
        self._storage = storage
        self._clock = clock
        self._ids = ids

    async def delete(self, call: Call, order: Order) -> Deletion:
        """Begin a deletion; a dry run only tells what it would delete, and has no id."""
        await call.allow()
        if not order.type_name.startswith(CUSTOM):
            raise InvalidTypeNameException(
                f"{order.type_name} cannot be deleted: only types that begin with {CUSTOM} can."
            )

        def begin(tx: Transaction) -> Deletion:
            schema = items.custom_schemas(tx).get(order.type_name)
            asked = store.asked_as(tx, order.token) if order.token else None
            if asked is not None:
                if asked.type_name != order.type_name:
                    raise InvalidDeleteInventoryParametersException(
                        f"The client token was used for the type {asked.type_name} before."
                    )
                return asked
            if schema is None:
                raise InvalidTypeNameException(f"There is no type {order.type_name}.")
            deletion = self._new(order, store.counts(tx, order.type_name))
            if order.dry_run:
                return deletion
            store.begin(tx, deletion, order.token)
            tx.schedule(TIMER, deletion.id, self._clock.now())
            match order.schema:
                case SchemaDeletion.DISABLE:
                    items.keep_schema(tx, replace(schema, disabled=schema.version))
                case SchemaDeletion.DELETE:
                    items.drop_schema(tx, order.type_name)
            return deletion

        if order.dry_run:
            return await self._storage.read(call.scope, begin)
        return await self._storage.write(call.scope, begin)

    async def describe(
        self, call: Call, deletion: str | None, asked: PageRequest
    ) -> Page[Deletion]:
        """Deletions of the last 30 days, the newest first."""
        await call.allow()
        page = await self._storage.read(
            call.scope, partial(store.page, asked=asked, deletion=deletion)
        )
        if deletion is not None and not page.items:
            raise InvalidDeletionIdException(f"There is no deletion {deletion}.")
        return page

    async def go_on(self, due: Due) -> None:
        """Delete what some more nodes told; come again until nothing is left."""

        def go_on(tx: Transaction) -> bool:
            deletion = store.find(tx, due.key)
            if deletion is None or deletion.progress is Progress.COMPLETE:
                tx.finish(due)
                return True
            for node in store.telling(tx, deletion.type_name, _NODES_AT_ONCE):
                items.drop(tx, node, deletion.type_name)
                arn = f"arn:aws:ssm:{due.scope.region}:{due.scope.account}:managed-instance/{node}"
                tx.tell(inventory_deleted(arn, node=node, type_name=deletion.type_name))
            left = store.counts(tx, deletion.type_name)
            done = not left
            store.go_on(
                tx,
                replace(
                    deletion,
                    updated=self._clock.now(),
                    progress=Progress.COMPLETE if done else Progress.IN_PROGRESS,
                    left={version: left.get(version, 0) for version in deletion.total},
                ),
            )
            if done:
                tx.finish(due)
            return done

        while not await self._storage.write(due.scope, go_on):
            pass

    def _new(self, order: Order, counts: Mapping[str, int]) -> Deletion:
        now = self._clock.now()
        return Deletion(
            id="" if order.dry_run else self._ids.uuid(),
            type_name=order.type_name,
            started=now,
            updated=now,
            progress=Progress.IN_PROGRESS,
            total=counts,
            left=counts,
        )
