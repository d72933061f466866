"""The fleet: list its nodes, count them, give them another role, let them go."""

from collections.abc import Mapping, Sequence
from functools import partial

from ostler.capabilities.nodes.errors import ResourceDataSyncNotFoundException
from ostler.capabilities.nodes.events import DEREGISTERED, NodeDeregistered, announced
from ostler.capabilities.nodes.model.filters import Clause, named_nodes
from ostler.capabilities.nodes.model.nodes import RESOURCE_TYPE, Node
from ostler.capabilities.nodes.model.summaries import Aggregator, Count, groupings
from ostler.capabilities.nodes.service.faults import invalid_nodes
from ostler.capabilities.nodes.service.neighbours import Associations, NodeAssociations
from ostler.capabilities.nodes.service.roles import Roles, give_role
from ostler.capabilities.nodes.service.selection import wanted
from ostler.capabilities.nodes.store import nodes as store
from ostler.capabilities.tags import Tags
from ostler.foundation.call import Call
from ostler.foundation.clock import Clock
from ostler.foundation.ids import NodeId
from ostler.foundation.paging import Page, PageRequest
from ostler.foundation.storage import Storage, Transaction


class Fleet:
    """The nodes as administrators see them."""

    def __init__(
        self,
        storage: Storage,
        clock: Clock,
        roles: Roles,
        tags: Tags,
        associations: Associations,
    ) -> None:
        self._storage = storage
        self._clock = clock
        self._roles = roles
        self._tags = tags
        self._associations = associations

    async def list(self, call: Call, clauses: Sequence[Clause], asked: PageRequest) -> Page[Node]:
        """Nodes that pass every filter; an id that a filter names must be a node's."""
        await call.allow()
        named = [NodeId(node) for node in dict.fromkeys(named_nodes(clauses))]
        found = await self._storage.read(call.scope, partial(store.find_many, ids=named))
        if missing := [node for node in named if node not in found]:
            raise invalid_nodes(call, *missing)
        return await self._page(call, clauses, asked)

    async def overviews(
        self, call: Call, nodes: Sequence[Node]
    ) -> Mapping[NodeId, NodeAssociations]:
        """How the associations of these nodes stand."""
        ids = [node.id for node in nodes]
        return await self._storage.read(
            call.scope, lambda tx: self._associations.overviews(tx, ids)
        )

    async def inspect(
        self, call: Call, clauses: Sequence[Clause], asked: PageRequest
    ) -> tuple[Page[Node], Mapping[str, Mapping[str, str]]]:
        """The same, with the tags of the nodes."""
        page = await self.list(call, clauses, asked)
        ids = [node.id for node in page.items]
        tags = await self._storage.read(
            call.scope, lambda tx: self._tags.of_many(tx, RESOURCE_TYPE, ids)
        )
        return page, tags

    async def browse(
        self, call: Call, clauses: Sequence[Clause], asked: PageRequest, *, sync: str | None
    ) -> Page[Node]:
        """Nodes that pass every filter, whatever ids the filters name."""
        await call.allow()
        _expect_no_sync(sync)
        return await self._page(call, clauses, asked)

    async def summarise(
        self,
        call: Call,
        aggregators: Sequence[Aggregator],
        clauses: Sequence[Clause],
        asked: PageRequest,
        *,
        sync: str | None,
    ) -> Page[Count]:
        """How many nodes pass every filter, by the values of their fields."""
        await call.allow()
        _expect_no_sync(sync)
        by = groupings(aggregators)
        those = wanted(self._tags, self._associations, self._clock.now(), clauses)
        counted = await self._storage.read(
            call.scope, lambda tx: [store.counts(tx, those, grouping) for grouping in by]
        )
        keyed = [
            ((place, *count.values.values()), count)
            for place, counts in enumerate(counted)
            for count in counts
        ]
        left = [each for each in keyed if asked.after is None or each[0] > asked.after]
        page = Page.cut(left, asked.limit, lambda each: each[0])
        return Page([count for _, count in page.items], page.last)

    async def deregister(self, call: Call, node: NodeId) -> None:
        """Let the node go: its id never comes again, its key and its credentials end here."""
        await call.allow(call.arn("managed-instance", node))

        def let_go(tx: Transaction) -> bool:
            if not store.bury(tx, node, self._clock.now()):
                return False
            self._tags.drop(tx, RESOURCE_TYPE, node)
            self._roles.revoke(tx, call.account, node)
            tx.tell(NodeDeregistered(node=node))
            tx.tell(announced(call.scope, DEREGISTERED, node))
            return True

        if not await self._storage.write(call.scope, let_go):
            raise invalid_nodes(call, node)

    async def change_role(self, call: Call, node: NodeId, role: str) -> None:
        """Give the node another role; its credentials of the old one last for their hour."""
        await call.allow(call.arn("managed-instance", node))
        await give_role(call, self._roles, role)
        if not await self._storage.write(
            call.scope, partial(store.change_role, node=node, role=role)
        ):
            raise invalid_nodes(call, node)

    async def _page(self, call: Call, clauses: Sequence[Clause], asked: PageRequest) -> Page[Node]:
        those = wanted(self._tags, self._associations, self._clock.now(), clauses)
        return await self._storage.read(call.scope, partial(store.page, wanted=those, asked=asked))


def _expect_no_sync(name: str | None) -> None:
    if name is not None:
        raise ResourceDataSyncNotFoundException(f"There is no resource data sync {name}.")
