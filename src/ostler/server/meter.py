"""The meter: counts what the server does, and costs next to nothing while it does."""

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from ostler.capabilities.commands.events import CommandEnded, InvocationEnded

REQUEST_BOUNDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
STORAGE_BOUNDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0)
"""Seconds: where the histograms' buckets end."""


@dataclass(slots=True)
class Histogram:
    """How many durations fell into each bucket, and what all of them come to."""

    bounds: tuple[float, ...]
    total: float = 0.0
    counts: list[int] = field(init=False)

    def __post_init__(self) -> None:
        self.counts = [0] * (len(self.bounds) + 1)

    def add(self, seconds: float) -> None:
        """Count a duration in."""
        self.counts[bisect_left(self.bounds, seconds)] += 1
        self.total += seconds


class Meter:
    """What the gateway, the storage and the events tell as they go; one thread's alone."""

    def __init__(self) -> None:
        self.requests: Counter[tuple[str, str]] = Counter()
        """By operation and outcome."""
        self.durations: dict[str, Histogram] = {}
        """Of requests, by operation."""
        self.writes = Histogram(STORAGE_BOUNDS)
        self.reads = Histogram(STORAGE_BOUNDS)
        self.commands: Counter[str] = Counter()
        self.invocations: Counter[str] = Counter()
        """What ended, by its status in detail."""

    def answered(self, operation: str, outcome: str, seconds: float) -> None:
        """A request got its answer."""
        self.requests[operation, outcome] += 1
        durations = self.durations.get(operation)
        if durations is None:
            durations = self.durations[operation] = Histogram(REQUEST_BOUNDS)
        durations.add(seconds)

    def stored(self, seconds: float, wrote: bool) -> None:
        """A transaction was done, from the wish for it to its end."""
        (self.writes if wrote else self.reads).add(seconds)

    def heard(self, told: Iterable[Any]) -> None:
        """Events were committed."""
        for event in told:
            match event:
                case InvocationEnded():
                    self.invocations[event.details] += 1
                case CommandEnded():
                    self.commands[event.details] += 1
