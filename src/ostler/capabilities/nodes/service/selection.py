"""Selection: filters and targets as the store understands them."""

from collections.abc import Iterable
from datetime import datetime

from ostler.capabilities.nodes.model.filters import AnyKey, Clause, Condition, Tagged
from ostler.capabilities.nodes.model.nodes import RESOURCE_TYPE
from ostler.capabilities.nodes.store.conditions import Wanted
from ostler.capabilities.tags import Tags


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
