"""Paths of REST operations: which one a method and a path mean, and what stands in its labels."""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from urllib.parse import parse_qsl, unquote

from botocore.model import OperationModel

_LITERAL, _LABEL, _GREEDY = range(3)


@dataclass(frozen=True, slots=True)
class Route:
    """One operation's method, path and required query keys.

    `needs` are the query keys and header names without which its input is not complete: where
    several operations share a path, they tell which one is meant. `rank` orders routes: literal
    segments before labels, labels before greedy ones, and of two alike the one that requires more.
    """

    method: str
    pattern: re.Pattern[str]
    operation: str
    labels: tuple[str, ...]
    query: tuple[tuple[str, str], ...]
    needs: frozenset[str]
    rank: tuple[tuple[int, ...], int, int, bool]

    def matches(self, method: str, path: str, query: Collection[tuple[str, str]] = ()) -> bool:
        """Whether a request with this method, raw path and query may mean the operation."""
        if method != self.method or not all(pair in query for pair in self.query):
            return False
        return self.pattern.fullmatch(path) is not None

    def values(self, path: str) -> Mapping[str, str]:
        """What stands in the labels, decoded; nothing when the path is another operation's."""
        found = self.pattern.fullmatch(path)
        if found is None:
            return {}
        return {name: unquote(text) for name, text in zip(self.labels, found.groups(), strict=True)}


def route_of(op: OperationModel) -> Route:
    """The route of an operation, from the URI in its model."""
    path, _, query = op.http["requestUri"].partition("?")
    pattern: list[str] = []
    labels: list[str] = []
    ranks: list[int] = []
    for segment in path.strip("/").split("/"):
        label = segment[1:-1] if segment.startswith("{") and segment.endswith("}") else None
        if label is None:
            pattern.append(re.escape(segment))
            ranks.append(_LITERAL)
        elif label.endswith("+"):
            pattern.append("(.+)")
            labels.append(label[:-1])
            ranks.append(_GREEDY)
        else:
            pattern.append("([^/]+)")
            labels.append(label)
            ranks.append(_LABEL)
    required = tuple(parse_qsl(query, keep_blank_values=True))
    needs = _needs(op)
    return Route(
        method=op.http["method"],
        pattern=re.compile(f"/{'/'.join(pattern)}/?"),
        operation=op.name,
        labels=tuple(labels),
        query=required,
        needs=needs,
        rank=(tuple(ranks), -len(required), -len(needs), bool(op.deprecated)),
    )


def _needs(op: OperationModel) -> frozenset[str]:
    shape = op.input_shape
    if shape is None:
        return frozenset()
    placed = {name: shape.members[name].serialization for name in shape.required_members}
    return frozenset(
        traits.get("name", name).lower() if traits["location"] == "header" else traits["name"]
        for name, traits in placed.items()
        if traits.get("location") in ("header", "querystring")
    )
