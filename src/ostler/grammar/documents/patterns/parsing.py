"""Reading a pattern into a program, by recursive descent."""

import unicodedata
from collections.abc import Callable

from ostler.grammar.documents.patterns.characters import (
    ASSERTIONS,
    CATEGORIES,
    CONTROLS,
    POSIX,
    SETS,
    at_end,
    at_line_end,
    at_line_start,
    at_start,
    is_not_newline,
)
from ostler.grammar.documents.patterns.machine import (
    MOST_INSTRUCTIONS,
    Assert,
    Char,
    PatternFault,
    Program,
    Split,
    Test,
)

_MOST_REPEATS = 1000
_DEEPEST = 100


class Parser:
    """Reads one pattern, once."""

    def __init__(self, pattern: str) -> None:
        self._pattern = pattern
        self._at = 0
        self._flags: frozenset[str] = frozenset()
        self._depth = 0

    def parse(self) -> Program:
        program = self._alternatives()
        if self._at < len(self._pattern):
            raise PatternFault("unmatched )")
        return program

    def _alternatives(self) -> Program:
        flags = self._flags
        branches = [self._sequence()]
        while self._take("|"):
            branches.append(self._sequence())
        self._flags = flags
        *earlier, last = branches
        size = len(last) + sum(len(branch) + 2 for branch in earlier)
        _check_size(size)
        program: Program = []
        for branch in earlier:
            program += [Split((1, len(branch) + 2)), *branch]
            program.append(Split((size - len(program),)))
        return program + last

    def _sequence(self) -> Program:
        program: Program = []
        while self._at < len(self._pattern) and self._pattern[self._at] not in "|)":
            program += self._repeated(self._atom())
            _check_size(len(program))
        return program

    def _atom(self) -> Program:
        letter = self._next()
        match letter:
            case "(":
                return self._group()
            case "[":
                return [self._class()]
            case ".":
                return [Char((lambda _: True) if "s" in self._flags else is_not_newline)]
            case "^":
                return [Assert(at_line_start if "m" in self._flags else at_start)]
            case "$":
                return [Assert(at_line_end if "m" in self._flags else at_end)]
            case "\\":
                return self._escaped()
            case "*" | "+" | "?":
                raise PatternFault(f"nothing to repeat before {letter}")
            case _:
                return [Char(self._literal(letter))]

    def _repeated(self, program: Program) -> Program:
        while True:
            bounds = self._bounds()
            if bounds is None:
                return program
            self._take("?")  # greedy or not: whether there is a match is the same
            least, most = bounds
            program = self._repeat(program, least, most)

    def _bounds(self) -> tuple[int, int | None] | None:
        if self._take("*"):
            return 0, None
        if self._take("+"):
            return 1, None
        if self._take("?"):
            return 0, 1
        end = self._pattern.find("}", self._at)
        if self._peek() != "{" or end < 0:
            return None
        least, comma, most = self._pattern[self._at + 1 : end].partition(",")
        if not _is_number(least) or (most and not _is_number(most)):
            return None  # as in Go: a brace that counts nothing stands for itself
        self._at = end + 1
        bounds = int(least), (int(most) if most else None) if comma else int(least)
        largest = bounds[0] if bounds[1] is None else bounds[1]
        if largest > _MOST_REPEATS or largest < bounds[0]:
            raise PatternFault("bad repeat count")
        return bounds

    def _repeat(self, program: Program, least: int, most: int | None) -> Program:
        size = len(program)
        if size * max(least, most or 1) > MOST_INSTRUCTIONS:
            raise PatternFault("too large")
        repeated = program * least
        if most is None:
            return [*repeated, Split((1, size + 2)), *program, Split((-size - 1,))]
        for left in range(most - least, 0, -1):
            # Past all that may follow at once, or a text would wake each of them in turn.
            repeated += [Split((1, left * (size + 1))), *program]
        return repeated

    def _group(self) -> Program:
        self._depth += 1
        if self._depth > _DEEPEST:
            raise PatternFault("nests too deep")
        outer = self._flags
        if self._take("?") and not self._opening():
            self._depth -= 1
            return []  # (?i): flags for the rest of the group around it
        program = self._alternatives()
        if not self._take(")"):
            raise PatternFault("missing )")
        self._flags = outer
        self._depth -= 1
        return program

    def _opening(self) -> bool:
        """What follows `(?`: True when a group's content comes next."""
        if self._take("P<") or (self._peek() == "<" and self._peek(1) not in "=!"):
            end = self._pattern.find(">", self._at)
            if end < 0:
                raise PatternFault("missing >")
            self._at = end + 1
            return True
        on, adding = set(self._flags), True
        while (letter := self._next()) not in ":)":
            if letter == "-" and adding:
                adding = False
            elif letter in "imsU":
                on = on | {letter} if adding else on - {letter}
            else:
                raise PatternFault("looking around is not supported")
        self._flags = frozenset(on)
        return letter == ":"

    def _escaped(self) -> Program:
        letter = self._next()
        if letter == "Q":
            end = self._pattern.find("\\E", self._at)
            quoted = self._pattern[self._at : end if end >= 0 else None]
            self._at = end + 2 if end >= 0 else len(self._pattern)
            return [Char(self._literal(quote)) for quote in quoted]
        if letter in ASSERTIONS:
            return [Assert(ASSERTIONS[letter])]
        if letter.isdigit() and letter != "0":
            raise PatternFault("references back are not supported")
        return [Char(self._set(letter) or self._literal(self._character(letter)))]

    def _class(self) -> Char:
        negated, folded = self._take("^"), self._folding()
        letters: set[str] = set()
        tests: list[Test] = []
        first = True
        while first or self._peek() != "]":
            first = False
            member = self._class_member()
            if isinstance(member, str):
                letters.add(folded(member))
            else:
                tests.append(member)
        self._next()

        def test(letter: str) -> bool:
            return (
                folded(letter) in letters or any(member(letter) for member in tests)
            ) is not negated

        return Char(test, cost=1 + len(tests))

    def _class_member(self) -> Test | str:
        """A letter that stands for itself, or a test."""
        if self._take("[:"):
            end = self._pattern.find(":]", self._at)
            name = self._pattern[self._at : end]
            self._at = end + 2
            if end < 0 or name not in POSIX:
                raise PatternFault("unknown character class")
            return POSIX[name]
        letter = self._next()
        if letter == "\\":
            escape = self._next()
            shorthand = self._set(escape)
            if shorthand is not None:
                return shorthand
            letter = self._character(escape)
        if self._peek() != "-" or self._peek(1) in ("]", ""):
            return letter
        self._next()
        last = self._next()
        if last == "\\":
            last = self._character(self._next())
        if last < letter:
            raise PatternFault("bad range in a class")
        return self._range(letter, last)

    def _set(self, letter: str) -> Test | None:
        if letter in "pP":
            return self._property(negated=letter == "P")
        return SETS.get(letter)

    def _property(self, *, negated: bool) -> Test:
        name = self._next()
        if name == "{":
            end = self._pattern.find("}", self._at)
            if end < 0:
                raise PatternFault("missing }")
            name = self._pattern[self._at : end]
            self._at = end + 1
        if name.startswith("^"):
            name, negated = name[1:], not negated
        known = POSIX.get(name.removeprefix("Is").lower())
        if known is None and name not in CATEGORIES:
            raise PatternFault(f"unknown property {name}")
        test = known or (lambda letter: unicodedata.category(letter).startswith(name))
        return (lambda letter: not test(letter)) if negated else test

    def _character(self, letter: str) -> str:
        if letter in CONTROLS:
            return CONTROLS[letter]
        if letter == "x" and self._take("{"):
            end = self._pattern.find("}", self._at)
            digits = self._pattern[self._at : end] if end >= 0 else ""
            self._at = end + 1
            return _code_point(digits)
        if letter in "xu":
            digits = "".join(self._next() for _ in range(2 if letter == "x" else 4))
            return _code_point(digits)
        if letter.isalnum():
            raise PatternFault(f"unknown escape \\{letter}")
        return letter

    def _literal(self, letter: str) -> Test:
        if "i" in self._flags:
            folded = letter.casefold()
            return lambda other: other.casefold() == folded
        return lambda other: other == letter

    def _folding(self) -> Callable[[str], str]:
        """What makes letters equal that are to count as equal."""
        return str.casefold if "i" in self._flags else str

    def _range(self, first: str, last: str) -> Test:
        if "i" in self._flags:
            return lambda other: (
                first <= other <= last
                or first <= other.lower() <= last
                or first <= other.upper() <= last
            )
        return lambda other: first <= other <= last

    def _next(self) -> str:
        if self._at >= len(self._pattern):
            raise PatternFault("the pattern ends too early")
        self._at += 1
        return self._pattern[self._at - 1]

    def _peek(self, ahead: int = 0) -> str:
        return self._pattern[self._at + ahead : self._at + ahead + 1]

    def _take(self, text: str) -> bool:
        if not self._pattern.startswith(text, self._at):
            return False
        self._at += len(text)
        return True


def _check_size(size: int) -> None:
    if size > MOST_INSTRUCTIONS:
        raise PatternFault("too large")


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 6


def _code_point(digits: str) -> str:
    try:
        return chr(int(digits, 16))
    except (ValueError, OverflowError):
        raise PatternFault("bad code point") from None
