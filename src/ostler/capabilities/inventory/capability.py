"""How inventory is put together."""

from datetime import timedelta

from ostler.capabilities.inventory.jobs import RETENTION, Caretaker
from ostler.capabilities.inventory.migrations import MIGRATIONS
from ostler.capabilities.inventory.operations import Operations
from ostler.capabilities.inventory.service.asking import Inventory
from ostler.capabilities.inventory.service.collecting import Collecting
from ostler.capabilities.inventory.service.counting import Counting
from ostler.capabilities.inventory.service.deleting import TIMER as DELETION
from ostler.capabilities.inventory.service.deleting import Deleting
from ostler.capabilities.inventory.service.selection import Selection
from ostler.capabilities.nodes import Nodes
from ostler.capabilities.nodes.events import NodeDeregistered
from ostler.capabilities.tags import Tags
from ostler.foundation.capability import Capability, Foundation

KEPT = timedelta(days=30)


def build(
    foundation: Foundation,
    *,
    nodes: Nodes,
    tags: Tags,
    items_for: timedelta = KEPT,
    changes_for: timedelta = KEPT,
) -> Capability:
    """Put inventory together.

    What nobody confirmed for `items_for` is dropped; so is the history before `changes_for`.
    """
    storage, clock = foundation.storage, foundation.clock
    selection = Selection(clock, nodes, tags)
    inventory = Inventory(storage, selection)
    collecting = Collecting(storage, clock, nodes)
    deleting = Deleting(storage, clock, foundation.ids)
    caretaker = Caretaker(
        storage, clock, collecting, deleting, items_for=items_for, changes_for=changes_for
    )
    return Capability(
        name="inventory",
        service=inventory,
        operations=[Operations(inventory, collecting, Counting(storage, selection), deleting)],
        listeners=[(NodeDeregistered, caretaker.forget)],
        jobs=[(RETENTION, caretaker.drop_old), (DELETION, caretaker.delete)],
        migrations=MIGRATIONS,
        start=caretaker.start,
    )
