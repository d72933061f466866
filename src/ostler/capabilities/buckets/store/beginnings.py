"""Beginnings: the range of keys that begin with a text, in the order of their bytes."""

from sqlalchemy import Column, ColumnElement, true

_HIGHEST = 0x10FFFF
_SURROGATES = range(0xD800, 0xE000)


def begins(column: Column[str], beginning: str) -> ColumnElement[bool]:
    """Whether the column's text begins so; LIKE differs between the engines in what it does with
    case, and uses no index."""
    if not beginning:
        return true()
    end = behind(beginning)
    return column >= beginning if end is None else (column >= beginning) & (column < end)


def behind(beginning: str) -> str | None:
    """The first text behind all that begins so; None if there is none."""
    for at in range(len(beginning) - 1, -1, -1):
        following = ord(beginning[at]) + 1
        if following in _SURROGATES:
            following = _SURROGATES.stop
        if following <= _HIGHEST:
            return beginning[:at] + chr(following)
    return None
