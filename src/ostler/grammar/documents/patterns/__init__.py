"""Patterns: regular expressions matched in time that grows with the text, never explodes.

Documents come from strangers, and so do their patterns: a backtracking engine can be kept busy
for years by thirty characters. Here a pattern becomes a list of instructions that all run side by
side over the text, one character at a time, as in Go's engine. Only what Go understands is
accepted, since agents check the same pattern again: no references back, no looking around.
"""

from functools import lru_cache

from ostler.grammar.documents.patterns.machine import Effort, Pattern, PatternFault
from ostler.grammar.documents.patterns.parsing import Parser

_LONGEST = 4096


def compile_pattern(pattern: str, effort: Effort | None = None) -> Pattern:
    """`pattern` ready for use; PatternFault when it is not a pattern that agents understand.

    Its size counts as effort: a document may declare hundreds.
    """
    compiled = _compiled(pattern)
    if effort is not None:
        effort.spend(compiled.size)
    return compiled


@lru_cache(maxsize=256)
def _compiled(pattern: str) -> Pattern:
    if len(pattern) > _LONGEST:
        raise PatternFault(f"longer than {_LONGEST} characters")
    return Pattern(Parser(pattern).parse())


__all__ = ["Effort", "Pattern", "PatternFault", "compile_pattern"]
