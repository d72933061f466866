"""Tallies: how many invocations of a command stand how, and what the command makes of it."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from ostler.capabilities.commands.model.statuses import (
    DELIVERED,
    OPEN,
    SENT,
    UNSENT,
    Outcome,
    Status,
)
from ostler.grammar.rollouts import Rollout

_NEVER_REACHED = (Status.UNDELIVERABLE, Status.INVALID_PLATFORM, Status.ACCESS_DENIED)


@dataclass(frozen=True, slots=True)
class Tally:
    """The numbers of invocations by status."""

    counts: Mapping[Status, int] = field(default_factory=dict)

    @classmethod
    def of(cls, statuses: Iterable[Status]) -> "Tally":
        return cls(dict(Counter(statuses)))

    def number(self, *statuses: Status) -> int:
        """How many stand in one of `statuses`."""
        return sum(self.counts.get(status, 0) for status in statuses)

    @property
    def targets(self) -> int:
        return sum(self.counts.values())

    @property
    def completed(self) -> int:
        return self.targets - self.number(*OPEN)

    @property
    def errors(self) -> int:
        """What counts towards MaxErrors."""
        return sum(number for status, number in self.counts.items() if status.counts_as_error)

    @property
    def running(self) -> int:
        """Those who take up room in the concurrency; a silent node keeps its room."""
        return self.number(*SENT)

    @property
    def waiting(self) -> int:
        return self.number(*UNSENT)

    def moved(self, moves: Mapping[tuple[Status, Status], int]) -> "Tally":
        """The tally once so many have gone from the one status to the other."""
        counts = Counter(self.counts)
        for (former, latter), number in moves.items():
            counts[former] -= number
            counts[latter] += number
        return Tally({status: number for status, number in counts.items() if number})


def next_wave(tally: Tally, rollout: Rollout) -> int:
    """How many of those waiting start now."""
    return len(rollout.next_wave(tally.running, tally.errors, range(tally.waiting)))


def outcome(tally: Tally, rollout: Rollout, *, cancelled: bool) -> Outcome:
    """How a command stands whose invocations stand so.

    `cancelled` says that somebody cancelled the whole command, not only some of its nodes.
    """
    if tally.completed < tally.targets:
        return _open_outcome(tally, cancelled=cancelled)
    return _final_outcome(tally, rollout, cancelled=cancelled)


def _open_outcome(tally: Tally, *, cancelled: bool) -> Outcome:
    if cancelled:
        return Outcome.CANCELLING
    if tally.number(*DELIVERED) or tally.completed:
        return Outcome.IN_PROGRESS
    if tally.number(Status.DELAYED) and not tally.number(Status.PENDING):
        return Outcome.DELAYED
    return Outcome.PENDING


def _final_outcome(tally: Tally, rollout: Rollout, *, cancelled: bool) -> Outcome:
    targets = tally.targets
    stopped = tally.number(Status.CANCELLED)
    unreached = tally.number(*_NEVER_REACHED)
    late = tally.number(Status.DELIVERY_TIMED_OUT)
    if not targets:
        return Outcome.NO_INSTANCES_IN_TAG
    if stopped and (cancelled or stopped == targets):
        return Outcome.CANCELLED
    if rollout.stopped(tally.errors):
        return Outcome.FAILED
    if late and (late == targets or rollout.stopped(late)):
        return Outcome.DELIVERY_TIMED_OUT
    if tally.number(Status.ACCESS_DENIED) == targets:
        return Outcome.ACCESS_DENIED
    if unreached == targets:
        return Outcome.FAILED
    # What could not be reached does not count, as long as somebody was.
    if tally.number(Status.SUCCESS) == targets - unreached:
        return Outcome.SUCCESS
    return Outcome.INCOMPLETE
