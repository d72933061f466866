"""Heartbeats as they are kept: few statements for many nodes, whatever account they belong to."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, func, select, update

from ostler.capabilities.nodes.model.nodes import FACTS, Facts
from ostler.capabilities.nodes.store.nodes import facts_columns
from ostler.capabilities.nodes.store.tables import nodes
from ostler.foundation.ids import NodeId
from ostler.foundation.storage import Scope, Transaction


@dataclass(frozen=True, slots=True)
class Last:
    """What a node's last heartbeat left behind."""

    node: NodeId
    scope: Scope
    online: bool
    facts: Facts


def last(tx: Transaction, ids: Sequence[NodeId]) -> list[Last]:
    """The last word of those of the nodes that there are."""
    columns = [nodes.c.account, nodes.c.region, nodes.c.id, nodes.c.online]
    facts = [nodes.c[fact] for fact in FACTS]
    return [
        Last(row.id, Scope(row.account, row.region), row.online, Facts(*row[len(columns) :]))
        for row in tx.all(select(*columns, *facts).where(nodes.c.id.in_(ids)))
    ]


def hear(tx: Transaction, ids: Sequence[NodeId], at: datetime) -> None:
    """All of these nodes were heard at that instant."""
    tx.execute(update(nodes).where(nodes.c.id.in_(ids)).values(heard=at))


def wake(tx: Transaction, ids: Sequence[NodeId]) -> None:
    """These nodes are online again."""
    tx.execute(update(nodes).where(nodes.c.id.in_(ids)).values(online=True))


def tell(tx: Transaction, changed: Mapping[NodeId, Facts]) -> None:
    """Keep what these nodes say of themselves now."""
    if not changed:
        return
    rows = [{"node": node, **facts_columns(facts)} for node, facts in changed.items()]
    columns: dict[str, Any] = {name: bindparam(name) for name in rows[0] if name != "node"}
    tx.execute(update(nodes).where(nodes.c.id == bindparam("node")).values(columns), rows)


def fall_silent(tx: Transaction, since: datetime, most: int) -> list[NodeId]:
    """Take some of the scope's nodes that were not heard since for lost; which they are."""
    silent = select(nodes.c.id).where(nodes.c.online, nodes.c.heard <= since).limit(most)
    ids = [row.id for row in tx.all(silent)]
    if ids:
        tx.execute(
            update(nodes).where(nodes.c.id.in_(ids), nodes.c.heard <= since).values(online=False)
        )
    return ids


def heard_longest_ago(tx: Transaction) -> datetime | None:
    """When the node was heard that will be the next to fall silent."""
    heard: datetime | None = tx.scalar(select(func.min(nodes.c.heard)).where(nodes.c.online))
    return heard
