"""Uploads in parts: begun, brought, put together or given up."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from ostler.capabilities.buckets.errors import InvalidArgument, InvalidRequest, NoSuchUpload
from ostler.capabilities.buckets.model.checksums import kind_of_parts, running
from ostler.capabilities.buckets.model.names import bucket_arn, check_key, object_arn
from ostler.capabilities.buckets.model.objects import Bucket, Conditions, Description, Object
from ostler.capabilities.buckets.model.uploads import (
    MOST_PARTS,
    ChosenPart,
    Upload,
    UploadedPart,
    completed,
)
from ostler.capabilities.buckets.service.access import WRITE, Access, scope_of, still_there
from ostler.capabilities.buckets.service.contents import Contents, Incoming
from ostler.capabilities.buckets.store import objects as object_store
from ostler.capabilities.buckets.store import uploads as store
from ostler.foundation.call import Call
from ostler.foundation.clock import Clock
from ostler.foundation.ids import Ids
from ostler.foundation.storage import Storage, Transaction

LIST_PARTS = "s3:ListMultipartUploadParts"
LIST_UPLOADS = "s3:ListBucketMultipartUploads"


@dataclass(frozen=True, slots=True)
class Named:
    """An upload as callers name it."""

    bucket: str
    key: str
    id: str
    owner: str = ""


class Uploads:
    """The uploads to all buckets."""

    def __init__(
        self, storage: Storage, clock: Clock, ids: Ids, access: Access, contents: Contents
    ) -> None:
        self._storage = storage
        self._clock = clock
        self._ids = ids
        self._access = access
        self._contents = contents

    async def begin(
        self,
        call: Call,
        bucket: str,
        key: str,
        description: Description,
        *,
        algorithm: str,
        kind: str,
        owner: str,
    ) -> Upload:
        """Begin an upload; nothing is seen of it under the key until it is completed."""
        arn = object_arn(bucket, key)
        where = await self._access.enter(call, bucket, arn, action=WRITE, owner=owner)
        if description.tags:
            await call.allow(arn, action="s3:PutObjectTagging")
        check_key(key)
        description.check()
        if kind and not algorithm:
            raise InvalidRequest(
                "The x-amz-checksum-type header can only be used with the "
                "x-amz-checksum-algorithm header."
            )
        if algorithm:
            running(algorithm)  # refuses one that is not known here
            kind = kind_of_parts(algorithm, kind)
        upload = Upload(
            id=self._ids.token(32),
            bucket=bucket,
            key=key,
            begun=self._clock.now(),
            initiator=call.caller.arn,
            description=description,
            algorithm=algorithm,
            kind=kind,
        )

        def begin(tx: Transaction) -> None:
            still_there(tx, where)
            store.add(tx, upload)

        await self._storage.write(scope_of(call, where), begin)
        return upload

    async def bring(
        self, call: Call, named: Named, number: int, incoming: Incoming
    ) -> UploadedPart:
        """Keep a part, in place of the one that has its number."""
        if not 1 <= number <= MOST_PARTS:
            raise InvalidArgument(
                f"Part number must be an integer between 1 and {MOST_PARTS}, inclusive",
                ArgumentName="partNumber",
                ArgumentValue=str(number),
            )
        where, upload = await self._enter(call, named, WRITE)
        if upload.algorithm and incoming.algorithm not in ("", upload.algorithm):
            raise InvalidRequest(
                f"Checksum Type mismatch occurred, expected checksum Type: {upload.algorithm}, "
                f"actual checksum Type: {incoming.algorithm}"
            )
        scope = scope_of(call, where)
        async with self._contents.kept(scope, incoming) as kept:
            part = UploadedPart(number, kept.piece, kept.etag, self._clock.now(), kept.checksum)

            def write(tx: Transaction) -> None:
                self._expect(tx, named)
                before = store.find_part(tx, upload.id, number)
                if before is not None:
                    self._contents.discard(tx, [before.piece])
                store.put_part(tx, upload.id, part)
                kept.named(tx)

            await self._storage.write(scope, write)
        return part

    async def complete(
        self,
        call: Call,
        named: Named,
        chosen: Sequence[ChosenPart],
        *,
        expected: str = "",
        size: int | None = None,
        conditions: Conditions,
    ) -> Object:
        """Make the parts an object, in place of what was there, if the conditions hold."""
        where, _ = await self._enter(call, named, WRITE)

        def complete(tx: Transaction) -> Object:
            still_there(tx, where)
            upload = self._expect(tx, named)
            uploaded = {part.number: part for part in store.parts_of(tx, upload.id)}
            before = object_store.find(tx, named.bucket, named.key)
            conditions.check_write(before)
            made = completed(
                upload, chosen, uploaded, expected=expected, size=size, at=self._clock.now()
            )
            if before is not None:
                self._contents.discard(tx, before.pieces)
            used = {each.number for each in chosen}
            rest = [part.piece for part in uploaded.values() if part.number not in used]
            self._contents.discard(tx, rest)
            store.remove(tx, upload.id)
            object_store.write(tx, named.bucket, made)
            return made

        return await self._storage.write(scope_of(call, where), complete)

    async def abort(self, call: Call, named: Named) -> None:
        """Give an upload up, and all its parts."""
        where, _ = await self._enter(call, named, "s3:AbortMultipartUpload")

        def abort(tx: Transaction) -> None:
            upload = self._expect(tx, named)
            parts = store.parts_of(tx, upload.id)
            self._contents.discard(tx, [part.piece for part in parts])
            store.remove(tx, upload.id)

        await self._storage.write(scope_of(call, where), abort)

    async def parts(
        self, call: Call, named: Named, *, after: int, limit: int
    ) -> tuple[Bucket, Upload, Sequence[UploadedPart]]:
        """Some parts of an upload, one more than `limit` if there are more."""
        where, upload = await self._enter(call, named, LIST_PARTS)
        find = partial(store.parts_of, upload=upload.id, after=after, limit=limit + 1)
        return where, upload, await self._storage.read(scope_of(call, where), find)

    async def list(
        self,
        call: Call,
        bucket: str,
        *,
        prefix: str,
        after: tuple[str, str],
        limit: int,
        owner: str,
    ) -> tuple[Bucket, Sequence[Upload]]:
        """Some uploads to a bucket, one more than `limit` if there are more."""
        where = await self._access.enter(
            call,
            bucket,
            bucket_arn(bucket),
            action=LIST_UPLOADS,
            context={"s3:prefix": [prefix]},
            owner=owner,
        )
        if "\0" in prefix + "".join(after):
            return where, []
        find = partial(store.some, bucket=bucket, prefix=prefix, after=after, limit=limit + 1)
        return where, await self._storage.read(scope_of(call, where), find)

    async def _enter(self, call: Call, named: Named, action: str) -> tuple[Bucket, Upload]:
        arn = object_arn(named.bucket, named.key)
        where = await self._access.enter(call, named.bucket, arn, action=action, owner=named.owner)
        upload = await self._storage.read(scope_of(call, where), partial(self._expect, named=named))
        return where, upload

    def _expect(self, tx: Transaction, named: Named) -> Upload:
        found = store.find(tx, named.bucket, named.key, named.id)
        if found is None:
            raise NoSuchUpload(
                "The specified upload does not exist. The upload ID may be invalid, or the upload "
                "may have been aborted or completed.",
                UploadId=named.id,
            )
        return found
