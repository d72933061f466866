"""Patterns of the models, which are Java's regular expressions, as Python's.

AWS matches a pattern against the whole value. What Python reads differently is translated: Unicode
categories, what a dot leaves out, brackets and hyphens inside of a class.
"""

import functools
import itertools
import re
import sys
import unicodedata
from collections.abc import Callable, Iterator, Mapping

_CATEGORIES = frozenset("LMNPSZC")
_LINE_ENDS = r"[^\n\r\x85\u2028\u2029]"
_NOTHING = "(?!)"
_ESCAPES = frozenset("dDsSwWbBnrtf123456789")
_CLASSES = frozenset("dDsSwW")
_CODES = {r"\x": 4, r"\u": 6}
"""Escapes of a character by its number, and how long they are."""
# A repeated group that holds one repeated class and no more says what the class alone would say,
# but takes exponential time to say no.
_NESTED_REPEAT = re.compile(r"\((\[(?:[^\]\\]|\\.)*\])\+\)\*")
_BACK_REFERENCE = re.compile(r"\\[1-9]")
# "Some text that is not blank", of policies as well, which have lines: the dots are meant to cross
# them, and one look decides what backtracking would decide in quadratic time.
_IN_OTHER_WORDS = {
    r".*\S.*": r"\s*\S[\s\S]*",
    r"[\s\S]*\S[\s\S]*": r"\s*\S[\s\S]*",
}
# What EventBridge says of headers: words with blanks and tabs between. Since the class has the
# blank in it, there are exponentially many ways to read a line of blanks.
_HEADER = re.compile(r"\^\[ \\t\]\*(\[[^]]+\])\+\(\[ \\t\]\+\1\+\)\*\[ \\t\]\*\$")
_HEADER_IN_OTHER_WORDS = r"\\t*\1(?:\1|\\t)*"


@functools.cache
def whole_match(pattern: str) -> Callable[[str], bool]:
    """A test whether a text as a whole is what the pattern describes."""
    ascii_only = _compiled(pattern, last=0x7F).fullmatch
    if r"\p{" not in pattern:
        return lambda text: ascii_only(text) is not None
    # The tables of Unicode are large and slow to make: only who writes beyond ASCII needs them.
    return lambda text: (
        (ascii_only if text.isascii() else _compiled(pattern, last=sys.maxunicode).fullmatch)(text)
        is not None
    )


@functools.cache
def _compiled(pattern: str, *, last: int) -> re.Pattern[str]:
    return re.compile(python_pattern(pattern, last=last), re.ASCII)


def python_pattern(pattern: str, *, last: int = sys.maxunicode) -> str:
    """The same pattern in Python's words, its Unicode categories up to the character `last`."""
    pattern = _IN_OTHER_WORDS.get(pattern, pattern)
    pattern = _HEADER.sub(_HEADER_IN_OTHER_WORDS, pattern)
    if not _BACK_REFERENCE.search(pattern):
        pattern = _NESTED_REPEAT.sub(r"\1*", pattern)
    return "".join(_translated(pattern, last))


def _translated(pattern: str, last: int) -> Iterator[str]:
    position = 0
    while position < len(pattern):
        letter = pattern[position]
        if letter == "[":
            end = _end_of_class(pattern, position)
            yield _class(pattern[position + 1 : end], last)
            position = end + 1
        elif letter == "\\":
            escape = _escape(pattern, position)
            yield _class(escape, last) if escape.startswith(r"\p{") else escape
            position += len(escape)
        else:
            yield _LINE_ENDS if letter == "." else letter
            position += 1


def _end_of_class(pattern: str, start: int) -> int:
    position = start + 1
    while pattern[position] != "]":
        position += 2 if pattern[position] == "\\" else 1
    return position


def _class(inner: str, last: int) -> str:
    """A class without its brackets: Java nests classes, and takes a stray hyphen as itself."""
    if "[" in inner.replace(r"\[", "") or "&&" in inner:
        raise ValueError(f"A nested class is not translated: [{inner}]")
    parts: list[str] = []
    position = 0
    after_set = False
    while position < len(inner):
        if inner[position] == "\\":
            escape = _escape(inner, position)
            is_category = escape.startswith(r"\p{")
            parts.append(_category(escape, last) if is_category else escape)
            position += len(escape)
            after_set = is_category or escape[1] in _CLASSES
            continue
        stray = inner[position] == "-" and after_set
        parts.append(r"\-" if stray else inner[position])
        position += 1
        after_set = False
    return f"[{''.join(parts)}]" if any(parts) else _NOTHING


def _escape(text: str, position: int) -> str:
    escape = text[position : position + 2]
    if escape == r"\p":
        escape = text[position : text.index("}", position) + 1]
        if escape[3:-1] not in _CATEGORIES:
            raise ValueError(f"A category that is not translated: {escape}")
    elif escape in _CODES:
        escape = text[position : position + _CODES[escape]]
    elif escape[1].isalnum() and escape[1] not in _ESCAPES:
        raise ValueError(f"An escape that is not translated: {escape}")
    return escape


def _category(escape: str, last: int) -> str:
    spans = _ranges(last)[escape[3]]
    return "".join(f"\\U{first:08x}-\\U{final:08x}" for first, final in spans)


@functools.cache
def _ranges(last: int) -> Mapping[str, list[tuple[int, int]]]:
    """Which characters up to `last` each of Unicode's seven great categories holds."""
    ranges: dict[str, list[tuple[int, int]]] = {letter: [] for letter in _CATEGORIES}
    codes = range(last + 1)
    for letter, group in itertools.groupby(codes, lambda code: unicodedata.category(chr(code))[0]):
        run = list(group)
        ranges[letter].append((run[0], run[-1]))
    return ranges
