"""Filter patterns of logs, as CloudWatch Logs has them: words of a line, or members of its JSON.

A pattern is read once and matched in time that grows with the line and the pattern, whatever either
of them is. Patterns over columns (`[a, b, ...]`) and regular expressions are not read.
"""

from ostler.grammar.logs.patterns import LogPattern, PatternFault, pattern_of

__all__ = ["LogPattern", "PatternFault", "pattern_of"]
