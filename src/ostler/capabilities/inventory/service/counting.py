"""Counting: how many nodes have which values, and how many belong to a group."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from ostler.capabilities.inventory.model.filters import (
    Chain,
    Group,
    Wanted,
    attribute_of,
    holds,
    wanted,
)
from ostler.capabilities.inventory.model.items import Entry
from ostler.capabilities.inventory.service.selection import Fleet, Selection, schemas
from ostler.capabilities.inventory.store import asking as store
from ostler.foundation.call import Call
from ostler.foundation.ids import NodeId
from ostler.foundation.storage import Storage, Transaction
from ostler.grammar.filters import Filter
from ostler.grammar.inventory import KNOWN

_MOST_ROWS = 10_000
_FEW = 500
"""So many nodes are looked at one by one; of more, the whole type is."""

Values = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Question:
    """What is counted: the attributes of each aggregator and those nested in it, and groups."""

    chains: Sequence[Sequence[str]]
    groups: Sequence[tuple[str, Sequence[Filter]]]


@dataclass(frozen=True, slots=True)
class Sums:
    """How many nodes have which values, or belong to which group; the most frequent first."""

    name: str
    rows: Sequence[Entry]


class Counting:
    """The inventory in numbers."""

    def __init__(self, storage: Storage, selection: Selection) -> None:
        self._storage = storage
        self._selection = selection

    async def count(self, call: Call, filters: Sequence[Filter], asked: Question) -> Sequence[Sums]:
        """Count the nodes that pass every filter."""
        await call.allow()

        def count(tx: Transaction) -> Sequence[Sums]:
            find_schema = schemas(tx)
            chains = [[attribute_of(text, find_schema) for text in one] for one in asked.chains]
            groups = [Group(name, wanted(inner, find_schema)) for name, inner in asked.groups]
            meant = wanted(filters, find_schema)
            fleet = self._selection.fleet(tx)
            fitting = self._selection.fitting(tx, fleet, meant)
            return [
                *(self._summed(tx, fleet, fitting, chain, meant) for chain in chains),
                *(self._grouped(tx, fleet, fitting, group) for group in groups),
            ]

        return await self._storage.read(call.scope, count)

    def _summed(
        self, tx: Transaction, fleet: Fleet, fitting: set[NodeId], chain: Chain, meant: Wanted
    ) -> Sums:
        first = chain[0].type_name
        names = [attribute.name for attribute in chain]
        of_one_type = all(attribute.type_name == first for attribute in chain)
        if of_one_type and first not in KNOWN and not meant.clauses and not meant.existing:
            counts = Counter(dict(store.counted(tx, first, names)))
        else:
            counts = Counter(self._combined(tx, fleet, fitting, chain, meant))
        rows = [
            {**dict(zip(names, values, strict=True)), "Count": str(count)}
            for values, count in sorted(counts.items(), key=lambda each: (-each[1], each[0]))
        ]
        return Sums(first, rows[:_MOST_ROWS])

    def _combined(
        self, tx: Transaction, fleet: Fleet, fitting: set[NodeId], chain: Chain, meant: Wanted
    ) -> Iterator[Values]:
        """The values that each node has of the chain's attributes, once each.

        Values of one type are those of one entry; values of several types are combined.
        """
        by_type: dict[str, list[str]] = {}
        for attribute in chain:
            by_type.setdefault(attribute.type_name, []).append(attribute.name)
        combined: dict[NodeId, set[Values]] = {node: {()} for node in fitting}
        for type_name, names in by_type.items():
            found: dict[NodeId, set[Values]] = {}
            for node, values in self._values(tx, fleet, fitting, type_name, names, meant):
                found.setdefault(node, set()).add(values)
            combined = {
                node: {known + more for known in sofar for more in found.get(node, ())}
                for node, sofar in combined.items()
            }
        order = [(type_name, name) for type_name, names in by_type.items() for name in names]
        places = [order.index((attribute.type_name, attribute.name)) for attribute in chain]
        for rows in combined.values():
            yield from (tuple(row[place] for place in places) for row in rows)

    def _values(
        self,
        tx: Transaction,
        fleet: Fleet,
        fitting: set[NodeId],
        type_name: str,
        names: Sequence[str],
        meant: Wanted,
    ) -> Iterable[tuple[NodeId, Values]]:
        clauses = meant.clauses.get(type_name, ())
        if type_name not in KNOWN:
            few = sorted(fitting) if len(fitting) <= _FEW else None
            found = store.values(tx, type_name, names, clauses, nodes=few)
            return ((NodeId(node), values) for node, values in found)
        known = self._selection.known(tx, [fleet[node] for node in fitting], type_name)
        return (
            (node, tuple(entry.get(name, "") for name in names))
            for node, entries in known.items()
            for entry in entries
            if holds(clauses, entry)
        )

    def _grouped(self, tx: Transaction, fleet: Fleet, fitting: set[NodeId], group: Group) -> Sums:
        matching = len(self._selection.fitting(tx, fleet, group.wanted) & fitting)
        return Sums(
            group.name,
            [
                {"notMatchingCount": str(len(fitting) - matching)},
                {"matchingCount": str(matching)},
            ],
        )
