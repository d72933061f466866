"""What the fleet is told by capabilities above it."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol

from ostler.foundation.ids import NodeId
from ostler.foundation.storage import Transaction


class NodeAssociations(Protocol):
    """How the associations of a node stand together, in AWS's words; empty where it has none."""

    @property
    def status(self) -> str: ...
    @property
    def details(self) -> str: ...
    @property
    def counts(self) -> Mapping[str, int]: ...
    @property
    def ran(self) -> datetime | None: ...
    @property
    def succeeded(self) -> datetime | None: ...


class Associations(Protocol):
    """Knows how the associations of nodes stand."""

    def overviews(
        self, tx: Transaction, nodes: Sequence[NodeId]
    ) -> Mapping[NodeId, NodeAssociations]:
        """Of these nodes; those without any are left out."""
        ...

    def standing(self, statuses: Sequence[str]) -> Any:
        """The ids of the nodes whose associations together stand so, as a query."""
        ...

    def running(self, documents: Sequence[str]) -> Any:
        """The ids of the nodes with an association of one of these documents, as a query."""
        ...


class NoAssociations:
    """Nobody associates anything with nodes."""

    def overviews(
        self, tx: Transaction, nodes: Sequence[NodeId]
    ) -> Mapping[NodeId, NodeAssociations]:
        return {}

    def standing(self, statuses: Sequence[str]) -> Any:
        return None

    def running(self, documents: Sequence[str]) -> Any:
        return None
