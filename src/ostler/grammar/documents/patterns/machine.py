"""The machine that runs a pattern: all its threads side by side, one character at a time."""

from collections.abc import Callable
from dataclasses import dataclass

MOST_INSTRUCTIONS = 20_000

Test = Callable[[str], bool]


class PatternFault(Exception):
    """The pattern is not one, or is too large to be applied."""


class Effort:
    """How much work may be spent on patterns, by several of them together: a tenth of a second.

    Counted are instructions: those that a pattern is made of, and those that look at a place.
    """

    def __init__(self, left: int = 200_000) -> None:
        self._left = left

    def spend(self, work: int) -> None:
        """PatternFault once there is nothing left."""
        self._left -= work
        if self._left < 0:
            raise PatternFault("matching takes too long")


@dataclass(frozen=True, slots=True)
class Char:
    test: Test
    cost: int = 1
    """A class of many ranges asks each of them."""


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

    @property
    def size(self) -> int:
        """How many instructions it has."""
        return len(self._program)

    def search(self, text: str, effort: Effort) -> bool:
        """Whether the pattern matches anywhere in `text`; PatternFault when that costs too much."""
        program = self._program
        effort.spend(1)
        threads: set[int] = set()
        for position in range(len(text) + 1):
            active = self._follow({0, *threads}, text, position)
            # What matches at once has cost all this as well.
            effort.spend(len(active))
            if len(program) in active:
                return True
            if position == len(text):
                break
            steps = [(index, step) for index in active if isinstance(step := program[index], Char)]
            effort.spend(sum(step.cost for _, step in steps))
            letter = text[position]
            threads = {index + 1 for index, step in steps if step.test(letter)}
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
