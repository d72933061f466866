"""Listing: what is in a bucket, by the beginnings of keys."""

from dataclasses import dataclass
from functools import partial

from ostler.capabilities.buckets.model.objects import Bucket
from ostler.capabilities.buckets.service.access import LIST, Access, scope_of
from ostler.capabilities.buckets.store import objects as store
from ostler.capabilities.buckets.store.objects import Contents
from ostler.foundation.call import Call
from ostler.foundation.storage import Storage

MOST = 1000


@dataclass(frozen=True, slots=True)
class Asked:
    """What of a bucket is asked for: `after` is a key, or a beginning that was listed last."""

    prefix: str = ""
    delimiter: str = ""
    after: str = ""
    limit: int = MOST
    owner: str = ""


class Listing:
    """The buckets as those see them who list."""

    def __init__(self, storage: Storage, access: Access) -> None:
        self._storage = storage
        self._access = access

    async def contents(
        self, call: Call, bucket: str, asked: Asked, *, action: str = LIST
    ) -> tuple[Bucket, Contents]:
        """A part of the bucket's objects, and the beginnings that many of them share."""
        context = {
            "s3:prefix": [asked.prefix],
            "s3:delimiter": [asked.delimiter],
            "s3:max-keys": [str(asked.limit)],
        }
        where = await self._access.enter(
            call, bucket, action=action, context=context, owner=asked.owner
        )
        # Such a text is in no key, and PostgreSQL does not even compare it.
        if "\0" in asked.prefix + asked.delimiter + asked.after:
            return where, Contents()
        find = partial(
            store.contents,
            bucket=bucket,
            prefix=asked.prefix,
            delimiter=asked.delimiter,
            after=asked.after,
            limit=min(asked.limit, MOST),
        )
        return where, await self._storage.read(scope_of(call, where), find)
