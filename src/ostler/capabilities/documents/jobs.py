"""What happens to documents by itself: attachments are brought, and forgotten with them."""

import asyncio
import hashlib
from collections.abc import Sequence
from datetime import datetime

import msgspec

from ostler.capabilities.documents.model.documents import Attachment, Status
from ostler.capabilities.documents.service.attachments import (
    LARGEST,
    AttachmentSources,
    Fetch,
    Unfetched,
)
from ostler.capabilities.documents.service.authoring import DISCARD
from ostler.capabilities.documents.store import documents as store
from ostler.foundation.blobs import BlobNotFound, Blobs
from ostler.foundation.clock import Clock
from ostler.foundation.storage import Scope, Storage, Transaction
from ostler.foundation.timers import Due

_ATTEMPTS = 4
_AT_ONCE = 2


class Porter:
    """Carries attachments in, and away."""

    def __init__(
        self, storage: Storage, blobs: Blobs, clock: Clock, sources: Sequence[AttachmentSources]
    ) -> None:
        self._storage = storage
        self._blobs = blobs
        self._clock = clock
        self._sources = sources
        # An attachment is in memory while it is carried, and may be large.
        self._hands = asyncio.Semaphore(_AT_ONCE)

    async def attach(self, due: Due) -> None:
        """Bring a version's attachments; then it is active, or failed and says why."""
        fetches = msgspec.convert(due.payload["fetches"], list[Fetch])
        try:
            brought = [await self._bring(due.scope, fetch) for fetch in fetches]
        except Unfetched as fault:
            if not fault.lasting and due.attempt < _ATTEMPTS:
                raise
            await self._end(due, fetches, status=Status.FAILED, status_information=fault.message)
        else:
            await self._end(due, fetches, status=Status.ACTIVE, attachments=brought)

    async def discard(self, due: Due) -> None:
        """Forget the attachments of what was deleted."""
        for key in due.payload["keys"]:
            await self._blobs.delete(key)

    async def _bring(self, scope: Scope, fetch: Fetch) -> Attachment:
        async with self._hands:
            return await self._carry(scope, fetch)

    async def _carry(self, scope: Scope, fetch: Fetch) -> Attachment:
        content = await self._read(scope, fetch)
        digest = hashlib.sha256(content).hexdigest()
        if fetch.sha256 and digest != fetch.sha256:
            raise Unfetched(
                f"The checksum of {fetch.name} is {digest}, not the one in the document.",
                lasting=True,
            )
        await self._blobs.put(fetch.key, content)
        return Attachment(fetch.name, len(content), digest, fetch.key)

    async def _read(self, scope: Scope, fetch: Fetch) -> bytes:
        if fetch.blob:
            try:
                return await self._blobs.get(fetch.blob)
            except BlobNotFound:
                raise Unfetched(f"The source of {fetch.name} is no more.", lasting=True) from None
        for source in self._sources:
            if source.serves(fetch.url):
                return await source.fetch(scope, fetch.url, LARGEST)
        raise Unfetched(f"Nothing here reads {fetch.url}.", lasting=True)

    async def _end(self, due: Due, fetches: Sequence[Fetch], **members: object) -> None:
        name, version = due.payload["name"], int(due.payload["version"])
        born = datetime.fromisoformat(due.payload["born"])
        keys = [fetch.key for fetch in fetches]

        def change(tx: Transaction) -> None:
            kept = store.change_version(tx, name, version, born=born, **members)
            if not kept or members["status"] is Status.FAILED:
                tx.schedule(DISCARD, keys[0], self._clock.now(), {"keys": keys})
            tx.finish(due)

        await self._storage.write(due.scope, change)
