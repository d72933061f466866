"""Sources in buckets: files that lie with this server, or in S3 elsewhere."""

from ostler.capabilities.buckets import NoSuchKey, Storeroom
from ostler.capabilities.documents.service.attachments import Unfetched
from ostler.capabilities.documents.service.sources import Web
from ostler.foundation.call import Call
from ostler.foundation.errors import ValidationException
from ostler.foundation.storage import Scope
from ostler.grammar.objects import object_of


class InBuckets:
    """Reads s3:// URLs, and https ones in S3's form; what is in no bucket here is on the web."""

    def __init__(self, buckets: Storeroom, web: Web) -> None:
        self._buckets = buckets
        self._web = web

    def serves(self, url: str) -> bool:
        """Whether it is a URL of an object."""
        return object_of(url) is not None

    async def allow(self, call: Call, url: str) -> None:
        """Whoever makes the document must be able to read the object themselves."""
        bucket, key = _named(url)
        if await self._buckets.knows(call.scope, bucket):
            await self._buckets.allow_read(call, bucket, key)
        elif not self._web.serves(url):
            raise ValidationException(f"{url} is in no bucket of this account.")

    async def fetch(self, scope: Scope, url: str, most: int) -> bytes:
        """The object; Unfetched when it is none any more, or larger."""
        bucket, key = _named(url)
        if not await self._buckets.knows(scope, bucket) and self._web.serves(url):
            return await self._web.fetch(scope, url, most)
        size = await self._buckets.size(scope, bucket, key)
        if size is None:
            raise Unfetched(f"There is no object {url}.", lasting=True)
        if size > most:
            raise Unfetched(f"{url} is larger than {most} bytes.", lasting=True)
        try:
            parts = self._buckets.read(scope, bucket, key, 0, size)
            return b"".join([part async for part in parts])
        except NoSuchKey:
            raise Unfetched(f"There is no object {url}.", lasting=True) from None


def _named(url: str) -> tuple[str, str]:
    named = object_of(url)
    assert named is not None
    return named
