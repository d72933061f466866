"""Targets: whom a command, an association or a window means."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

EVERY_NODE = "*"


class TargetFault(Exception):
    """A target that nobody can resolve."""


@dataclass(frozen=True, slots=True)
class Target:
    """One key with its values; a node fits when it has any of them."""

    key: str
    values: Sequence[str]


@dataclass(frozen=True, slots=True)
class Targets:
    """Several targets at once; a node must fit all of them.

    `ids` is None where nodes are not named one by one, and `every` says that all are meant. In
    `tags` a key without values asks only that the node has it.
    """

    ids: Sequence[str] | None = None
    every: bool = False
    tags: Sequence[tuple[str, Sequence[str]]] = ()
    tag_keys: Sequence[Sequence[str]] = ()
    groups: Sequence[str] = ()
    resource_types: Sequence[str] = ()

    def fit(self, node: str, tags: Mapping[str, str]) -> bool:
        """Whether a node with these tags is meant, as far as ids and tags decide."""
        if not (self.every or self.ids is not None or self.tags or self.tag_keys):
            return False
        if self.ids is not None and node not in self.ids:
            return False
        return all(
            key in tags and (not values or tags[key] in values) for key, values in self.tags
        ) and all(any(key in tags for key in keys) for keys in self.tag_keys)


def parse(given: Sequence[Mapping[str, Any]]) -> Targets:
    """The targets in a list of Key and Values as the API writes them; TargetFault if unknown."""
    return gather([Target(target.get("Key", ""), target.get("Values") or ()) for target in given])


def gather(targets: Sequence[Target]) -> Targets:
    """What several targets ask for together."""
    ids: list[str] | None = None
    every = False
    tags: list[tuple[str, Sequence[str]]] = []
    tag_keys: list[Sequence[str]] = []
    groups: list[str] = []
    resource_types: list[str] = []
    for target in targets:
        kind, _, name = target.key.partition(":")
        match kind:
            # AWS's own examples write InstanceIds and instanceids.
            case _ if target.key.lower() == "instanceids" and EVERY_NODE in target.values:
                every = True
            case _ if target.key.lower() == "instanceids":
                wanted = dict.fromkeys(target.values)
                ids = list(wanted) if ids is None else [node for node in ids if node in wanted]
            case "tag" if name:
                tags.append((name, tuple(target.values)))
            case "tag-key" if not name:
                tag_keys.append(tuple(target.values))
            case "resource-groups" if name == "Name":
                groups.extend(target.values)
            case "resource-groups" if name == "ResourceTypeFilters":
                resource_types.extend(target.values)
            case _:
                raise TargetFault(f"{target.key} is not a key of targets.")
    if len(groups) > 1:
        raise TargetFault("Only one resource group can be targeted at a time.")
    return Targets(
        None if ids is None else tuple(ids),
        every,
        tuple(tags),
        tuple(tag_keys),
        tuple(groups),
        tuple(resource_types),
    )
