"""Packages, as nodes ask for them: documents with attachments, and no other kind."""

from ostler.capabilities.documents.errors import ResourceNotFoundException
from ostler.capabilities.documents.events import PackageConfigured
from ostler.foundation.call import Call
from ostler.foundation.storage import Storage


class Packages:
    """What nodes ask and tell about the packages they install."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage

    async def manifest(self, call: Call, name: str) -> str:
        """The manifest of a package that is not a document: AWS publishes some, we have none.

        The stock agent asks this first, and on this very answer goes on with GetDocument.
        """
        await call.allow()
        raise ResourceNotFoundException(
            f"{name} is not published; a package is a document of type Package."
        )

    async def told(self, call: Call, event: PackageConfigured) -> None:
        """Have it known what came of a package on the node that calls."""
        node = call.caller.node
        await call.allow(call.arn("managed-instance", node or "*"))
        if node is None:
            raise ResourceNotFoundException("Only a node configures packages, and this is none.")
        await self._storage.write(call.scope, lambda tx: tx.tell(event))
