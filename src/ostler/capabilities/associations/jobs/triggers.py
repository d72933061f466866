"""Triggers: what happens elsewhere and has associations applied."""

from ostler.capabilities.associations.service import Applying
from ostler.capabilities.documents.events import DocumentChanged
from ostler.capabilities.nodes.events import NodeDeregistered, NodeRegistered
from ostler.capabilities.parameters.events import Operation, ParameterChanged
from ostler.capabilities.tags.events import TagsChanged
from ostler.foundation.ids import NodeId
from ostler.foundation.storage import Scope

_NODES = "ManagedInstance"
_OPERATIONS = (Operation.CREATE, Operation.UPDATE)


class Triggers:
    """Hears of nodes, tags, documents and parameters."""

    def __init__(self, applying: Applying) -> None:
        self._applying = applying

    async def node_came(self, scope: Scope, event: NodeRegistered) -> None:
        """A new node has what fits it."""
        await self._applying.reconsider(scope, NodeId(event.node))

    async def node_left(self, scope: Scope, event: NodeDeregistered) -> None:
        """What is no node any more has nothing."""
        await self._applying.reconsider(scope, NodeId(event.node))

    async def tags_changed(self, scope: Scope, event: TagsChanged) -> None:
        """A node with other tags has other associations."""
        if event.kind == _NODES:
            await self._applying.reconsider(scope, NodeId(event.id))

    async def document_changed(self, scope: Scope, event: DocumentChanged) -> None:
        """A document has another default, or a new version."""
        await self._applying.document_changed(
            scope,
            event.name,
            default_version=event.default_version,
            latest_version=event.latest_version,
        )

    async def parameter_changed(self, scope: Scope, event: ParameterChanged) -> None:
        """A parameter has a new value."""
        if event.detail["operation"] in _OPERATIONS:
            await self._applying.parameter_changed(scope, event.detail["name"])
