"""The machine that runs a pattern: all its threads side by side, one character at a time."""

from collections.abc import Callable
from dataclasses import dataclass

MOST_INSTRUCTIONS = 20_000

_MOST_WORK = 1_000_000

Test = Callable[[str], bool]


class PatternFault(Exception):
    """The pattern is not one, or is too large to be applied."""


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

    def search(self, text: str) -> bool:
        """Whether the pattern matches anywhere in `text`; PatternFault when that costs too much."""
        work = 0
        threads: set[int] = set()
        for position in range(len(text) + 1):
            active = self._follow({0, *threads}, text, position)
            if len(self._program) in active:
                return True
            work += len(active) + 1
            if work > _MOST_WORK:
                raise PatternFault("matching takes too long")
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
