"""Buckets themselves: made, found, tagged and deleted."""

from collections.abc import Mapping
from functools import partial

from ostler.capabilities.buckets.errors import (
    BucketAlreadyExists,
    BucketAlreadyOwnedByYou,
    BucketNotEmpty,
    NoSuchTagSet,
)
from ostler.capabilities.buckets.model.names import bucket_arn, check_bucket_name
from ostler.capabilities.buckets.model.objects import MOST_BUCKET_TAGS, Bucket, check_tags
from ostler.capabilities.buckets.service.access import Access, scope_of, still_there
from ostler.capabilities.buckets.service.contents import Contents
from ostler.capabilities.buckets.store import buckets as store
from ostler.capabilities.buckets.store import uploads as upload_store
from ostler.foundation.call import Call
from ostler.foundation.clock import Clock
from ostler.foundation.ids import Region
from ostler.foundation.paging import Page, PageRequest
from ostler.foundation.storage import Scope, Storage, Transaction


class Buckets:
    """The buckets of all accounts."""

    def __init__(self, storage: Storage, clock: Clock, access: Access, contents: Contents) -> None:
        self._storage = storage
        self._clock = clock
        self._access = access
        self._contents = contents

    async def create(self, call: Call, name: str, region: str, tags: Mapping[str, str]) -> Bucket:
        """Make a bucket in `region`, or in the call's."""
        await call.allow(bucket_arn(name), action="s3:CreateBucket")
        check_bucket_name(name)
        check_tags(tags, MOST_BUCKET_TAGS)
        where = Scope(call.account, Region(region or call.region), call.scope.witness)
        # Names are unique in the whole house, and a scoped transaction sees its own rows only.
        await self._refuse_taken(call, name)

        def make(tx: Transaction) -> Bucket:
            added = store.add(tx, name, self._clock.now(), tags)
            made = store.find(tx, name)
            if made is None:
                raise _taken(name)
            if not added:
                raise BucketAlreadyOwnedByYou(_YOURS, BucketName=name)
            return made

        return await self._storage.write(where, make)

    async def delete(self, call: Call, name: str, owner: str) -> None:
        """Delete a bucket without objects; uploads to it that were not completed go with it."""
        bucket = await self._access.enter(call, name, action="s3:DeleteBucket", owner=owner)

        def remove(tx: Transaction) -> None:
            still_there(tx, bucket)
            if not store.is_empty(tx, name):
                raise BucketNotEmpty("The bucket you tried to delete is not empty", BucketName=name)
            for upload in upload_store.of_bucket(tx, name):
                parts = upload_store.parts_of(tx, upload)
                self._contents.discard(tx, [part.piece for part in parts])
                upload_store.remove(tx, upload)
            store.remove(tx, name)

        await self._storage.write(scope_of(call, bucket), remove)

    async def list(self, call: Call, prefix: str, region: str, asked: PageRequest) -> Page[Bucket]:
        """Some of the account's buckets."""
        await call.allow("arn:aws:s3:::*", action="s3:ListAllMyBuckets")
        find = partial(
            store.of_account, account=call.account, prefix=prefix, region=region, asked=asked
        )
        return await self._storage.read(None, find)

    async def get(self, call: Call, name: str, action: str, owner: str = "") -> Bucket:
        """The bucket, for who may do `action` to it."""
        return await self._access.enter(call, name, action=action, owner=owner)

    async def tags(self, call: Call, name: str, owner: str) -> Mapping[str, str]:
        """The bucket's tags; NoSuchTagSet where it has none."""
        bucket = await self._access.enter(call, name, action="s3:GetBucketTagging", owner=owner)
        if not bucket.tags:
            raise NoSuchTagSet("The TagSet does not exist", BucketName=name)
        return bucket.tags

    async def tag(self, call: Call, name: str, tags: Mapping[str, str], owner: str) -> None:
        """Give the bucket these tags, and no others."""
        check_tags(tags, MOST_BUCKET_TAGS)
        bucket = await self._access.enter(call, name, action="s3:PutBucketTagging", owner=owner)
        change = partial(store.tag, name=name, tags=tags)
        await self._storage.write(scope_of(call, bucket), change)

    async def _refuse_taken(self, call: Call, name: str) -> None:
        found = await self._access.find(name)
        if found is None:
            return
        if found.account == call.account:
            raise BucketAlreadyOwnedByYou(_YOURS, BucketName=name)
        raise _taken(name)


def _taken(name: str) -> BucketAlreadyExists:
    return BucketAlreadyExists(
        "The requested bucket name is not available. The bucket namespace is shared by all "
        "users of the system. Please select a different name and try again.",
        BucketName=name,
    )


_YOURS = "Your previous request to create the named bucket succeeded and you already own it."
