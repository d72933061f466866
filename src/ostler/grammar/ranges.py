"""Ranges of bytes, as the HTTP header `Range` asks for them."""

import re
from dataclasses import dataclass

_RANGE = re.compile(r"bytes=(\d{0,15})-(\d{0,15})", re.ASCII)


@dataclass(frozen=True, slots=True)
class Part:
    """The bytes of something that are asked for, from `start` up to `end`, of `size` in all."""

    start: int
    end: int
    size: int

    @property
    def whole(self) -> bool:
        return self.end - self.start == self.size

    @property
    def told(self) -> str:
        """The part, as the header `Content-Range` tells it."""
        return f"bytes {self.start}-{self.end - 1}/{self.size}"


def part_of(asked: str, size: int) -> Part | None:
    """What `asked`, a Range header, wants of `size` bytes; None where there is nothing of it.

    Who asks for several ranges, or in words that mean none, gets the whole.
    """
    wanted = _RANGE.fullmatch(asked)
    match wanted.groups() if wanted else ("", ""):
        case ("", ""):
            return Part(0, size, size)
        case ("", last):
            start, end = max(0, size - int(last)), size
        case (first, ""):
            start, end = int(first), size
        case (first, last):
            start, end = int(first), min(int(last) + 1, size)
            if int(last) < int(first):
                return Part(0, size, size)
    return Part(start, end, size) if start < end else None
