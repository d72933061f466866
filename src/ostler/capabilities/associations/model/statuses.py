"""Statuses: how an association stands on a node, and what an execution comes to."""

from collections.abc import Mapping
from enum import StrEnum


class Status(StrEnum):
    """How an association stands on a node; AWS's detailed words, but for `WAITING`.

    WAITING: others go first. PENDING: the node may begin, and has not.
    """

    ASSOCIATED = "Associated"
    WAITING = "Waiting"
    PENDING = "Pending"
    IN_PROGRESS = "InProgress"
    SUCCESS = "Success"
    SKIPPED = "Skipped"
    FAILED = "Failed"
    TIMED_OUT = "TimedOut"

    @property
    def final(self) -> bool:
        return self in (Status.SUCCESS, Status.SKIPPED, Status.FAILED, Status.TIMED_OUT)

    @property
    def error(self) -> bool:
        """Whether it counts towards MaxErrors."""
        return self in (Status.FAILED, Status.TIMED_OUT)

    @property
    def details(self) -> str:
        """AWS's detailed word."""
        return "Pending" if self is Status.WAITING else self.value

    @property
    def coarse(self) -> str:
        """One of the three words that clients wait for: Pending, Success or Failed."""
        if self.error:
            return "Failed"
        return "Success" if self.final else "Pending"


OPEN = tuple(status for status in Status if not status.final and status is not Status.ASSOCIATED)
ERRORS = tuple(status for status in Status if status.error)

Tally = Mapping[Status, int]
"""How many nodes stand how."""


def moved(tally: Tally, former: Status, latter: Status, number: int = 1) -> dict[Status, int]:
    """The tally after so many nodes turned."""
    after = dict(tally)
    after[former] = after.get(former, 0) - number
    after[latter] = after.get(latter, 0) + number
    return {status: count for status, count in after.items() if count}


def outcome(tally: Tally) -> Status:
    """What the nodes come to together.

    Timed out only if nothing worse happened: a run that hangs is told apart from one that failed.
    """
    if any(tally.get(status) for status in OPEN):
        begun = any(count for status, count in tally.items() if status not in _UNBEGUN)
        return Status.IN_PROGRESS if begun else Status.PENDING
    if tally.get(Status.FAILED):
        return Status.FAILED
    if tally.get(Status.TIMED_OUT):
        return Status.TIMED_OUT
    return Status.SUCCESS if tally.get(Status.SUCCESS) else Status.SKIPPED


_UNBEGUN = (Status.WAITING, Status.PENDING, Status.ASSOCIATED)


def standing(tally: Tally) -> Status:
    """How an association stands, given how it stands on its nodes."""
    if not tally or set(tally) == {Status.ASSOCIATED}:
        return Status.ASSOCIATED
    return outcome({status: n for status, n in tally.items() if status is not Status.ASSOCIATED})
