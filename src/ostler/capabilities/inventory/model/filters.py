"""Filters and aggregators: which nodes are asked for, and by what they are counted."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from ostler.capabilities.inventory.errors import InvalidAggregatorException, InvalidFilter
from ostler.capabilities.inventory.model.items import Entry
from ostler.grammar.filters import Filter, Operator
from ostler.grammar.inventory import SCHEMAS, Schema
from ostler.grammar.patches import compare_debian, compare_rpm

TYPE_NAME = "TypeName"

_VERSIONS = {"Version", "FileVersion", "ProductVersion", "AgentVersion", "PlatformVersion"}
_OF_RPM = ("Release", "Epoch")


@dataclass(frozen=True, slots=True)
class Clause:
    """Entries of a type whose attribute stands so to one of the values."""

    type_name: str
    attribute: str
    operator: Operator
    values: tuple[str, ...]

    def holds(self, entry: Entry) -> bool:
        """Whether it is so for this entry."""
        actual = entry.get(self.attribute)
        match self.operator:
            case Operator.EXISTS:
                return actual is not None
            case Operator.NOT_EQUAL:
                return actual not in self.values
            case Operator.EQUAL:
                return actual in self.values
            case Operator.BEGIN_WITH:
                return actual is not None and actual.startswith(self.values)
            case operator:
                wanted = -1 if operator is Operator.LESS_THAN else 1
                compare = _comparison(self.attribute, entry)
                return actual is not None and any(
                    compare(actual, value) * wanted > 0 for value in self.values
                )


@dataclass(frozen=True, slots=True)
class TypeExists:
    """Nodes that told of one of these types, whatever they told."""

    type_names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which nodes: those that meet every condition.

    Clauses about one type must hold in one and the same entry ("Name is openssl and Version is
    less than 3.0.15"). Where all that is said about a type is what its entries are not, the node
    must have told of the type, and no entry of it may be so.
    """

    clauses: Mapping[str, Sequence[Clause]]
    existing: Sequence[TypeExists] = ()


@dataclass(frozen=True, slots=True)
class Attribute:
    """An attribute of a type, by which nodes are counted."""

    type_name: str
    name: str


Chain = Sequence[Attribute]
"""Attributes by which nodes are counted together, the outermost aggregator's first."""


@dataclass(frozen=True, slots=True)
class Group:
    """A name for the nodes that are wanted so."""

    name: str
    wanted: Wanted


FindSchema = Callable[[str], Schema | None]


def wanted(filters: Iterable[Filter], schema_of: FindSchema) -> Wanted:
    """What the filters of a request ask for; InvalidFilter for what there is not."""
    clauses: dict[str, list[Clause]] = {}
    existing = []
    for given in filters:
        if given.key == TYPE_NAME:
            existing.append(_type_exists(given, schema_of))
            continue
        attribute = _attribute(given.key, schema_of)
        if attribute is None:
            raise InvalidFilter(
                f"{given.key} is not a key of this filter: it is {TYPE_NAME}, or a type and one "
                "of its attributes, as AWS:Application.Name."
            )
        if not given.values and given.operator is not Operator.EXISTS:
            raise InvalidFilter(f"The filter {given.key} has no values.")
        clause = Clause(attribute.type_name, attribute.name, given.operator, tuple(given.values))
        clauses.setdefault(attribute.type_name, []).append(clause)
    return Wanted(clauses, existing)


def entries_wanted(filters: Iterable[Filter], schema: Schema) -> list[Clause]:
    """The same for the entries of one type, whose attributes may be named without it."""
    found = []
    for given in filters:
        attribute = given.key.removeprefix(f"{schema.name}.")
        if not _has(schema, attribute):
            raise InvalidFilter(f"{given.key} is not an attribute of {schema.name}.")
        found.append(Clause(schema.name, attribute, given.operator, tuple(given.values)))
    return found


def attribute_of(expression: str, schema_of: FindSchema) -> Attribute:
    """The attribute that an aggregator's expression names."""
    attribute = _attribute(expression, schema_of)
    if attribute is None:
        raise InvalidAggregatorException(
            f"{expression} is not a type and one of its attributes, as AWS:Application.Name."
        )
    return attribute


def holds(clauses: Sequence[Clause], entry: Entry) -> bool:
    """Whether every clause holds in the entry."""
    return all(clause.holds(entry) for clause in clauses)


def only_denies(clauses: Sequence[Clause]) -> bool:
    """Whether the clauses say nothing but what entries are not."""
    return all(clause.operator is Operator.NOT_EQUAL for clause in clauses)


def _type_exists(given: Filter, schema_of: FindSchema) -> TypeExists:
    if given.operator is not Operator.EXISTS:
        raise InvalidFilter(f"{TYPE_NAME} can only be compared by {Operator.EXISTS}.")
    return TypeExists(tuple(given.values))


def _attribute(key: str, schema_of: FindSchema) -> Attribute | None:
    """The attribute that a key names; dots may be in the names of types and of attributes."""
    for place, character in enumerate(key):
        if character == "." and (schema := schema_of(key[:place])) is not None:
            name = key[place + 1 :]
            return Attribute(schema.name, name) if _has(schema, name) else None
    return None


def _has(schema: Schema, attribute: str) -> bool:
    """Nodes may tell a custom type's new attribute any time, so that any name may be one."""
    return bool(attribute) and (attribute in schema.attributes or schema.name not in SCHEMAS)


def _comparison(attribute: str, entry: Entry) -> Callable[[str, str], int]:
    """How values of the attribute are compared: as versions, as numbers, or as texts."""
    if attribute in _VERSIONS:
        is_rpms = any(entry.get(name) for name in _OF_RPM)
        return _compare_rpm if is_rpms else _compare_debian
    return _compare


# One version is compared with another for thousands of nodes.
_compare_rpm = lru_cache(maxsize=100_000)(compare_rpm)
_compare_debian = lru_cache(maxsize=100_000)(compare_debian)


def _compare(left: str, right: str) -> int:
    try:
        one, other = float(left), float(right)
    except ValueError:
        return (left > right) - (left < right)
    return (one > other) - (one < other)
