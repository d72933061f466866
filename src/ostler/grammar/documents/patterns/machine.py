"""The machine that runs a pattern: all its threads side by side, one character at a time."""

from collections.abc import Callable
from dataclasses import dataclass

MOST_INSTRUCTIONS = 20_000

Test = Callable[[str], bool]


class PatternFault(Exception):
    """The pattern is not one, or is too large to be applied."""


class Effort:
    """How much work may be spent on matching, by several patterns together."""

    def __init__(self, left: int = 500_000) -> None:
        self._left = left

    def spend(self, work: int) -> None:
        """PatternFault once there is nothing left."""
        self._left -= work
        if self._left < 0:
            raise PatternFault("matching takes too long")


@dataclass(frozen=True, slots=True)
class Char:
    test: Test


@dataclass(frozen=True, slots=True)
class Assert:
    test: Callable[[str, int], bool]


@dataclass(frozen=True, slots=True)
class Split:
    ways: tuple[int, ...]
    """Relative to the instruction itself."""


Instruction = Char | Assert | Split
Program = list[Instruction]


class Pattern:
    """A compiled pattern."""

    def __init__(self, program: Program) -> None:
        self._program = program

    def search(self, text: str, effort: Effort) -> bool:
        """Whether the pattern matches anywhere in `text`; PatternFault when that costs too much."""
        threads: set[int] = set()
        for position in range(len(text) + 1):
            active = self._follow({0, *threads}, text, position)
            if len(self._program) in active:
                return True
            effort.spend(len(active) + 1)
            if position == len(text):
                break
            letter = text[position]
            threads = {
                index + 1
                for index in active
                if isinstance(step := self._program[index], Char) and step.test(letter)
            }
        return False

    def _follow(self, threads: set[int], text: str, position: int) -> set[int]:
        """All instructions reachable without taking a character."""
        seen, waiting = set(threads), list(threads)
        end = len(self._program)
        while waiting:
            index = waiting.pop()
            if index == end:
                continue
            match self._program[index]:
                case Split(ways):
                    reached = [index + way for way in ways]
                case Assert(test) if test(text, position):
                    reached = [index + 1]
                case _:
                    continue
            for other in reached:
                if other not in seen:
                    seen.add(other)
                    waiting.append(other)
        return seen
