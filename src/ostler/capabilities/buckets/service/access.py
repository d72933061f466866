"""Access: whether the caller may, and then whether there is such a bucket, and whose it is."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

from ostler.capabilities.buckets.errors import NoSuchBucket
from ostler.capabilities.buckets.model.names import bucket_arn
from ostler.capabilities.buckets.model.objects import Bucket
from ostler.capabilities.buckets.store import buckets as store
from ostler.foundation.call import Call
from ostler.foundation.errors import AccessDeniedException
from ostler.foundation.storage import Scope, Storage, Transaction

LIST = "s3:ListBucket"
READ = "s3:GetObject"
WRITE = "s3:PutObject"


@dataclass(frozen=True, slots=True)
class Entered:
    """A bucket, and for each of several deeds why not, or None."""

    bucket: Bucket
    refusals: Sequence[AccessDeniedException | None]


class Access:
    """Lets callers into buckets."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage

    async def enter(
        self,
        call: Call,
        name: str,
        *arns: str,
        action: str,
        context: Mapping[str, Sequence[str]] | None = None,
        owner: str = "",
    ) -> Bucket:
        """The bucket, for a caller who may do `action` to `arns`, or else to the bucket itself.

        `owner` is the account that the caller expects it to be of.
        """
        try:
            await call.allow(*(arns or (bucket_arn(name),)), action=action, context=context)
        except AccessDeniedException as refusal:
            bucket = await self.find(name)
            if bucket is not None and bucket.account == call.account:
                # As S3 does: the caller's own people may know where it is.
                refusal.members["x-amz-bucket-region"] = bucket.region
            raise
        bucket = await self.find(name)
        if bucket is None:
            raise missing(name)
        if bucket.account != call.account:
            raise AccessDeniedException(
                f"User: {call.caller.arn} is not authorized to perform: {action} on resource: "
                f"{bucket_arn(name)} because it is another account's and has no policy"
            )
        if owner and owner != bucket.account:
            raise AccessDeniedException("The bucket is not of the account that you expect.")
        return bucket

    async def enter_for_each(
        self, call: Call, name: str, arns: Sequence[str], *, action: str, owner: str
    ) -> Entered:
        """The bucket, and which of the deeds the caller may not do."""
        refusals: list[AccessDeniedException | None] = []
        for arn in arns:
            try:
                await call.allow(arn, action=action)
                refusals.append(None)
            except AccessDeniedException as refusal:
                refusals.append(refusal)
        allowed = [arn for arn, refusal in zip(arns, refusals, strict=True) if refusal is None]
        bucket = await self.enter(call, name, *(allowed or arns)[:1], action=action, owner=owner)
        return Entered(bucket, refusals)

    async def find(self, name: str) -> Bucket | None:
        """The bucket of that name, whosever it is."""
        return await self._storage.read(None, partial(store.find, name=name))


def scope_of(call: Call, bucket: Bucket) -> Scope:
    """Where what is in the bucket is kept; what changes there is still this call's doing."""
    return replace(call.scope, account=bucket.account, region=bucket.region)


def still_there(tx: Transaction, bucket: Bucket) -> None:
    """Raise NoSuchBucket if it was deleted meanwhile."""
    if store.find(tx, bucket.name) is None:
        raise missing(bucket.name)


def missing(name: str) -> NoSuchBucket:
    """The refusal to whom there is no such bucket."""
    return NoSuchBucket("The specified bucket does not exist", BucketName=name)
