"""Who carries a tag: what filters by tag need of the tags."""

from collections.abc import Sequence

from ostler.capabilities.parameters.model.filters import Clause, Relation, Tagged
from ostler.capabilities.parameters.model.names import RESOURCE
from ostler.capabilities.parameters.store.listing import Carriers
from ostler.capabilities.tags import Tags
from ostler.foundation.storage import Transaction


def carriers(tx: Transaction, tags: Tags, clauses: Sequence[Clause]) -> Carriers:
    """The keys of the parameters that carry the tags of these clauses."""
    return {
        clause: _beginning(tx, tags, clause)
        if clause.relation is Relation.BEGINS_WITH and clause.values
        else tags.carriers(RESOURCE, [clause.tag], clause.values)
        for clause in clauses
        if isinstance(clause, Tagged)
    }


def _beginning(tx: Transaction, tags: Tags, clause: Tagged) -> list[str]:
    keys = tags.having(tx, RESOURCE, clause.tag)
    carried = tags.of_many(tx, RESOURCE, keys)
    return [key for key in keys if carried[key][clause.tag].startswith(clause.values or ())]
