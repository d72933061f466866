"""Nodes as they are kept, and the queries over the fleet."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import case, delete, func, insert, select, update
from sqlalchemy import exists as exist

from ostler.capabilities.nodes.model.filters import Field
from ostler.capabilities.nodes.model.keys import Lock, PublicKey
from ostler.capabilities.nodes.model.nodes import FACTS, Facts, Node, version_order
from ostler.capabilities.nodes.model.summaries import Count
from ostler.capabilities.nodes.store.conditions import Wanted, expression, holding
from ostler.capabilities.nodes.store.tables import connections, nodes, tombstones
from ostler.foundation.ids import AccountId, ActivationId, NodeId, Region
from ostler.foundation.paging import Page, PageRequest
from ostler.foundation.storage import Transaction

_OWN = (
    "id",
    "account",
    "region",
    "role",
    "registered",
    "activation",
    "name",
    "heard",
)
_CONNECTED = exist().where(connections.c.node == nodes.c.id).label("connected")
_SHOWN = [*(nodes.c[name] for name in _OWN), _CONNECTED, *(nodes.c[fact] for fact in FACTS)]
_AT_ONCE = 5000


@dataclass(frozen=True, slots=True)
class Holder:
    """The node that a key belongs to, and the fingerprint of its machine."""

    node: Node
    fingerprint: str


def census(tx: Transaction, heard_after: datetime) -> tuple[int, int]:
    """How many nodes there are, and how many of them were heard lately."""
    heard = func.count(case((nodes.c.heard > heard_after, 1)))
    row = tx.one(select(func.count().label("every"), heard.label("heard")).select_from(nodes))
    assert row is not None
    return row.every, row.heard


def add(tx: Transaction, node: Node, lock: Lock) -> None:
    """Keep a new node with what will prove that it is itself."""
    tx.execute(
        insert(nodes).values(
            id=node.id,
            role=node.role,
            registered=node.registered,
            activation=node.activation,
            name=node.name,
            public_key=lock.key.der,
            key_digest=lock.key.digest,
            key_since=lock.since,
            fingerprint=lock.fingerprint,
            heard=node.heard,
            online=False,
            **facts_columns(node.facts),
        )
    )


def find(tx: Transaction, node: NodeId) -> Node | None:
    """The node, if the scope has it."""
    row = tx.one(select(*_SHOWN).where(nodes.c.id == node))
    return None if row is None else _node(row)


def find_many(tx: Transaction, ids: Sequence[NodeId]) -> dict[NodeId, Node]:
    """Those of the nodes that the scope has."""
    found: dict[NodeId, Node] = {}
    for start in range(0, len(ids), _AT_ONCE):
        some = ids[start : start + _AT_ONCE]
        for row in tx.all(select(*_SHOWN).where(nodes.c.id.in_(some))):
            found[row.id] = _node(row)
    return found


def exists(tx: Transaction, node: str) -> bool:
    """Whether the scope has such a node."""
    return tx.scalar(select(nodes.c.id).where(nodes.c.id == node)) is not None


def every(tx: Transaction) -> list[Node]:
    """Every node of the scope, in the order of ids."""
    return [_node(row) for row in tx.all(select(*_SHOWN).order_by(nodes.c.id))]


def page(tx: Transaction, wanted: Wanted, asked: PageRequest) -> Page[Node]:
    """Some of the nodes that are wanted, in the order of ids."""
    query = holding(select(*_SHOWN), wanted).order_by(nodes.c.id).limit(asked.limit + 1)
    if asked.after is not None:
        query = query.where(nodes.c.id > asked.after[0])
    return Page.cut([_node(row) for row in tx.all(query)], asked.limit, lambda node: (node.id,))


def counts(tx: Transaction, wanted: Wanted, grouping: Sequence[Field]) -> list[Count]:
    """How many of the wanted nodes share their values of these fields."""
    groups = [expression(field, wanted.at).label(f"group_{n}") for n, field in enumerate(grouping)]
    each = holding(select(*groups).select_from(nodes), wanted).subquery()
    found = tx.all(select(*each.c, func.count().label("nodes")).group_by(*each.c))
    return sorted(
        (Count(dict(zip(grouping, row[:-1], strict=True)), row.nodes) for row in found),
        key=lambda count: tuple(count.values.values()),
    )


def lock(tx: Transaction, node: NodeId) -> Lock | None:
    """What proves that a machine is this node."""
    row = tx.one(
        select(nodes.c.public_key, nodes.c.key_since, nodes.c.fingerprint).where(nodes.c.id == node)
    )
    return row and Lock(PublicKey(row.public_key), row.key_since, row.fingerprint)


def public_key(tx: Transaction, region: Region, node: NodeId) -> tuple[AccountId, bytes] | None:
    """Whose the node is, and its key; for who knows no account yet."""
    row = tx.one(
        select(nodes.c.account, nodes.c.public_key).where(
            nodes.c.id == node, nodes.c.region == region
        )
    )
    return None if row is None else (row.account, row.public_key)


def holder(tx: Transaction, digest: str) -> Holder | None:
    """The node whose key this is, wherever in the house."""
    row = tx.one(select(*_SHOWN, nodes.c.fingerprint).where(nodes.c.key_digest == digest))
    return row and Holder(_node(row), row.fingerprint)


def known(tx: Transaction, node: NodeId) -> bool:
    """Whether the id belongs or belonged to any node of the house."""
    return (
        tx.scalar(select(nodes.c.id).where(nodes.c.id == node)) is not None
        or tx.scalar(select(tombstones.c.id).where(tombstones.c.id == node)) is not None
    )


def change_key(tx: Transaction, node: NodeId, key: PublicKey, at: datetime) -> bool:
    """Put another key in the place of the old one; whether there is such a node."""
    changed = tx.execute(
        update(nodes)
        .where(nodes.c.id == node)
        .values(public_key=key.der, key_digest=key.digest, key_since=at)
    )
    return changed.rowcount == 1


def change_role(tx: Transaction, node: NodeId, role: str) -> bool:
    """Give the node another role; whether there is such a node."""
    return tx.execute(update(nodes).where(nodes.c.id == node).values(role=role)).rowcount == 1


def bury(tx: Transaction, node: NodeId, at: datetime) -> bool:
    """Take the node off the fleet and remember its id for ever; whether there was one."""
    row = tx.one(select(nodes.c.activation, nodes.c.fingerprint).where(nodes.c.id == node))
    if row is None:
        return False
    tx.execute(
        insert(tombstones).values(
            id=node, activation=row.activation, fingerprint=row.fingerprint, deregistered=at
        )
    )
    tx.execute(delete(nodes).where(nodes.c.id == node))
    return True


def buried(tx: Transaction, activation: ActivationId, fingerprint: str) -> bool:
    """Whether a machine that this activation registered was deregistered since."""
    return (
        tx.scalar(
            select(tombstones.c.id).where(
                tombstones.c.activation == activation, tombstones.c.fingerprint == fingerprint
            )
        )
        is not None
    )


def facts_columns(facts: Facts) -> dict[str, str]:
    """The facts as columns, with those by which versions are compared."""
    return {
        **{fact: getattr(facts, fact) for fact in FACTS},
        "agent_order": version_order(facts.agent_version),
        "platform_order": version_order(facts.platform_version),
    }


def _node(row: Sequence[Any]) -> Node:
    own = dict(zip((*_OWN, "connected"), row, strict=False))
    return Node(facts=Facts(*row[len(own) : len(_SHOWN)]), **own)
