"""Compliance: hear what nodes were examined for, and tell which are as they should be."""

from collections.abc import Container, Sequence
from functools import partial

from ostler.capabilities.compliance import store
from ostler.capabilities.compliance.errors import (
    ComplianceTypeCountLimitExceededException,
    InvalidItemContentException,
    InvalidResourceId,
)
from ostler.capabilities.compliance.events import compliance_changed
from ostler.capabilities.compliance.model import (
    CUSTOM,
    MOST_CUSTOM_TYPES,
    Condition,
    Kept,
    NodeSummary,
    Status,
    TypeSummary,
    Upload,
    check_resource_types,
    check_upload,
)
from ostler.capabilities.nodes import Nodes
from ostler.foundation.call import Call
from ostler.foundation.errors import AccessDeniedException
from ostler.foundation.ids import NodeId
from ostler.foundation.paging import Page, PageRequest
from ostler.foundation.storage import Scope, Storage, Transaction

_LONGEST_ID = 1024


class Compliance:
    """The compliance of every node, as it was last told."""

    def __init__(self, storage: Storage, nodes: Nodes, examined: Container[str] = ()) -> None:
        self._storage = storage
        self._nodes = nodes
        self._examined = examined

    async def put(self, call: Call, resource_type: str, upload: Upload) -> None:
        """Keep what the caller says of a node; a node speaks for itself alone."""
        arn = call.arn("managed-instance", upload.node)
        await call.allow(arn)
        if call.caller.node not in (None, upload.node):
            raise AccessDeniedException(
                f"User: {call.caller.arn} is not authorized to perform: {call.action} on "
                f"resource: {arn} because a node speaks for itself alone"
            )
        check_resource_types([resource_type])
        check_upload(upload)
        if call.caller.node is not None and upload.kind in self._examined:
            # Agents say of their associations what the house knows better: their items have no
            # severity (agent/association/compliance), and would erase what has.
            return

        def keep(tx: Transaction) -> None:
            if self._nodes.find(tx, NodeId(upload.node)) is None:
                raise InvalidResourceId(f"There is no managed instance {upload.node}.")
            if upload.kind.startswith(CUSTOM):
                _expect_room(tx, upload.kind)
            self.record(tx, call.scope, upload)

        await self._storage.write(call.scope, keep)

    def record(self, tx: Transaction, scope: Scope, upload: Upload) -> None:
        """The same for capabilities that examine nodes: they are believed, and in a transaction."""
        for item in upload.items:
            if len(item.id) > _LONGEST_ID:
                raise InvalidItemContentException(
                    f"The Id of an item has at most {_LONGEST_ID} characters."
                )
        before = store.last(tx, upload.node, upload.kind)
        if before is not None and upload.whole and before[0] and before[0] == upload.content_hash:
            store.note(tx, upload)
            return
        status = store.keep(tx, upload).status
        if before is None or before[1] is not status:
            tx.tell(
                compliance_changed(
                    f"arn:aws:ssm:{scope.region}:{scope.account}:managed-instance/{upload.node}",
                    node=upload.node,
                    kind=upload.kind,
                    compliant=status is Status.COMPLIANT,
                    executed=upload.execution.at,
                )
            )

    def withdraw(self, tx: Transaction, node: str, kind: str, item: str) -> None:
        """The node is not examined for that any more."""
        store.withdraw(tx, node, kind, item)

    async def forget(self, scope: Scope, node: str) -> None:
        """Drop what is kept of a node that is none any more."""
        await self._storage.write(scope, partial(store.forget, node=node))

    async def list(
        self,
        call: Call,
        conditions: Sequence[Condition],
        asked: PageRequest,
        *,
        nodes: Sequence[str] | None = None,
        resource_types: Sequence[str] = (),
    ) -> Page[Kept]:
        """Items that meet every condition, of some nodes or of all."""
        await call.allow()
        check_resource_types(resource_types)
        return await self._storage.read(
            call.scope, partial(store.page, asked=asked, conditions=conditions, nodes=nodes)
        )

    async def summarise_nodes(
        self, call: Call, conditions: Sequence[Condition], asked: PageRequest
    ) -> Page[NodeSummary]:
        """What the items that meet every condition come to, for each node and type."""
        await call.allow()
        return await self._storage.read(
            call.scope, partial(store.by_node, asked=asked, conditions=conditions)
        )

    async def summarise_types(
        self, call: Call, conditions: Sequence[Condition], asked: PageRequest
    ) -> Page[TypeSummary]:
        """How many nodes are compliant in each type, by the items that meet every condition."""
        await call.allow()
        return await self._storage.read(
            call.scope, partial(store.by_type, asked=asked, conditions=conditions)
        )


def _expect_room(tx: Transaction, kind: str) -> None:
    known = store.custom_types(tx)
    if kind not in known and len(known) >= MOST_CUSTOM_TYPES:
        raise ComplianceTypeCountLimitExceededException(
            f"You specified too many custom compliance types. You can specify a maximum of "
            f"{MOST_CUSTOM_TYPES} different types."
        )
