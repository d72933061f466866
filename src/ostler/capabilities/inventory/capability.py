"""How inventory is put together."""

from datetime import timedelta

from ostler.capabilities.inventory.events import InventoryChanged
from ostler.capabilities.inventory.jobs import RETENTION, Caretaker, Copyist
from ostler.capabilities.inventory.migrations import MIGRATIONS
from ostler.capabilities.inventory.operations import ItemOperations, SyncOperations
from ostler.capabilities.inventory.service.asking import Inventory
from ostler.capabilities.inventory.service.collecting import Collecting
from ostler.capabilities.inventory.service.counting import Counting
from ostler.capabilities.inventory.service.deleting import TIMER as DELETION
from ostler.capabilities.inventory.service.deleting import Deleting
from ostler.capabilities.inventory.service.selection import Selection
from ostler.capabilities.inventory.service.syncing import ONE, WHOLE, Storeroom, Syncing
from ostler.capabilities.nodes import Nodes
from ostler.capabilities.nodes.events import NodeDeregistered, NodePingStatusChanged
from ostler.capabilities.tags import Tags
from ostler.foundation.capability import Capability, Foundation

KEPT = timedelta(days=30)


def build(
    foundation: Foundation,
    *,
    nodes: Nodes,
    tags: Tags,
    storeroom: Storeroom,
    items_for: timedelta = KEPT,
    changes_for: timedelta = KEPT,
) -> Capability:
    """Put inventory together.

    `storeroom` takes the copies of resource data syncs. What nobody confirmed for `items_for` is
    dropped; so is the history before `changes_for`.
    """
    storage, clock = foundation.storage, foundation.clock
    selection = Selection(clock, nodes, tags)
    inventory = Inventory(storage, selection)
    collecting = Collecting(storage, clock, nodes)
    deleting = Deleting(storage, clock, foundation.ids)
    caretaker = Caretaker(
        storage, clock, collecting, deleting, items_for=items_for, changes_for=changes_for
    )
    syncing = Syncing(storage, clock, foundation.ids, selection, storeroom)
    copyist = Copyist(syncing)
    return Capability(
        name="inventory",
        service=inventory,
        operations=[
            ItemOperations(inventory, collecting, Counting(storage, selection), deleting),
            SyncOperations(syncing),
        ],
        listeners=[
            (NodeDeregistered, caretaker.forget),
            (InventoryChanged, copyist.changed),
            (NodePingStatusChanged, copyist.heard),
        ],
        jobs=[
            (RETENTION, caretaker.drop_old),
            (DELETION, caretaker.delete),
            (ONE, copyist.copy_one),
            (WHOLE, copyist.copy_all),
        ],
        migrations=MIGRATIONS,
        start=caretaker.start,
    )
