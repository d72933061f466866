"""Selection: which nodes are meant, and what the house itself knows of them."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from functools import cache, partial

from ostler.capabilities.inventory.model.filters import (
    Clause,
    FindSchema,
    Wanted,
    holds,
    only_denies,
)
from ostler.capabilities.inventory.model.items import Entry, schema_of
from ostler.capabilities.inventory.store import asking as store
from ostler.capabilities.inventory.store import items
from ostler.capabilities.nodes import Node, Nodes
from ostler.capabilities.tags import Tags
from ostler.foundation.clock import Clock
from ostler.foundation.ids import NodeId
from ostler.foundation.storage import Transaction
from ostler.grammar.filters import Operator
from ostler.grammar.inventory import KNOWN, NODE, SCHEMAS, Schema

NODES = "ManagedInstance"
_READ_AT_ONCE = 1000

Fleet = Mapping[NodeId, Node]


class Selection:
    """The nodes of a scope, seen by their inventories."""

    def __init__(self, clock: Clock, nodes: Nodes, tags: Tags) -> None:
        self._clock = clock
        self._nodes = nodes
        self._tags = tags

    def fleet(self, tx: Transaction) -> Fleet:
        """Every node of the transaction's scope."""
        return {node.id: node for node in self._nodes.every(tx)}

    def find(self, tx: Transaction, node: NodeId) -> Node | None:
        """One of them."""
        return self._nodes.find(tx, node)

    def fitting(self, tx: Transaction, fleet: Fleet, meant: Wanted) -> set[NodeId]:
        """Those of the nodes that are meant."""
        fitting = set(fleet)
        for existing in meant.existing:
            fitting &= _node_ids(store.telling(tx, existing.type_names))
        for type_name, clauses in meant.clauses.items():
            if type_name in KNOWN:
                known = self.known(tx, [fleet[node] for node in sorted(fitting)], type_name)
                fitting = {node for node in known if _passes(clauses, known[node])}
            elif only_denies(clauses):
                fitting &= _node_ids(store.telling(tx, [type_name]))
                for clause in clauses:
                    fitting -= _having(tx, type_name, [_affirmed(clause)])
            else:
                fitting &= _having(tx, type_name, clauses)
        return fitting

    def known(
        self, tx: Transaction, nodes: Sequence[Node], type_name: str
    ) -> dict[NodeId, list[Entry]]:
        """What the house itself knows of nodes, as entries of a type of KNOWN."""
        if type_name == NODE:
            now = self._clock.now()
            return {node.id: [_entry_of(node, now)] for node in nodes}
        carried: dict[str, Mapping[str, str]] = {}
        for start in range(0, len(nodes), _READ_AT_ONCE):
            ids = [node.id for node in nodes[start : start + _READ_AT_ONCE]]
            carried.update(self._tags.of_many(tx, NODES, ids))
        return {node.id: _tags(carried.get(node.id, {})) for node in nodes}


def schemas(tx: Transaction) -> FindSchema:
    """Finds schemas by name; the account's own are read when the first of them is asked for."""
    own = cache(partial(items.custom_schemas, tx))

    def find(type_name: str) -> Schema | None:
        return SCHEMAS.get(type_name) or schema_of(type_name, own())

    return find


def _having(tx: Transaction, type_name: str, clauses: Sequence[Clause]) -> set[NodeId]:
    return _node_ids(node for node, _ in store.matching(tx, type_name, clauses))


def _passes(clauses: Sequence[Clause], entries: Sequence[Entry]) -> bool:
    if only_denies(clauses):
        return all(holds(clauses, entry) for entry in entries)
    return any(holds(clauses, entry) for entry in entries)


def _affirmed(clause: Clause) -> Clause:
    """What a NotEqual denies."""
    return Clause(clause.type_name, clause.attribute, Operator.EQUAL, clause.values)


def _node_ids(ids: Iterable[str]) -> set[NodeId]:
    return {NodeId(node) for node in ids}


def _tags(carried: Mapping[str, str]) -> list[Entry]:
    return [{"Key": key, "Value": value} for key, value in carried.items()]


def _entry_of(node: Node, at: datetime) -> Entry:
    facts = node.facts
    return {
        "AgentStatus": facts.agent_status,
        "AgentType": facts.agent_name,
        "AgentVersion": facts.agent_version,
        "ComputerName": facts.computer_name,
        "InstanceId": node.id,
        "InstanceStatus": node.instance_status(at),
        "IpAddress": facts.ip_address,
        "PlatformName": facts.platform_name,
        "PlatformType": facts.platform_type,
        "PlatformVersion": facts.platform_version,
        "ResourceType": NODES,
    }
