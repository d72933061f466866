"""History: what was applied when, and what came of it on each node."""

from dataclasses import dataclass
from functools import partial

from ostler.capabilities.associations.errors import (
    AssociationDoesNotExist,
    AssociationExecutionDoesNotExist,
)
from ostler.capabilities.associations.model import Execution, Run
from ostler.capabilities.associations.service.neighbours import (
    Documents,
    Fleet,
    node_arn,
    speaks_for_itself,
)
from ostler.capabilities.associations.store import associations as store
from ostler.capabilities.associations.store import executions as execution_store
from ostler.capabilities.associations.store import members as member_store
from ostler.capabilities.associations.store.executions import WantedExecutions, WantedRuns
from ostler.capabilities.associations.store.members import Held
from ostler.foundation.call import Call
from ostler.foundation.ids import NodeId
from ostler.foundation.paging import Page, PageRequest
from ostler.foundation.storage import Storage, Transaction


@dataclass(frozen=True, slots=True)
class Effective:
    """What holds on a node, with the text of the document."""

    held: Held
    content: str


class History:
    """Looks at executions, and at what holds on a node."""

    def __init__(self, storage: Storage, documents: Documents, fleet: Fleet) -> None:
        self._storage = storage
        self._documents = documents
        self._fleet = fleet

    async def executions(
        self, call: Call, association: str, wanted: WantedExecutions, asked: PageRequest
    ) -> Page[Execution]:
        """The executions, the newest first."""
        await call.allow(call.arn("association", association))

        def look(tx: Transaction) -> Page[Execution]:
            _expect(tx, association)
            return execution_store.page(tx, association, wanted, asked)

        return await self._storage.read(call.scope, look)

    async def runs(
        self, call: Call, association: str, execution: str, wanted: WantedRuns, asked: PageRequest
    ) -> Page[Run]:
        """What came of an execution on each of its nodes."""
        await call.allow(call.arn("association", association))

        def look(tx: Transaction) -> Page[Run]:
            _expect(tx, association)
            if execution_store.find(tx, association, execution) is None:
                raise AssociationExecutionDoesNotExist(
                    f"The association has no execution {execution}."
                )
            return execution_store.run_page(tx, execution, wanted, asked)

        return await self._storage.read(call.scope, look)

    async def of_node(self, call: Call, node: NodeId, asked: PageRequest) -> Page[Held]:
        """What holds on the node, and how it stands."""
        await call.allow(node_arn(call.scope, node))
        await self._fleet.get_many(call, [node])
        look = partial(member_store.page_of_node, node=node, asked=asked, begun=False)
        return await self._storage.read(call.scope, look)

    async def effective(self, call: Call, node: NodeId, asked: PageRequest) -> Page[Effective]:
        """What holds on the node, each with the text of its document."""
        page = await self.of_node(call, node, asked)
        found = []
        for held in page.items:
            terms = held.association.terms
            version = await self._documents.resolve(call, terms.document, terms.document_version)
            found.append(Effective(held, version.content))
        return Page(found, page.last)

    async def for_itself(self, call: Call, node: NodeId, asked: PageRequest) -> Page[Held]:
        """What the node that asks shall do; what it is not to begin yet, it does not see."""
        await call.allow(node_arn(call.scope, node))
        speaks_for_itself(call, node)
        look = partial(member_store.page_of_node, node=node, asked=asked, begun=True)
        return await self._storage.read(call.scope, look)


def _expect(tx: Transaction, association: str) -> None:
    if not store.exists(tx, association):
        raise AssociationDoesNotExist(f"Association {association} does not exist.")
