"""Asking: which nodes have what, and what changed on them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from ostler.capabilities.inventory.errors import InvalidTypeNameException
from ostler.capabilities.inventory.model.filters import Clause, entries_wanted, holds, wanted
from ostler.capabilities.inventory.model.items import Entry, Item, ToldChange, schema_of
from ostler.capabilities.inventory.service.selection import Selection, schemas
from ostler.capabilities.inventory.store import items as store
from ostler.capabilities.nodes import InvalidInstanceId, Node
from ostler.foundation.call import Call
from ostler.foundation.ids import NodeId
from ostler.foundation.paging import Page, PageRequest
from ostler.foundation.storage import Storage, Transaction
from ostler.grammar.filters import Filter
from ostler.grammar.inventory import KNOWN, SCHEMAS, Schema

_READ_AT_ONCE = 1000


@dataclass(frozen=True, slots=True)
class Told:
    """What a node told of a type: the entries that were asked for, and how they came."""

    type_name: str
    version: str
    entries: Sequence[Entry]
    captured: str = ""
    content_hash: str = ""


@dataclass(frozen=True, slots=True)
class Entity:
    """A node, and what it told of the type in question; None if that is nothing."""

    node: NodeId
    told: Told | None


class Inventory:
    """The inventory as people ask for it."""

    def __init__(self, storage: Storage, selection: Selection) -> None:
        self._storage = storage
        self._selection = selection

    async def schemas(self, call: Call) -> Sequence[Schema]:
        """Every type that there is for the caller, the account's own among them."""
        await call.allow()
        custom = await self._storage.read(call.scope, store.custom_schemas)
        own = [schema_of(name, custom) for name in sorted(custom)]
        return [*SCHEMAS.values(), *(schema for schema in own if schema is not None)]

    async def find(
        self, call: Call, filters: Sequence[Filter], type_name: str, asked: PageRequest
    ) -> Page[Entity]:
        """Nodes that pass every filter, with what they have of a type.

        Of a type that filters speak of, only the entries that pass are among it.
        """
        await call.allow()

        def find(tx: Transaction) -> Page[Entity]:
            find_schema = schemas(tx)
            schema = find_schema(type_name)
            if schema is None:
                raise InvalidTypeNameException(f"There is no type {type_name}.")
            meant = wanted(filters, find_schema)
            fleet = self._selection.fleet(tx)
            fitting = sorted(self._selection.fitting(tx, fleet, meant))
            left = [node for node in fitting if asked.after is None or node > asked.after[0]]
            page = Page.cut(left[: asked.limit + 1], asked.limit, lambda node: (node,))
            clauses = meant.clauses.get(type_name, ())
            told = self._told(tx, [fleet[node] for node in page.items], schema, clauses)
            return Page([Entity(node, told.get(node)) for node in page.items], page.last)

        return await self._storage.read(call.scope, find)

    async def entries(
        self,
        call: Call,
        node: NodeId,
        type_name: str,
        filters: Sequence[Filter],
        asked: PageRequest,
    ) -> tuple[Page[Entry], Told]:
        """A node's entries of a type, those that pass every filter; and how they came."""
        await call.allow(call.arn("managed-instance", node))

        def find(tx: Transaction) -> tuple[Page[Entry], Told]:
            found = self._selection.find(tx, node)
            if found is None:
                raise InvalidInstanceId(
                    f"Instances [[{node}]] not in a valid state for account {call.account}"
                )
            schema = schemas(tx)(type_name)
            if schema is None:
                raise InvalidTypeNameException(f"There is no type {type_name}.")
            clauses = entries_wanted(filters, schema)
            if type_name in KNOWN:
                told = self._told(tx, [found], schema, clauses)[node]
                return Page(told.entries), told
            item = store.find(tx, node, [type_name]).get(type_name)
            return _page(tx, node, type_name, clauses, asked), _as_told(schema, item, ())

        return await self._storage.read(call.scope, find)

    async def history(
        self,
        call: Call,
        asked: PageRequest,
        *,
        node: NodeId | None,
        type_name: str | None,
        since: datetime | None,
        until: datetime | None,
    ) -> Page[ToldChange]:
        """What came, went and changed, on a node or on all of them, the oldest change first."""
        await call.allow(*([] if node is None else [call.arn("managed-instance", node)]))
        return await self._storage.read(
            call.scope,
            partial(
                store.history, asked=asked, node=node, type_name=type_name, since=since, until=until
            ),
        )

    def _told(
        self, tx: Transaction, nodes: Sequence[Node], schema: Schema, clauses: Sequence[Clause]
    ) -> Mapping[NodeId, Told]:
        """What these nodes told of a type, and which of their entries meet the clauses."""
        ids = [node.id for node in nodes]
        items: Mapping[tuple[str, str], Item] = {}
        if schema.name in KNOWN:
            found: Mapping[NodeId, Sequence[Entry]] = self._selection.known(tx, nodes, schema.name)
        else:
            items = store.find_many(tx, ids, [schema.name])
            entries = store.of_nodes(tx, ids, schema.name)
            found = {node: entries.get(node, ()) for node in ids if (node, schema.name) in items}
        return {
            node: _as_told(
                schema,
                items.get((node, schema.name)),
                [entry for entry in found[node] if holds(clauses, entry)],
            )
            for node in found
        }


def _page(
    tx: Transaction,
    node: NodeId,
    type_name: str,
    clauses: Sequence[Clause],
    asked: PageRequest,
) -> Page[Entry]:
    after = asked.after
    found: list[tuple[tuple[str, str], Entry]] = []
    while len(found) <= asked.limit:
        some = store.page(tx, node, type_name, after, _READ_AT_ONCE)
        found += [each for each in some if holds(clauses, each[1])]
        if len(some) < _READ_AT_ONCE:
            break
        after = some[-1][0]
    page = Page.cut(found[: asked.limit + 1], asked.limit, lambda each: each[0])
    return Page([entry for _, entry in page.items], page.last)


def _as_told(schema: Schema, item: Item | None, entries: Sequence[Entry]) -> Told:
    if item is None:
        return Told(schema.name, schema.version, entries)
    return Told(schema.name, item.version, entries, item.captured, item.content_hash)
