"""What other capabilities do with buckets, on behalf of whoever asked them."""

from collections.abc import AsyncIterator
from functools import partial

from ostler.capabilities.buckets.errors import NoSuchKey
from ostler.capabilities.buckets.model.names import object_arn
from ostler.capabilities.buckets.model.objects import Description, Object
from ostler.capabilities.buckets.service.access import READ, Access
from ostler.capabilities.buckets.service.contents import Contents, Incoming
from ostler.capabilities.buckets.service.objects import Objects
from ostler.capabilities.buckets.store import objects as store
from ostler.foundation.call import Call
from ostler.foundation.storage import Scope, Storage


class Storeroom:
    """Puts objects for a caller, and reads them for those who have asked for permission."""

    def __init__(
        self, storage: Storage, access: Access, objects: Objects, contents: Contents
    ) -> None:
        self._storage = storage
        self._access = access
        self._objects = objects
        self._contents = contents

    async def put(
        self, call: Call, bucket: str, key: str, content: AsyncIterator[bytes], content_type: str
    ) -> None:
        """Keep an object, if the caller may put it there."""
        described = Description(content_type=content_type)
        await self._objects.put(call, bucket, key, described, Incoming(content))

    async def knows(self, scope: Scope, bucket: str) -> bool:
        """Whether the account has such a bucket."""
        found = await self._access.find(bucket)
        return found is not None and found.account == scope.account

    async def allow_read(self, call: Call, bucket: str, key: str) -> None:
        """Raise an ApiError unless there is the bucket and the caller may read the object."""
        await self._access.enter(call, bucket, object_arn(bucket, key), action=READ)

    async def size(self, scope: Scope, bucket: str, key: str) -> int | None:
        """How many bytes an object of the account has; None where there is no such object."""
        found = await self._find(scope, bucket, key)
        return None if found is None else found.size

    async def read(
        self, scope: Scope, bucket: str, key: str, start: int, end: int
    ) -> AsyncIterator[bytes]:
        """The bytes from `start` up to `end` of an object of the account; NoSuchKey without one."""
        found = await self._find(scope, bucket, key)
        if found is None:
            raise NoSuchKey("The specified key does not exist.", Key=key)
        async for piece in self._contents.read(found.pieces, start, min(end, found.size)):
            yield piece

    async def _find(self, scope: Scope, bucket: str, key: str) -> Object | None:
        where = await self._access.find(bucket)
        if where is None or where.account != scope.account:
            return None
        find = partial(store.find, bucket=bucket, key=key)
        return await self._storage.read(Scope(where.account, where.region), find)
