"""Patterns over members of JSON: `{ ($.level = "ERROR") && ($.ms > 100) }`."""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from ostler.grammar.logs.faults import PatternFault

DEEPEST = 32
"""Brackets within brackets."""

_TOKEN = re.compile(
    r"""\s*(?:
        (?P<path>\$(?:\.[\w@\-]+|\[(?:\d{1,6}|\*)\]|\["[^"]*"\])+)
      | (?P<quoted>"(?:[^"\\]|\\.)*")
      | (?P<sign>&&|\|\||!=|<=|>=|=|<|>|\(|\)|\{|\})
      | (?P<word>[^\s(){}&|=<>!"]+)
    )""",
    re.VERBOSE,
)
_STEP = re.compile(
    r'\.(?P<name>[\w@\-]+)|\[(?P<index>\d+)\]|\[(?P<any>\*)\]|\["(?P<quoted>[^"]*)"\]'
)
_NUMBER = re.compile(r"[+-]?\d{1,30}(?:\.\d{1,30})?(?:[eE][+-]?\d{1,3})?")
_ANY = object()
_decoder = msgspec.json.Decoder()

Step = str | int | object
Test = Callable[[Any], bool]


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str


def members_test(text: str) -> Callable[[str], bool]:
    """Whether a line is JSON whose members are as the pattern says."""
    tokens = _tokens(text)
    reader = _Reader(tokens)
    reader.expect("{")
    test = reader.either(0)
    reader.expect("}")
    if reader.rest:
        raise PatternFault("Something stands behind the closing brace of the filter pattern.")

    def fits(line: str) -> bool:
        try:
            return test(_decoder.decode(line))
        except (msgspec.MsgspecError, RecursionError):
            return False

    return fits


def _tokens(text: str) -> list[_Token]:
    found: list[_Token] = []
    at = 0
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            if not text[at:].strip():
                break
            raise PatternFault(f"The filter pattern cannot be read from {text[at:][:20]!r} on.")
        kind = str(match.lastgroup)
        found.append(_Token(kind, match[kind]))
        at = match.end()
    return found


class _Reader:
    """Reads one pattern, token by token."""

    def __init__(self, tokens: Sequence[_Token]) -> None:
        self._tokens = tokens
        self._at = 0

    @property
    def rest(self) -> Sequence[_Token]:
        return self._tokens[self._at :]

    def expect(self, text: str) -> None:
        if self._next().text != text:
            raise PatternFault(f"The filter pattern lacks a {text!r}.")

    def either(self, depth: int) -> Test:
        tests = [self._both(depth)]
        while self._take("||"):
            tests.append(self._both(depth))
        return tests[0] if len(tests) == 1 else lambda value: any(test(value) for test in tests)

    def _both(self, depth: int) -> Test:
        tests = [self._one(depth)]
        while self._take("&&"):
            tests.append(self._one(depth))
        return tests[0] if len(tests) == 1 else lambda value: all(test(value) for test in tests)

    def _one(self, depth: int) -> Test:
        if self._take("("):
            if depth >= DEEPEST:
                raise PatternFault("The filter pattern has too many brackets within brackets.")
            test = self.either(depth + 1)
            self.expect(")")
            return test
        token = self._next()
        if token.kind != "path":
            raise PatternFault(f"In the filter pattern, {token.text!r} stands where a $. belongs.")
        return self._condition(tuple(_steps(token.text)))

    def _condition(self, path: tuple[Step, ...]) -> Test:
        token = self._next()
        if token.kind == "sign" and token.text in _COMPARISONS:
            return _compared(path, token.text, self._next())
        match token.text.upper():
            case "EXISTS":
                return lambda value: any(True for _ in _found(value, path))
            case "NOT":
                self._word("EXISTS")
                return lambda value: not any(True for _ in _found(value, path))
            case "IS":
                return self._is(path)
        raise PatternFault(f"The filter pattern does not know {token.text!r}.")

    def _is(self, path: tuple[Step, ...]) -> Test:
        word = self._next().text.upper()
        if word not in _CONSTANTS:
            raise PatternFault("In a filter pattern, IS stands before NULL, TRUE or FALSE.")
        expected = _CONSTANTS[word]
        return lambda value: any(found is expected for found in _found(value, path))

    def _word(self, expected: str) -> None:
        if self._next().text.upper() != expected:
            raise PatternFault(f"The filter pattern lacks the word {expected}.")

    def _take(self, text: str) -> bool:
        if self._at < len(self._tokens) and self._tokens[self._at] == _Token("sign", text):
            self._at += 1
            return True
        return False

    def _next(self) -> _Token:
        if self._at >= len(self._tokens):
            raise PatternFault("The filter pattern ends too early.")
        self._at += 1
        return self._tokens[self._at - 1]


_CONSTANTS = {"NULL": None, "TRUE": True, "FALSE": False}
_COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "=": lambda left, right: bool(left == right),
    "!=": lambda left, right: bool(left != right),
    "<": lambda left, right: bool(left < right),
    ">": lambda left, right: bool(left > right),
    "<=": lambda left, right: bool(left <= right),
    ">=": lambda left, right: bool(left >= right),
}


def _compared(path: tuple[Step, ...], sign: str, token: _Token) -> Test:
    compare = _COMPARISONS[sign]
    if token.kind == "word" and _NUMBER.fullmatch(token.text):
        number = float(token.text)
        return lambda value: any(
            compare(found, number)
            for found in _found(value, path)
            if isinstance(found, int | float) and not isinstance(found, bool)
        )
    if sign not in ("=", "!="):
        raise PatternFault(f"In a filter pattern, {sign} compares with a number.")
    if token.kind not in ("word", "quoted"):
        raise PatternFault(f"The filter pattern compares with {token.text!r}.")
    text = token.text
    if token.kind == "quoted":
        text = re.sub(r"\\(.)", r"\1", text[1:-1])
    same = _wild(text)
    return lambda value: any(
        same(found) is (sign == "=") for found in _found(value, path) if isinstance(found, str)
    )


def _wild(text: str) -> Callable[[str], bool]:
    """Equality with a text in which a star stands for anything, without going back and forth."""
    first, *middle = text.split("*")
    if not middle:
        return lambda found: found == text
    *inner, last = middle

    def fits(found: str) -> bool:
        if not found.startswith(first) or len(found) < len(first) + len(last):
            return False
        at, end = len(first), len(found) - len(last)
        for part in inner:
            where = found.find(part, at, end)
            if where < 0:
                return False
            at = where + len(part)
        return found.endswith(last)

    return fits


def _steps(path: str) -> Iterator[Step]:
    for step in _STEP.finditer(path):
        if step["index"] is not None:
            yield int(step["index"])
        elif step["any"] is not None:
            yield _ANY
        else:
            yield step["name"] if step["name"] is not None else step["quoted"]


def _found(value: Any, path: Sequence[Step]) -> Iterator[Any]:
    """What stands at the path; several things where a star stands for any item."""
    places = [value]
    for step in path:
        places = [inner for each in places for inner in _inner(each, step)]
    yield from places


def _inner(value: Any, step: Step) -> Iterator[Any]:
    match value:
        case dict() if isinstance(step, str) and step in value:
            yield value[step]
        case list() if step is _ANY:
            yield from value
        case list() if isinstance(step, int) and step < len(value):
            yield value[step]
