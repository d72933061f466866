"""The trace: what happened in a simulation, line by line, and a digest of all of it."""

import hashlib
from collections import deque
from typing import TextIO

from tests.simulation.loop import VirtualLoop

_KEPT = 400


class Trace:
    """What happened; two runs of one seed have the same digest or are not the same."""

    def __init__(self, loop: VirtualLoop, to: TextIO | None = None) -> None:
        self._loop = loop
        self._to = to
        self._digest = hashlib.blake2b(digest_size=16)
        self.last: deque[str] = deque(maxlen=_KEPT)
        self.lines = 0

    def note(self, who: str, what: str, *details: object) -> None:
        """Write a line down."""
        line = f"{self._loop.time():>13.6f} {who:<10} {what} {' '.join(map(str, details))}".rstrip()
        self._digest.update(line.encode())
        self._digest.update(b"\n")
        self.last.append(line)
        self.lines += 1
        if self._to is not None:
            self._to.write(f"{line}\n")

    @property
    def digest(self) -> str:
        return self._digest.hexdigest()
