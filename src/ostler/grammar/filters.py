"""Filters: what a list operation is asked to leave out, in all the spellings of the API."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

_KEYS = ("Key", "key", "FilterKey")
_VALUES = ("Values", "valueSet", "FilterValues")
_VALUE = ("value", "Value")
_OPERATORS = ("Type", "Operator", "Option")


class FilterFault(Exception):
    """The filter names a key that there is not, or an operator that does not fit."""

    def __init__(self, key: str, message: str) -> None:
        super().__init__(message)
        self.key = key
        self.message = message


class Operator(StrEnum):
    """How a filter compares; the API spells each in up to three ways."""

    EQUAL = "Equal"
    NOT_EQUAL = "NotEqual"
    BEGIN_WITH = "BeginWith"
    LESS_THAN = "LessThan"
    GREATER_THAN = "GreaterThan"
    EXISTS = "Exists"
    CONTAINS = "Contains"


_SPELLINGS = {operator.lower(): operator for operator in Operator} | {
    "equals": Operator.EQUAL,
    "beginswith": Operator.BEGIN_WITH,
}


@dataclass(frozen=True, slots=True)
class Filter:
    """A key and the values any one of which will do."""

    key: str
    values: Sequence[str]
    operator: Operator = Operator.EQUAL

    def matches(self, actual: str | Iterable[str] | None) -> bool:
        """Whether a thing with this value, these values or none at all passes."""
        found = _listed(actual)
        match self.operator:
            case Operator.NOT_EQUAL:
                return not any(value in self.values for value in found)
            case Operator.EXISTS:
                return bool(found)
            case operator:
                compare = _COMPARISONS[operator]
                return any(compare(value, wanted) for value in found for wanted in self.values)


def parse(
    given: Iterable[Mapping[str, Any]] | None, known: Collection[str] | None = None
) -> list[Filter]:
    """The filters of a request, whatever its shape calls their members.

    `known` are the keys that the operation has; one that ends in ":" (`tag:`) takes any name
    after it. FilterFault for every other key.
    """
    filters = []
    for one in given or ():
        key = str(_first(one, _KEYS) or "")
        if known is not None and not _is_known(key, known):
            raise FilterFault(key, f"{key} is not a key of this filter.")
        values = _first(one, _VALUES)
        if values is None:
            value = _first(one, _VALUE)
            values = [] if value is None else [value]
        filters.append(Filter(key, tuple(values), _operator(key, _first(one, _OPERATORS))))
    return filters


def all_match(
    filters: Iterable[Filter], value_of: Callable[[str], str | Iterable[str] | None]
) -> bool:
    """Whether a thing passes every filter; `value_of` gives what it has under a key."""
    return all(one.matches(value_of(one.key)) for one in filters)


def _is_known(key: str, known: Collection[str]) -> bool:
    prefix, colon, name = key.partition(":")
    return bool(colon and name) if f"{prefix}:" in known else key in known


def _operator(key: str, given: Any) -> Operator:
    if given is None:
        return Operator.EQUAL
    operator = _SPELLINGS.get(str(given).replace("_", "").lower())
    if operator is None:
        raise FilterFault(key, f"{given} is not an operator of filters.")
    return operator


def _first(given: Mapping[str, Any], names: Sequence[str]) -> Any:
    return next((given[name] for name in names if given.get(name) is not None), None)


def _listed(actual: str | Iterable[str] | None) -> list[str]:
    if actual is None:
        return []
    return [actual] if isinstance(actual, str) else list(actual)


def _ordered(left: str, right: str) -> tuple[Any, Any]:
    """Both sides as what they are: numbers, versions, instants, or else texts."""
    readings: Sequence[Callable[[str], Any]] = (_version, float, _instant)
    for read in readings:
        try:
            return read(left), read(right)
        except ValueError:
            continue
    return left, right


def _instant(text: str) -> datetime:
    instant = datetime.fromisoformat(text)
    return instant if instant.tzinfo else instant.replace(tzinfo=UTC)


def _version(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split("."))


def _is_less(left: str, right: str) -> bool:
    first, second = _ordered(left, right)
    return bool(first < second)


def _is_greater(left: str, right: str) -> bool:
    return _is_less(right, left)


_COMPARISONS: Mapping[Operator, Callable[[str, str], bool]] = {
    Operator.EQUAL: lambda value, wanted: value == wanted,
    Operator.BEGIN_WITH: lambda value, wanted: value.startswith(wanted),
    Operator.CONTAINS: lambda value, wanted: wanted in value,
    Operator.LESS_THAN: _is_less,
    Operator.GREATER_THAN: _is_greater,
}
