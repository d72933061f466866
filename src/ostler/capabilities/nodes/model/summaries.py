"""Summaries: how many nodes there are of each sort, by one or two of their fields."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ostler.capabilities.nodes.errors import InvalidAggregatorException
from ostler.capabilities.nodes.model.filters import Field

DEEPEST = 2
"""A line of a summary has room for a count and two fields."""


@dataclass(frozen=True, slots=True)
class Aggregator:
    """Counts nodes by a field; `within` refines each of its counts."""

    field: Field
    within: tuple["Aggregator", ...] = ()


@dataclass(frozen=True, slots=True)
class Count:
    """So many nodes share these values."""

    values: Mapping[Field, str]
    nodes: int


def groupings(aggregators: Sequence[Aggregator]) -> list[tuple[Field, ...]]:
    """The fields to count by: one grouping for each aggregator that nothing refines further."""
    return [path for aggregator in aggregators for path in _paths(aggregator, ())]


def _paths(aggregator: Aggregator, above: tuple[Field, ...]) -> list[tuple[Field, ...]]:
    path = (*above, aggregator.field)
    if len(path) > DEEPEST:
        raise InvalidAggregatorException(f"Aggregators nest at most {DEEPEST} deep.")
    if aggregator.field in above:
        raise InvalidAggregatorException(
            f"{aggregator.field} can't be refined by itself; name another attribute."
        )
    if not aggregator.within:
        return [path]
    return [deeper for inner in aggregator.within for deeper in _paths(inner, path)]
