"""Patterns: which kind one is, and the words that a line has to have or must not have."""

from collections.abc import Callable
from dataclasses import dataclass

from ostler.grammar.logs.faults import PatternFault
from ostler.grammar.logs.members import members_test

__all__ = ["LogPattern", "PatternFault", "pattern_of"]

LONGEST = 1024

LogPattern = Callable[[str], bool]
"""Whether a line fits."""


@dataclass(frozen=True, slots=True)
class _Words:
    """Words, each of which may be wanted, one of several, or not wanted."""

    wanted: tuple[str, ...]
    possible: tuple[str, ...]
    unwanted: tuple[str, ...]

    def __call__(self, line: str) -> bool:
        if any(word in line for word in self.unwanted):
            return False
        if not all(word in line for word in self.wanted):
            return False
        return not self.possible or any(word in line for word in self.possible)


def pattern_of(text: str) -> LogPattern:
    """What a pattern means; PatternFault where it means nothing that is known here."""
    stripped = text.strip()
    if len(stripped) > LONGEST:
        raise PatternFault(f"A filter pattern has at most {LONGEST} characters.")
    if stripped.startswith("{"):
        return members_test(stripped)
    if stripped.startswith("["):
        raise PatternFault("Patterns over columns, in brackets, are not read here.")
    wanted: list[str] = []
    possible: list[str] = []
    unwanted: list[str] = []
    for sign, word in _words(stripped):
        {"": wanted, "?": possible, "-": unwanted}[sign].append(word)
    if possible and (wanted or unwanted):
        # AWS: beside other kinds of words the question mark is ignored.
        wanted, possible = wanted + possible, []
    return _Words(tuple(wanted), tuple(possible), tuple(unwanted))


def _words(text: str) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    at = 0
    while at < len(text):
        if text[at].isspace():
            at += 1
            continue
        sign = text[at] if text[at] in "?-" else ""
        at += len(sign)
        if at < len(text) and text[at] == '"':
            word, at = _quoted(text, at + 1)
        else:
            start = at
            while at < len(text) and not text[at].isspace():
                at += 1
            word = text[start:at]
            if word.startswith("%") and word.endswith("%") and len(word) > 1:
                raise PatternFault(
                    "Regular expressions, between per cent signs, are not read here."
                )
        if not word:
            raise PatternFault("A sign in a filter pattern stands before no word.")
        found.append((sign, word))
    return found


def _quoted(text: str, at: int) -> tuple[str, int]:
    """What stands between quotation marks, and where it goes on behind them."""
    word: list[str] = []
    while at < len(text):
        if text[at] == "\\" and at + 1 < len(text):
            word.append(text[at + 1])
            at += 2
        elif text[at] == '"':
            return "".join(word), at + 1
        else:
            word.append(text[at])
            at += 1
    raise PatternFault("A quotation mark in a filter pattern is not closed.")
