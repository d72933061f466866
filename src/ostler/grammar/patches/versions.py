"""Versions of packages, in the order that dpkg and rpm themselves have them.

Sources: deb-version(7), "Sorting algorithm"; rpm's manual, "Versioning" (rpm-version(7)).
"""

import re

_DEBIAN_PIECE = re.compile(r"([^0-9]*)([0-9]*)")
_RPM_PIECE = re.compile(r"[0-9]+|[a-zA-Z]+|~|\^")


def compare_debian(left: str, right: str) -> int:
    """Negative when `left` is the older one, 0 when neither is, positive when it is newer.

    A version is [epoch:]upstream[-revision]; whatever the text is, there is an answer.
    """
    for one, other in zip(_debian_parts(left), _debian_parts(right), strict=True):
        if order := _compare_debian_part(one, other):
            return order
    return 0


def compare_rpm(left: str, right: str) -> int:
    """Negative when `left` is the older one, 0 when neither is, positive when it is newer.

    A version is [epoch:]version[-release]; a release that one side lacks is not compared.
    """
    one, other = _rpm_parts(left), _rpm_parts(right)
    for index in range(3):
        if index == 2 and not (one[2] and other[2]):
            return 0
        if order := _compare_rpm_part(one[index], other[index]):
            return order
    return 0


def _debian_parts(version: str) -> tuple[str, str, str]:
    epoch, colon, rest = version.strip().partition(":")
    if not colon or not _is_number(epoch):
        epoch, rest = "0", version.strip()
    upstream, dash, revision = rest.rpartition("-")
    return (epoch, upstream, revision) if dash else (epoch, rest, "")


def _compare_debian_part(left: str, right: str) -> int:
    """Words and numbers by turns: words character by character, numbers by their size."""
    one, other = _DEBIAN_PIECE.findall(left), _DEBIAN_PIECE.findall(right)
    for index in range(max(len(one), len(other))):
        word, number = one[index] if index < len(one) else ("", "")
        other_word, other_number = other[index] if index < len(other) else ("", "")
        if order := _compare_words(word, other_word):
            return order
        if order := _compare_numbers(number, other_number):
            return order
    return 0


def _compare_words(left: str, right: str) -> int:
    for index in range(max(len(left), len(right))):
        one = _weight(left[index]) if index < len(left) else 0
        other = _weight(right[index]) if index < len(right) else 0
        if one != other:
            return one - other
    return 0


def _weight(character: str) -> int:
    """A tilde comes before the end, letters before everything else."""
    if character == "~":
        return -1
    return ord(character) if character.isascii() and character.isalpha() else ord(character) + 256


def _compare_numbers(left: str, right: str) -> int:
    """By their size, without making numbers of them: they may have any length."""
    one, other = left.lstrip("0"), right.lstrip("0")
    if len(one) != len(other):
        return len(one) - len(other)
    return (one > other) - (one < other)


def _rpm_parts(version: str) -> tuple[str, str, str]:
    epoch, colon, rest = version.strip().partition(":")
    if not colon or not _is_number(epoch):
        epoch, rest = "0", version.strip()
    upstream, _, release = rest.partition("-")
    return epoch, upstream, release


def _compare_rpm_part(left: str, right: str) -> int:
    """Piece by piece; a tilde is older than the end, a caret newer than it, but not than more."""
    one, other = _RPM_PIECE.findall(left), _RPM_PIECE.findall(right)
    for index in range(max(len(one), len(other))):
        piece = one[index] if index < len(one) else ""
        against = other[index] if index < len(other) else ""
        if order := _rpm_rank(piece) - _rpm_rank(against):
            return order
        if piece[:1].isdecimal():
            order = _compare_numbers(piece, against)
        else:
            order = (piece > against) - (piece < against)
        if order:
            return order
    return 0


def _rpm_rank(piece: str) -> int:
    if not piece:
        return 1
    return {"~": 0, "^": 2}.get(piece, 4 if piece[0].isdecimal() else 3)


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdecimal()
