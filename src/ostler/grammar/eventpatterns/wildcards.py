"""Wildcards: texts with `*` for anything, matched in a time that grows with the text alone."""

from dataclasses import dataclass

from ostler.grammar.eventpatterns.faults import PatternFault


@dataclass(frozen=True, slots=True)
class Wildcard:
    """The literal pieces between the stars, at least one."""

    pieces: tuple[str, ...]

    def matches(self, text: str) -> bool:
        """Whether the whole text has the pieces in this order; each is looked for once."""
        first, *rest = self.pieces
        if not rest:
            return text == first
        *inner, last = rest
        if len(text) < len(first) + len(last):
            return False
        if not (text.startswith(first) and text.endswith(last)):
            return False
        at, end = len(first), len(text) - len(last)
        for piece in inner:
            found = text.find(piece, at, end)
            if found < 0:
                return False
            at = found + len(piece)
        return True


def wildcard_of(text: str) -> Wildcard:
    """Read `*` as anything, `\\*` and `\\\\` as themselves."""
    pieces = [""]
    starred = False
    at = 0
    while at < len(text):
        letter = text[at]
        if letter == "*":
            if starred:
                raise PatternFault(f"Consecutive wildcard characters at pos {at - 1}")
            pieces.append("")
        elif letter == "\\":
            at += 1
            if text[at : at + 1] not in ("*", "\\"):
                raise PatternFault(f"Invalid escape character at pos {at - 1}")
            pieces[-1] += text[at]
        else:
            pieces[-1] += letter
        starred = letter == "*"
        at += 1
    return Wildcard(tuple(pieces))
