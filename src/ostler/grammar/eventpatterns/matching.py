"""Matching: whether an event has what a group of fields asks for."""

from collections.abc import Iterator
from typing import Any

from ostler.grammar.eventpatterns.faults import TooCostly
from ostler.grammar.eventpatterns.reading import Group, Leaf, kind_of

MOST_WORK = 200_000
"""So much may be compared for one pattern and one event: some ten milliseconds."""
_LETTERS = 64
"""As many letters of a text cost as much as a comparison."""

_NOTHING: dict[str, Any] = {}


class Effort:
    """What is left of the work that a match may be."""

    def __init__(self, most: int = MOST_WORK) -> None:
        self._left = most

    def spend(self, work: int) -> None:
        """Count some work; TooCostly when it is too much."""
        self._left -= work
        if self._left < 0:
            raise TooCostly("the pattern and the event together are too large")


def fits(group: Group, node: Any, effort: Effort) -> bool:
    """Whether an object, or one of the objects in a list, has what the group asks for.

    Where there is no object, all fields of the group are absent.
    """
    found = False
    for each in _flat(node, effort):
        if isinstance(each, dict):
            found = True
            if _has_all(group, each, effort):
                return True
    return not found and _has_all(group, _NOTHING, effort)


def _has_all(group: Group, event: dict[str, Any], effort: Effort) -> bool:
    for name, wanted in group.fields.items():
        effort.spend(1)
        value = event.get(name, _NOTHING)
        if isinstance(wanted, Leaf):
            if not _leaf_fits(wanted, value, effort):
                return False
        elif not fits(wanted, value, effort):
            return False
    return all(
        any(fits(each, event, effort) for each in alternatives)
        for alternatives in group.alternatives
    )


def _leaf_fits(leaf: Leaf, node: Any, effort: Effort) -> bool:
    """Whether one of the field's values is wanted; a field that holds objects has no values."""
    absent = True
    for value in _flat(node, effort):
        if isinstance(value, dict):
            continue
        absent = False
        if leaf.present or kind_of(value) in leaf.exact:
            return True
        if leaf.tests:
            size = len(value) // _LETTERS if isinstance(value, str) else 0
            effort.spend(len(leaf.tests) * (1 + size))
            if any(test(value) for test in leaf.tests):
                return True
    return absent and leaf.absent


def _flat(node: Any, effort: Effort) -> Iterator[Any]:
    """What is in a list and in its lists, or the node itself."""
    if not isinstance(node, list):
        yield node
        return
    waiting = [node]
    while waiting:
        for each in waiting.pop():
            effort.spend(1)
            if isinstance(each, list):
                waiting.append(each)
            else:
                yield each
