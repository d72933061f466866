"""How associations stand on their nodes, as it is kept."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Row, Select, and_, bindparam, case, delete, func, or_, select, tuple_, update

from ostler.capabilities.associations.model import (
    ERRORS,
    OPEN,
    Association,
    Member,
    Status,
)
from ostler.capabilities.associations.store.associations import association_of
from ostler.capabilities.associations.store.tables import associations, members
from ostler.foundation.ids import NodeId
from ostler.foundation.paging import Page, PageRequest
from ostler.foundation.storage import Transaction

_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class Held:
    """An association, and how it stands on one node."""

    association: Association
    member: Member


@dataclass(frozen=True, slots=True)
class NodeStanding:
    """How all associations of a node stand together."""

    counts: Mapping[Status, int] = field(default_factory=dict)
    ran: datetime | None = None
    succeeded: datetime | None = None


def nodes_of(tx: Transaction, association: str) -> list[NodeId]:
    """The nodes that the association has, in the order of ids."""
    its = select(members.c.node).where(members.c.association == association)
    return [NodeId(row.node) for row in tx.all(its.order_by(members.c.node))]


def held_by(tx: Transaction, node: NodeId) -> set[str]:
    """The associations that the node has."""
    its = select(members.c.association).where(members.c.node == node)
    return {row.association for row in tx.all(its)}


def add(tx: Transaction, association: Association, nodes: Sequence[NodeId]) -> None:
    """Let the association have these nodes, too."""
    tx.insert_many(
        members,
        [
            {
                "association": association.id,
                "node": node,
                "status": Status.ASSOCIATED.value,
                "version": association.version,
                "execution": None,
                "overtaken": False,
                "told": True,
                "ran": None,
                "succeeded": None,
                "summary": "",
                "error_code": "",
                "output_url": "",
                "drift": "",
            }
            for node in nodes
        ],
    )


def remove(tx: Transaction, association: str, nodes: Sequence[NodeId]) -> None:
    """These nodes are none of the association's any more."""
    for some in _chunks(nodes):
        tx.execute(
            delete(members).where(members.c.association == association, members.c.node.in_(some))
        )


def join(
    tx: Transaction, association: Association, execution: str, nodes: Sequence[NodeId]
) -> None:
    """These nodes take part in an execution, and wait for their turn."""
    at_work = members.c.status == Status.IN_PROGRESS.value
    for some in _chunks(nodes):
        tx.execute(
            update(members)
            .where(members.c.association == association.id, members.c.node.in_(some))
            .values(
                overtaken=or_(members.c.overtaken, at_work),
                status=Status.WAITING.value,
                version=association.version,
                execution=execution,
                told=True,
            )
        )


def grant(tx: Transaction, association: str, nodes: Sequence[NodeId]) -> None:
    """These nodes may begin; they are to be told."""
    for some in _chunks(nodes):
        tx.execute(
            update(members)
            .where(members.c.association == association, members.c.node.in_(some))
            .values(status=Status.PENDING.value, told=False)
        )


def end(
    tx: Transaction, pairs: Sequence[tuple[str, NodeId]], status: Status, at: datetime, summary: str
) -> None:
    """The server ends runs of these executions on these nodes, where they are the latest."""
    for some in _chunks(pairs):
        its = tuple_(members.c.execution, members.c.node).in_(some)
        values: dict[str, Any] = {"status": status.value, "summary": summary, "error_code": ""}
        if status.error:
            values |= {"ran": at, "drift": ""}
        tx.execute(update(members).where(its).values(**values))


def find_many(
    tx: Transaction, pairs: Iterable[tuple[str, NodeId]]
) -> dict[tuple[str, NodeId], Member]:
    """How these associations stand on these nodes; pairs that there are not are left out."""
    found: dict[tuple[str, NodeId], Member] = {}
    for some in _chunks(list(pairs)):
        its = tuple_(members.c.association, members.c.node).in_(some)
        for row in tx.all(select(members).where(its)):
            found[row.association, NodeId(row.node)] = _member(row)
    return found


_SAVE = (
    update(members)
    .where(
        members.c.association == bindparam("its_association"),
        members.c.node == bindparam("its_node"),
    )
    .values(
        {
            name: bindparam(f"new_{name}")
            for name in (
                *("status", "execution", "version", "overtaken", "ran", "succeeded"),
                *("summary", "error_code", "output_url", "drift"),
            )
        }
    )
)


def save(tx: Transaction, changed: Sequence[Member]) -> None:
    """Keep how these stand now; their nodes have spoken of them, so they know."""
    if not changed:
        return
    tx.execute(
        _SAVE,
        [
            {
                "its_association": one.association,
                "its_node": one.node,
                "new_status": one.status.value,
                "new_execution": one.execution,
                "new_version": one.version,
                "new_overtaken": one.overtaken,
                "new_ran": one.ran,
                "new_succeeded": one.succeeded,
                "new_summary": one.summary,
                "new_error_code": one.error_code,
                "new_output_url": one.output_url,
                "new_drift": one.drift,
            }
            for one in changed
        ],
    )


