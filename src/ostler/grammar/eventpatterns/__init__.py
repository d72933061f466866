"""Event patterns: which events a rule or a subscription means, as EventBridge and SNS write them.

`read` understands a pattern; a `Pattern` then tells whether an event fits. What a match may cost
is bounded, whatever pattern and event are: it gives up with `TooCostly`.
"""

from dataclasses import dataclass
from typing import Any

from ostler.grammar.eventpatterns.faults import PatternFault, TooCostly
from ostler.grammar.eventpatterns.matching import Effort, fits
from ostler.grammar.eventpatterns.reading import Group, decoded, group_of

__all__ = ["Pattern", "PatternFault", "TooCostly", "decoded", "read"]


@dataclass(frozen=True, slots=True)
class Pattern:
    """A pattern, understood."""

    group: Group

    def matches(self, event: Any) -> bool:
        """Whether an event, a value as JSON has them, fits; TooCostly if that takes too long."""
        return fits(self.group, event, Effort())


def read(text: str) -> Pattern:
    """Understand a pattern; PatternFault says what is wrong with it."""
    return Pattern(group_of(decoded(text)))
