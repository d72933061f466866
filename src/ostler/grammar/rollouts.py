"""Rollouts: how many nodes may run at once, and when enough have failed."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

T = TypeVar("T")

DEFAULT_CONCURRENCY = "50"
DEFAULT_ERRORS = "0"

_CONCURRENCY = re.compile(r"[1-9][0-9]*|[1-9][0-9]?%|100%")
_ERRORS = re.compile(r"0|[1-9][0-9]*|[1-9]?[0-9]%|100%")


class RolloutFault(Exception):
    """A limit that is neither a number nor a percentage."""


@dataclass(frozen=True, slots=True)
class Rollout:
    """The two limits, in numbers of targets.

    What counts as an error is the caller's to say: for commands, Failed and ExecutionTimedOut do,
    while Undeliverable, DeliveryTimedOut, InvalidPlatform and AccessDenied do not.
    """

    max_concurrency: int
    max_errors: int

    @classmethod
    def of(cls, max_concurrency: str, max_errors: str, targets: int) -> "Rollout":
        """The limits as the API writes them, "10" or "10%", for so many targets.

        Parts of a target are cut off: 10% of 50 nodes are 5 errors, the sixth stops; and 10% of
        19 nodes are 1. At least one node may always run.
        """
        if not _CONCURRENCY.fullmatch(max_concurrency):
            raise RolloutFault(f"{max_concurrency} is not a number of targets or a percentage.")
        if not _ERRORS.fullmatch(max_errors):
            raise RolloutFault(f"{max_errors} is not a number of errors or a percentage.")
        return cls(max(1, _share(max_concurrency, targets)), _share(max_errors, targets))

    def next_wave(self, running: int, failed: int, waiting: Sequence[T]) -> Sequence[T]:
        """Whom to start now; nobody, once too many have failed."""
        return () if self.stopped(failed) else waiting[: max(0, self.max_concurrency - running)]

    def stopped(self, failed: int) -> bool:
        """Whether the errors exceed their limit: those running end, those waiting never start."""
        return failed > self.max_errors


def _share(limit: str, targets: int) -> int:
    if limit.endswith("%"):
        return int(limit[:-1]) * targets // 100
    return int(limit)
