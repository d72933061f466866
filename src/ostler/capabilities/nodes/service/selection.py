"""Selection: filters and targets as the store understands them."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from ostler.capabilities.nodes.model.filters import (
    AnyKey,
    Clause,
    Condition,
    Field,
    Relation,
    Tagged,
)
from ostler.capabilities.nodes.model.nodes import RESOURCE_TYPE
from ostler.capabilities.nodes.service.neighbours import Associations
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


def wanted(
    tags: Tags, associations: Associations, at: datetime, clauses: Iterable[Clause]
) -> Wanted:
    """The nodes that every clause means, as they are at that instant."""
    conditions: list[Condition] = []
    among: list[Any] = []
    apart: list[Any] = []
    for clause in clauses:
        match clause:
            case Condition(field, values, Relation.EQUAL | Relation.NOT_EQUAL as relation) if (
                ids := _associated(associations, field, values)
            ) is not None:
                (among if relation is Relation.EQUAL else apart).append(ids)
            case Condition():
                conditions.append(clause)
            case Tagged(key, values):
                among.append(tags.carriers(RESOURCE_TYPE, [key], values))
            case AnyKey(keys):
                among.append(tags.carriers(RESOURCE_TYPE, keys))
    return Wanted(at, conditions, among, apart)


def _associated(associations: Associations, field: Field, values: Sequence[str]) -> Any:
    """The nodes of which State Manager says so; None for what it does not know."""
    match field:
        case Field.ASSOCIATION_STATUS:
            return associations.standing(values)
        case Field.DOCUMENT_NAME:
            return associations.running(values)
        case _:
            return None
