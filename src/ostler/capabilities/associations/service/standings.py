"""Standings: what State Manager tells those below it, who list nodes and delete documents."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from ostler.capabilities.associations.model import standing
from ostler.capabilities.associations.service.neighbours import document_names
from ostler.capabilities.associations.store import associations as store
from ostler.capabilities.associations.store import members as member_store
from ostler.foundation.ids import NodeId
from ostler.foundation.storage import Transaction


@dataclass(frozen=True, slots=True)
class NodeOverview:
    """How the associations of a node stand together, in AWS's words."""

    status: str = ""
    details: str = ""
    counts: Mapping[str, int] = field(default_factory=dict)
    ran: datetime | None = None
    succeeded: datetime | None = None


class Standings:
    """Knows how nodes' associations stand; fills ports of `nodes` and `documents`."""

    def overviews(self, tx: Transaction, nodes: Sequence[NodeId]) -> Mapping[NodeId, NodeOverview]:
        """How the associations of these nodes stand; nodes without any are left out."""
        found = {}
        for node, one in member_store.standings(tx, nodes).items():
            together = standing(one.counts)
            counts: dict[str, int] = {}
            for status, number in one.counts.items():
                counts[status.details] = counts.get(status.details, 0) + number
            found[node] = NodeOverview(
                together.coarse, together.details, counts, one.ran, one.succeeded
            )
        return found

    def standing(self, statuses: Sequence[str]) -> Any:
        """The nodes whose associations together stand so (Success, Pending, Failed), as a query."""
        return member_store.nodes_standing(statuses)

    def running(self, documents: Sequence[str]) -> Any:
        """The nodes with an association of one of these documents, as a query."""
        return member_store.nodes_running(documents)

    def uses(self, tx: Transaction, name: str) -> bool:
        """Whether an association runs the document, which therefore must stay."""
        scope = tx.scope
        return scope is not None and store.uses(tx, document_names(scope, name))
