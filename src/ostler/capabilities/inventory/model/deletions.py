"""Deletions: an account's custom type, or only what nodes have of it, goes away bit by bit."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

KEPT = timedelta(days=30)
"""So long a deletion that is complete can be looked at."""


class SchemaDeletion(StrEnum):
    """What becomes of the type itself."""

    DISABLE = "DisableSchema"
    DELETE = "DeleteSchema"


class Progress(StrEnum):
    """How far a deletion is."""

    IN_PROGRESS = "InProgress"
    COMPLETE = "Complete"


@dataclass(frozen=True, slots=True)
class Deletion:
    """What is deleted: how many nodes' items there were and are left, by schema version."""

    id: str
    type_name: str
    started: datetime
    updated: datetime
    progress: Progress
    total: Mapping[str, int]
    left: Mapping[str, int]

    @property
    def message(self) -> str:
        """The progress, for people."""
        if self.progress is Progress.COMPLETE:
            return "Deletion is completed."
        return f"{sum(self.left.values())} of {sum(self.total.values())} nodes are left."
