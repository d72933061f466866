"""Telling: which nodes do not know yet that they may begin."""

from collections.abc import Sequence
from functools import partial

from ostler.capabilities.associations.store import members as store
from ostler.foundation.ids import NodeId
from ostler.foundation.storage import Scope, Storage


class Untold:
    """What nodes may begin and do not know of."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage

    async def of(self, scope: Scope, node: NodeId) -> Sequence[tuple[str, str]]:
        """The associations, each with the execution that may begin."""
        return await self._storage.read(scope, partial(store.untold, node=node))

    async def told(self, scope: Scope, node: NodeId, associations: Sequence[str]) -> None:
        """The node knows of these."""
        await self._storage.write(scope, partial(store.told, node=node, ids=associations))
