"""Patterns: texts with `*`, `?` and `${variables}`, as policies write them."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache

from ostler.foundation.policy.faults import PolicyFault

Test = Callable[[str], bool]
Context = Mapping[str, Sequence[str]]
"""What is known of a request: condition keys in lower case, and their values."""


class Wild(Enum):
    """A place that other characters may fill."""

    ANY = "*"
    ONE = "?"


@dataclass(frozen=True, slots=True)
class Variable:
    """`${key}` or `${key, 'default'}`: filled from what is known of the request."""

    key: str
    default: str | None = None


Part = str | Wild | Variable
Parts = tuple[Part, ...]

_TOKEN = re.compile(r"\*|\?|\$\{([^}]*)\}")
_VARIABLE = re.compile(r"\s*([A-Za-z0-9-]+:[^\s',]+)\s*(?:,\s*'([^']*)'\s*)?")
_SEGMENTS = 6


def parts_of(text: str, *, variables: bool) -> Parts:
    """`text` taken apart; without `variables` (policies of 2008) `${…}` is plain text."""
    parts: list[Part] = []
    start = 0
    for found in _TOKEN.finditer(text):
        parts.append(text[start : found.start()])
        start = found.end()
        inner = found.group(1)
        if inner is None:
            parts.append(Wild(found.group()))
        elif not variables:
            parts.extend(Wild(c) if c in "*?" else c for c in found.group())
        elif inner in ("*", "?", "$"):
            parts.append(inner)
        else:
            parts.append(_variable(inner, text))
    parts.append(text[start:])
    return _joined(parts)


def without_wildcards(parts: Parts) -> Parts:
    """The same text where `*` and `?` mean themselves."""
    return _joined(part.value if isinstance(part, Wild) else part for part in parts)


def variables_of(parts: Parts) -> Sequence[str]:
    """The keys that must be known before the pattern can be tested."""
    return [part.key for part in parts if isinstance(part, Variable)]


def filled(parts: Parts, context: Context) -> Parts | None:
    """The same pattern with its variables' values as plain text; None when one has no value."""
    full: list[Part] = []
    for part in parts:
        if isinstance(part, Variable):
            values = context.get(part.key, ())
            # A key with several values cannot stand for one text.
            value = values[0] if len(values) == 1 else part.default
            if value is None:
                return None
            full.append(value)
        else:
            full.append(part)
    return _joined(full)


def arn_filled(parts: Parts, context: Context) -> Parts | None:
    """The same for a pattern of ARNs; a value with a colon may not move what stands after it."""
    for segment in _segments(parts)[:-1]:
        full = filled(segment, context) if variables_of(segment) else ()
        if full is None or any(isinstance(part, str) and ":" in part for part in full):
            return None
    return filled(parts, context)


@lru_cache(maxsize=4096)
def text_test(parts: Parts) -> Test:
    """A test whether a text is of the pattern `parts`, which has no variables left."""
    match parts:
        case ():
            return "".__eq__
        case (Wild.ANY,):
            return lambda text: True
        case (str() as text,):
            return text.__eq__
        case (str() as head, Wild.ANY):
            return lambda text: text.startswith(head)
    stretches = [""]
    for part in parts:
        if part is Wild.ANY:
            stretches.append("")
        else:
            stretches[-1] += "." if part is Wild.ONE else re.escape(str(part))
    # Atomic groups: each stretch between two stars is taken where it first occurs and never
    # looked for again, so that no pattern can make a test slow.
    head, middle, tail = stretches[0], stretches[1:-1], stretches[-1]
    expression = head + "".join(f"(?>.*?{stretch})" for stretch in middle if stretch)
    expression += f".*{tail}" if len(stretches) > 1 else ""
    full_match = re.compile(expression, re.DOTALL).fullmatch
    return lambda text: full_match(text) is not None


@lru_cache(maxsize=4096)
def arn_test(parts: Parts) -> Test:
    """A test of ARNs: a wildcard fills nothing beyond its own segment, but the last one the rest.

    A pattern that ends early in `*` (`arn:aws:ssm:*`) means every segment that follows, too.
    """
    if parts == (Wild.ANY,):
        return text_test(parts)
    segments = _segments(parts)
    if len(segments) < _SEGMENTS and segments[-1][-1:] == (Wild.ANY,):
        segments += [(Wild.ANY,)] * (_SEGMENTS - len(segments))
    if all(not any(isinstance(part, Wild) for part in segment) for segment in segments[:-1]):
        return text_test(parts)
    tests = [(i, text_test(s)) for i, s in enumerate(segments) if s != (Wild.ANY,)]
    count = len(segments)

    def test(arn: str) -> bool:
        given = arn.split(":", _SEGMENTS - 1)
        return len(given) == count and all(fits(given[i]) for i, fits in tests)

    return test


def _variable(inner: str, text: str) -> Variable:
    found = _VARIABLE.fullmatch(inner)
    if found is None:
        raise PolicyFault(f"{text} has a policy variable that is not one: ${{{inner}}}.")
    return Variable(found.group(1).lower(), found.group(2))


def _joined(parts: Iterable[Part]) -> Parts:
    """The parts without empty ones, neighbouring texts as one, and `**` as `*`."""
    joined: list[Part] = []
    for part in parts:
        last = joined[-1] if joined else None
        if isinstance(part, str) and isinstance(last, str):
            joined[-1] = last + part
        elif part != "" and not (part is Wild.ANY and last is Wild.ANY):
            joined.append(part)
    return tuple(joined)


def _segments(parts: Parts) -> list[Parts]:
    """The pattern cut at the colons of its plain text, into six segments at most."""
    segments: list[list[Part]] = [[]]
    for part in parts:
        if not isinstance(part, str):
            segments[-1].append(part)
            continue
        first, *rest = part.split(":", _SEGMENTS - len(segments))
        segments[-1].append(first)
        segments.extend([text] for text in rest)
    return [_joined(segment) for segment in segments]
