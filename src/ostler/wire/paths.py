"""Paths of REST operations: which one a method and a path mean, and what stands in its labels."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import parse_qsl, unquote

from botocore.model import OperationModel

_LITERAL, _LABEL, _GREEDY = range(3)


@dataclass(frozen=True, slots=True)
class Route:
    """One operation's method, path and required query keys.

    `rank` orders routes: literal segments before labels, labels before greedy ones, and of two
    alike the one that requires more of the query.
    """

    method: str
    pattern: re.Pattern[str]
    operation: str
    labels: tuple[str, ...]
    query: tuple[tuple[str, str], ...]
    rank: tuple[tuple[int, ...], int]

    def matches(self, method: str, path: str, query: str = "") -> bool:
        """Whether a request with this method, raw path and raw query means the operation."""
        if method != self.method or self.pattern.fullmatch(path) is None:
            return False
        return not self.query or self._has_required(query)

    def values(self, path: str) -> Mapping[str, str]:
        """What stands in the labels, decoded; nothing when the path is another operation's."""
        found = self.pattern.fullmatch(path)
        if found is None:
            return {}
        return {name: unquote(text) for name, text in zip(self.labels, found.groups(), strict=True)}

    def _has_required(self, query: str) -> bool:
        given = parse_qsl(query, keep_blank_values=True)
        return all(pair in given for pair in self.query)


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
    return Route(
        method=op.http["method"],
        pattern=re.compile(f"/{'/'.join(pattern)}/?"),
        operation=op.name,
        labels=tuple(labels),
        query=required,
        rank=(tuple(ranks), -len(required)),
    )
