"""Selection: filters and targets as the store understands them."""

from collections.abc import Iterable
from datetime import datetime

from ostler.capabilities.nodes.model.filters import AnyKey, Clause, Condition, Tagged
from ostler.capabilities.nodes.model.nodes import RESOURCE_TYPE
from ostler.capabilities.nodes.store.conditions import Wanted
from ostler.capabilities.tags import Tags
from ostler.foundation.storage import Transaction


def carrying(tags: Tags, tx: Transaction, clauses: Iterable[Tagged | AnyKey]) -> set[str]:
    """The ids of the nodes that every clause means; there is one at least."""

    def meant(clause: Tagged | AnyKey) -> set[str]:
        match clause:
            case Tagged(key, values):
                return set(tags.having(tx, RESOURCE_TYPE, key, values))
            case AnyKey(keys):
                return {node for key in keys for node in tags.having(tx, RESOURCE_TYPE, key)}

    return set.intersection(*(meant(clause) for clause in clauses))


def wanted(tags: Tags, at: datetime, clauses: Iterable[Clause]) -> Wanted:
    """The nodes that every clause means, as they are at that instant."""
    conditions, among = [], []
    for clause in clauses:
        match clause:
            case Condition():
                conditions.append(clause)
            case Tagged(key, values):
                among.append(tags.carriers(RESOURCE_TYPE, [key], values))
            case AnyKey(keys):
                among.append(tags.carriers(RESOURCE_TYPE, keys))
    return Wanted(at, conditions, among)
