"""Filters over parameters: AWS's keys and options, read into conditions."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum, auto

from ostler.capabilities.parameters.errors import (
    InvalidFilterKey,
    InvalidFilterOption,
    InvalidFilterValue,
)
from ostler.capabilities.parameters.model.kinds import Kind, Tier
from ostler.capabilities.parameters.model.names import filter_path
from ostler.foundation.errors import ValidationException

Spoken = tuple[str, str, Sequence[str] | None]
"""A filter as it was spoken: key, option (perhaps empty) and values (None where there are none)."""


class Field(Enum):
    """What parameters can be told apart by."""

    NAME = "Name"
    TYPE = "Type"
    KEY_ID = "KeyId"
    TIER = "Tier"
    DATA_TYPE = "DataType"


class Relation(Enum):
    """How a parameter's member stands to one of a filter's values."""

    EQUALS = auto()
    BEGINS_WITH = auto()
    CONTAINS = auto()


@dataclass(frozen=True, slots=True)
class Condition:
    """Parameters whose field stands so to one of the values."""

    field: Field
    values: tuple[str, ...]
    relation: Relation = Relation.EQUALS


@dataclass(frozen=True, slots=True)
class Under:
    """Parameters on one of these levels, or anywhere below it."""

    paths: tuple[str, ...]
    deep: bool


@dataclass(frozen=True, slots=True)
class Tagged:
    """Parameters that carry the tag with one of these values; with any where there are none."""

    tag: str
    values: tuple[str, ...] | None
    relation: Relation = Relation.EQUALS


@dataclass(frozen=True, slots=True)
class Labelled:
    """Parameters with one of these labels on a version; that version is what is asked for."""

    labels: tuple[str, ...]


Clause = Condition | Under | Tagged | Labelled


def describing(
    legacy: Sequence[tuple[str, Sequence[str]]], spoken: Sequence[Spoken]
) -> list[Clause]:
    """The clauses of DescribeParameters, in either of its two members."""
    if legacy and spoken:
        raise ValidationException(
            "You can use either Filters or ParameterFilters in a single request."
        )
    if legacy:
        return _read([(key, "", values) for key, values in legacy], ("Name", "Type", "KeyId"))
    return _read(spoken, ("Path", "Name", "Type", "KeyId", "Tier"), more=("DataType",), tags=True)


def reading_by_path(spoken: Sequence[Spoken]) -> list[Clause]:
    """The clauses of GetParametersByPath."""
    return _read(spoken, ("Type", "KeyId"), more=("Label",))


_PATH_OPTIONS = ("Recursive", "OneLevel")
_OPTIONS: Mapping[str, Relation] = {
    "Equals": Relation.EQUALS,
    "BeginsWith": Relation.BEGINS_WITH,
    "Contains": Relation.CONTAINS,
}
_VALUES: Mapping[str, Collection[str]] = {"Type": tuple(Kind), "Tier": tuple(Tier)}


def _read(
    spoken: Sequence[Spoken], keys: Sequence[str], *, more: Sequence[str] = (), tags: bool = False
) -> list[Clause]:
    """The texts are moto's, which has them from AWS; those of `more` work but are not told."""
    clauses: list[Clause] = []
    seen: set[str] = set()
    for key, option, values in spoken:
        if not (key in keys or key in more or (tags and key.startswith("tag:"))):
            raise InvalidFilterKey(
                f"The following filter key is not valid: {key}. "
                f"Valid filter keys include: [{', '.join(keys)}]."
            )
        if key in seen:
            raise InvalidFilterKey(
                f"The following filter is duplicated in the request: {key}. "
                "A request can contain only one occurrence of a specific filter."
            )
        seen.add(key)
        if any("\0" in text for text in (key, *(values or ()))):
            raise InvalidFilterValue("A filter cannot have the character U+0000 in it.")
        clauses.append(_clause(key, option, values))
    return clauses


def _clause(key: str, option: str, values: Sequence[str] | None) -> Clause:
    if key.startswith("tag:"):
        relation = _relation(option, ("Equals", "BeginsWith"))
        return Tagged(key.removeprefix("tag:"), tuple(values) if values else None, relation)
    if not values:
        raise InvalidFilterValue(
            f"The following filter values are missing : null for filter key {key}."
        )
    given = tuple(values)
    match key:
        case "Path":
            option = _known(option or "OneLevel", _PATH_OPTIONS)
            return Under(tuple(filter_path(path) for path in given), option == "Recursive")
        case "Label":
            _relation(option, ("Equals",))
            return Labelled(given)
        case "Name":
            relation = _relation(option, ("Equals", "BeginsWith", "Contains"))
        case _:
            relation = _relation(option, ("Equals", "BeginsWith"))
    if relation is Relation.EQUALS:
        _expect(given, _VALUES.get(key))
    return Condition(Field(key), given, relation)


def _relation(option: str, known: Sequence[str]) -> Relation:
    return _OPTIONS[_known(option or "Equals", known)]


def _known(option: str, known: Sequence[str]) -> str:
    if option not in known:
        raise InvalidFilterOption(
            f"The following filter option is not valid: {option}. "
            f"Valid options include: [{', '.join(known)}]."
        )
    return option


def _expect(values: Sequence[str], known: Collection[str] | None) -> None:
    for value in values:
        if known is not None and value not in known:
            raise InvalidFilterValue(
                f"The following filter value is not valid: {value}. "
                f"Valid values include: [{', '.join(known)}]."
            )
