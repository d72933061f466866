"""Retries: how long to wait before the next try, so that many agents do not try at once."""

from datetime import timedelta

from ostler.foundation.ids import Ids

SHORTEST = timedelta(seconds=1)
LONGEST = timedelta(seconds=60)


class Retries:
    """Waits of a random length below a bound that doubles with every failure, up to a minute."""

    def __init__(self, ids: Ids, *, first: timedelta = timedelta(seconds=4)) -> None:
        self._ids = ids
        self._first = first
        self._failures = 0

    def next(self) -> timedelta:
        """How long to wait after one more failure."""
        bound = min(LONGEST, self._first * (1 << min(self._failures, 10)))
        self._failures += 1
        return SHORTEST + (bound - SHORTEST) * chance(self._ids)

    @property
    def failures(self) -> int:
        """How many failures there were in a row."""
        return self._failures

    def reset(self) -> None:
        """It worked: the next failure is a first one."""
        self._failures = 0


def chance(ids: Ids) -> float:
    """A random number from 0 up to 1."""
    return int(ids.hex(8), 16) / 2**32
