"""Allowed patterns: regular expressions of strangers, matched against a deadline.

They are Java's, so that looking around and references back have to work, and with these no
engine is safe by construction. This one gives up after a while, and lets go of the interpreter
meanwhile.
"""

import re
import time
from collections.abc import Iterable
from datetime import timedelta
from functools import lru_cache
from typing import Any

import regex

from ostler.capabilities.parameters.errors import (
    InvalidAllowedPatternException,
    ParameterPatternMismatchException,
)

DEADLINE = timedelta(milliseconds=100)

# What the engine has and Java has not: patterns inside of themselves, whose depth is memory.
_RECURSION = re.compile(r"\(\?(?:R|\d|&|P>)")


def check_pattern(pattern: str, values: Iterable[str]) -> None:
    """Refuse values that the pattern does not describe as a whole; it may block for a while."""
    compiled = _compiled(pattern)
    # The machine's own time: what is bounded here is its work, on whatever day.
    end = time.monotonic() + DEADLINE.total_seconds()
    for value in values:
        try:
            left = max(0.001, end - time.monotonic())
            matched = compiled.fullmatch(value, timeout=left, concurrent=True)
        except TimeoutError as fault:
            raise InvalidAllowedPatternException(
                f"The allowed pattern takes too long to match: {pattern}"
            ) from fault
        if matched is None:
            # AWS's words; the value is not told.
            raise ParameterPatternMismatchException(
                f"Parameter value, cannot be validated against allowedPattern: {pattern}"
            )


@lru_cache(maxsize=256)
def _compiled(pattern: str) -> Any:
    if _RECURSION.search(pattern):
        raise InvalidAllowedPatternException(
            f"The allowed pattern refers to a pattern inside of itself: {pattern}"
        )
    try:
        return regex.compile(pattern, regex.V1 | regex.ASCII)
    except (regex.error, ValueError, OverflowError, RecursionError) as fault:
        raise InvalidAllowedPatternException(
            f"The allowed pattern is not a regular expression ({fault}): {pattern}"
        ) from fault