def counts(tx: Transaction, ids: Sequence[str]) -> dict[str, dict[Status, int]]:
    """How many nodes stand how, for each association that has any."""
    found: dict[str, dict[Status, int]] = {}
    for some in _chunks(ids):
        grouped = (
            select(members.c.association, members.c.status, func.count().label("number"))
            .where(members.c.association.in_(some))
            .group_by(members.c.association, members.c.status)
        )
        for row in tx.all(grouped):
            found.setdefault(row.association, {})[Status(row.status)] = row.number
    return found


def page_of_node(tx: Transaction, node: NodeId, asked: PageRequest, *, begun: bool) -> Page[Held]:
    """What holds on the node, in the order of ids; only what was ever begun, if `begun`."""
    both = and_(
        associations.c.account == members.c.account,
        associations.c.region == members.c.region,
        associations.c.association == members.c.association,
    )
    shown = [column.label(f"m_{column.name}") for column in members.c]
    query = select(associations, *shown).join(members, both).where(members.c.node == node)
    if begun:
        query = query.where(members.c.status != Status.ASSOCIATED.value)
    if asked.after is not None:
        query = query.where(members.c.association > asked.after[0])
    query = query.order_by(members.c.association).limit(asked.limit + 1)
    found = [Held(association_of(row), _member(row, "m_")) for row in tx.all(query)]
    return Page.cut(found, asked.limit, lambda held: (held.association.id,))


def untold(tx: Transaction, node: NodeId) -> list[tuple[str, str]]:
    """The associations that the node may begin and does not know of, with their executions."""
    its = select(members.c.association, members.c.execution).where(
        members.c.node == node, members.c.status == Status.PENDING.value, members.c.told.is_(False)
    )
    return [(row.association, row.execution) for row in tx.all(its.order_by(members.c.association))]


def told(tx: Transaction, node: NodeId, ids: Sequence[str]) -> None:
    """The node knows that it may begin these."""
    for some in _chunks(ids):
        tx.execute(
            update(members)
            .where(members.c.node == node, members.c.association.in_(some))
            .values(told=True)
        )


def standings(tx: Transaction, nodes: Sequence[NodeId]) -> dict[NodeId, NodeStanding]:
    """How the associations of each of these nodes stand together."""
    found: dict[NodeId, NodeStanding] = {}
    for some in _chunks(nodes):
        grouped = (
            select(
                members.c.node,
                members.c.status,
                func.count().label("number"),
                func.max(members.c.ran).label("ran"),
                func.max(members.c.succeeded).label("succeeded"),
            )
            .where(members.c.node.in_(some))
            .group_by(members.c.node, members.c.status)
        )
        for row in tx.all(grouped):
            node = NodeId(row.node)
            known = found.get(node, NodeStanding())
            found[node] = NodeStanding(
                {**known.counts, Status(row.status): row.number},
                _later(known.ran, row.ran),
                _later(known.succeeded, row.succeeded),
            )
    return found


def nodes_standing(statuses: Sequence[str]) -> Select[str]:
    """The nodes whose associations together stand so, in coarse words: what `standing` says."""
    begun = _number([one for one in Status if one is not Status.ASSOCIATED])
    together = case(
        (or_(begun == 0, _number(OPEN) > 0), "Pending"),
        (_number(ERRORS) > 0, "Failed"),
        else_="Success",
    )
    return select(members.c.node).group_by(members.c.node).having(together.in_(statuses))


def nodes_running(documents: Sequence[str]) -> Select[str]:
    """The nodes with an association of one of these documents."""
    both = and_(
        associations.c.account == members.c.account,
        associations.c.region == members.c.region,
        associations.c.association == members.c.association,
    )
    return (
        select(members.c.node)
        .join(associations, both)
        .where(associations.c.document.in_(documents))
    )


def _number(statuses: Sequence[Status]) -> Any:
    return func.sum(case((members.c.status.in_([one.value for one in statuses]), 1), else_=0))


def _later(one: datetime | None, other: datetime | None) -> datetime | None:
    return max(filter(None, (one, other)), default=None)


def _chunks(items: Sequence[Any]) -> Iterator[Sequence[Any]]:
    for start in range(0, len(items), _AT_ONCE):
        yield items[start : start + _AT_ONCE]


def _member(row: Row[Any], prefix: str = "") -> Member:
    def of(name: str) -> Any:
        return getattr(row, prefix + name)

    return Member(
        association=of("association"),
        node=NodeId(of("node")),
        status=Status(of("status")),
        version=of("version"),
        execution=of("execution"),
        overtaken=of("overtaken"),
        ran=of("ran"),
        succeeded=of("succeeded"),
        summary=of("summary"),
        error_code=of("error_code"),
        output_url=of("output_url"),
        drift=of("drift"),
    )
