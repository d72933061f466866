"""Room: how much of requests may be in memory at once, all connections together."""

from collections.abc import Iterator
from contextlib import contextmanager

SMALL = 64 * 1024
"""Bytes of a body that anybody may send; for more there must be room, and a key that exists."""
MOST = 64 * 1024 * 1024


class NoRoom(Exception):
    """Too much is in memory already: whoever asks should try again."""


class Room:
    """Room for so many bytes of large bodies; small ones are bounded by the connections."""

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._taken = 0

    @contextmanager
    def taken(self, size: int) -> Iterator[None]:
        """Have room for a body as long as the block lasts, or raise NoRoom."""
        size = size if size > SMALL else 0
        if size and self._taken + size > self._most:
            raise NoRoom
        self._taken += size
        try:
            yield
        finally:
            self._taken -= size
