"""What inventory does by itself: deletions go on, copies follow, and what is old goes."""

from datetime import timedelta

from ostler.capabilities.inventory.events import InventoryChanged
from ostler.capabilities.inventory.service.collecting import Collecting
from ostler.capabilities.inventory.service.deleting import Deleting
from ostler.capabilities.inventory.service.syncing import Syncing
from ostler.capabilities.nodes.events import NodeDeregistered, NodePingStatusChanged
from ostler.foundation.clock import Clock
from ostler.foundation.storage import Scope, Storage, Transaction
from ostler.foundation.timers import Due
from ostler.grammar.inventory import NODE

RETENTION = "inventory.retention"
_EVERY = timedelta(days=1)
_SOON = timedelta(minutes=5)


class Caretaker:
    """Looks after what is kept."""

    def __init__(
        self,
        storage: Storage,
        clock: Clock,
        collecting: Collecting,
        deleting: Deleting,
        *,
        items_for: timedelta,
        changes_for: timedelta,
    ) -> None:
        self._storage = storage
        self._clock = clock
        self._collecting = collecting
        self._deleting = deleting
        self._items_for = items_for
        self._changes_for = changes_for

    async def start(self) -> None:
        """See to it that what is old goes for the first time."""
        soon = self._clock.now() + _SOON
        await self._storage.write(None, lambda tx: tx.schedule(RETENTION, "daily", soon))

    async def drop_old(self, due: Due) -> None:
        """Drop what nobody confirmed for too long, and come again tomorrow."""
        await self._collecting.drop_old(self._items_for, self._changes_for)

        def again(tx: Transaction) -> None:
            tx.finish(due)
            tx.schedule(RETENTION, "daily", self._clock.now() + _EVERY)

        await self._storage.write(None, again)

    async def delete(self, due: Due) -> None:
        """Go on with a deletion."""
        await self._deleting.go_on(due)

    async def forget(self, scope: Scope, gone: NodeDeregistered) -> None:
        """Drop what is kept of a node that is none any more."""
        await self._collecting.forget(scope, gone.node)


class Copyist:
    """Keeps the copies of resource data syncs up to date."""

    def __init__(self, syncing: Syncing) -> None:
        self._syncing = syncing

    async def changed(self, scope: Scope, event: InventoryChanged) -> None:
        """A node told something new."""
        await self._syncing.changed(scope, event.node, event.type_name)

    async def heard(self, scope: Scope, event: NodePingStatusChanged) -> None:
        """A node is heard again, or not any more: what the house knows of it is another thing."""
        await self._syncing.changed(scope, event.node, NODE)

    async def copy_one(self, due: Due) -> None:
        """Copy what changed."""
        await self._syncing.copy_one(due)

    async def copy_all(self, due: Due) -> None:
        """Copy everything."""
        await self._syncing.copy_all(due)
