"""Objects: put, read, copied, tagged and deleted."""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

from ostler.capabilities.buckets.errors import InvalidRange, InvalidRequest, NoSuchKey
from ostler.capabilities.buckets.model.names import bucket_arn, check_key, object_arn
from ostler.capabilities.buckets.model.objects import (
    MOST_TAGS,
    Bucket,
    Conditions,
    Description,
    Object,
    check_tags,
)
from ostler.capabilities.buckets.service.access import (
    LIST,
    READ,
    WRITE,
    Access,
    scope_of,
    still_there,
)
from ostler.capabilities.buckets.service.contents import Contents, Incoming
from ostler.capabilities.buckets.store import objects as store
from ostler.foundation.call import Call
from ostler.foundation.clock import Clock
from ostler.foundation.errors import AccessDeniedException, ApiError
from ostler.foundation.storage import Storage, Transaction
from ostler.grammar.ranges import Part, part_of

_NO_CONDITIONS = Conditions()


@dataclass(frozen=True, slots=True)
class WholeObject:
    """An object, the part of it that was asked for, and that part's bytes when they are wanted."""

    object: Object
    part: Part
    content: AsyncIterator[bytes]

    @property
    def partial(self) -> bool:
        return not self.part.whole


@dataclass(frozen=True, slots=True)
class Source:
    """Where a copy is taken from, and under which conditions; `range` is a Range header."""

    bucket: str
    key: str
    conditions: Conditions = field(default_factory=Conditions)
    range: str = ""
    owner: str = ""


class Objects:
    """The objects in all buckets."""

    def __init__(self, storage: Storage, clock: Clock, access: Access, contents: Contents) -> None:
        self._storage = storage
        self._clock = clock
        self._access = access
        self._contents = contents

    async def put(
        self,
        call: Call,
        bucket: str,
        key: str,
        description: Description,
        incoming: Incoming,
        *,
        conditions: Conditions = _NO_CONDITIONS,
        context: Mapping[str, Sequence[str]] | None = None,
        owner: str = "",
    ) -> Object:
        """Keep content under a key, in place of what was there, if the conditions hold."""
        arn = object_arn(bucket, key)
        where = await self._access.enter(
            call, bucket, arn, action=WRITE, context=context, owner=owner
        )
        if description.tags:
            await call.allow(arn, action="s3:PutObjectTagging")
        check_key(key)
        description.check()
        if conditions != _NO_CONDITIONS:
            # Whoever is going to be refused need not bring everything first.
            found = await self._find(call, where, key)
            conditions.check_write(found)
        return await self._write(call, where, key, description, incoming, conditions)

    async def get(
        self,
        call: Call,
        bucket: str,
        key: str,
        *,
        conditions: Conditions = _NO_CONDITIONS,
        range_asked: str = "",
        part_number: int = 0,
        owner: str = "",
    ) -> WholeObject:
        """An object, or a part of it, if the conditions hold."""
        where = await self._access.enter(
            call, bucket, object_arn(bucket, key), action=READ, owner=owner
        )
        found = await self._existing(call, where, key)
        conditions.check_read(found)
        part = _part(found, range_asked, part_number)
        return WholeObject(found, part, self._contents.read(found.pieces, part.start, part.end))

    async def read_source(self, call: Call, source: Source) -> WholeObject:
        """What is to be copied."""
        whole = await self.get(
            call, source.bucket, source.key, range_asked=source.range, owner=source.owner
        )
        source.conditions.check_copy(whole.object)
        return whole

    async def copy(
        self,
        call: Call,
        source: Source,
        bucket: str,
        key: str,
        *,
        described: Description | None,
        tags: Mapping[str, str] | None,
        algorithm: str = "",
        conditions: Conditions = _NO_CONDITIONS,
        owner: str = "",
    ) -> Object:
        """Copy an object; with its description and tags unless others are given."""
        whole = await self.read_source(call, source)
        kept = whole.object.description
        description = described or kept
        description = replace(description, tags=kept.tags if tags is None else tags)
        if (source.bucket, source.key) == (bucket, key) and described is None and tags is None:
            raise InvalidRequest(
                "This copy request is illegal because it is trying to copy an object to itself "
                "without changing the object's metadata, storage class, website redirect location "
                "or encryption attributes."
            )
        checksum = whole.object.checksum
        incoming = Incoming(
            whole.content, algorithm=algorithm or (checksum.algorithm if checksum else "")
        )
        context = {"s3:x-amz-copy-source": [f"{source.bucket}/{source.key}"]}
        return await self.put(
            call,
            bucket,
            key,
            description,
            incoming,
            conditions=conditions,
            context=context,
            owner=owner,
        )

    async def delete(
        self,
        call: Call,
        bucket: str,
        key: str,
        *,
        conditions: Conditions = _NO_CONDITIONS,
        owner: str = "",
    ) -> None:
        """Delete an object; that there is none is no error."""
        where = await self._access.enter(
            call, bucket, object_arn(bucket, key), action="s3:DeleteObject", owner=owner
        )
        remove = partial(self._remove, bucket=where, key=key, conditions=conditions)
        await self._storage.write(scope_of(call, where), remove)

    async def delete_many(
        self, call: Call, bucket: str, wanted: Sequence[tuple[str, Conditions]], owner: str
    ) -> list[tuple[str, ApiError | None]]:
        """Delete some objects, each by itself: the keys, and why one was not."""
        where = await self._access.enter_for_each(
            call,
            bucket,
            [object_arn(bucket, key) for key, _ in wanted],
            action="s3:DeleteObject",
            owner=owner,
        )

        def remove(tx: Transaction) -> list[tuple[str, ApiError | None]]:
            outcomes: list[tuple[str, ApiError | None]] = []
            for (key, conditions), refusal in zip(wanted, where.refusals, strict=True):
                outcome: ApiError | None = refusal
                if outcome is None:
                    try:
                        self._remove(tx, bucket=where.bucket, key=key, conditions=conditions)
                    except ApiError as fault:
                        outcome = fault
                outcomes.append((key, outcome))
            return outcomes

        return await self._storage.write(scope_of(call, where.bucket), remove)

    async def tags(self, call: Call, bucket: str, key: str, owner: str) -> Mapping[str, str]:
        """The object's tags."""
        found = await self._described(call, bucket, key, "s3:GetObjectTagging", owner)
        return found[1].description.tags

    async def tag(
        self, call: Call, bucket: str, key: str, tags: Mapping[str, str], owner: str
    ) -> None:
        """Give the object these tags, and no others."""
        check_tags(tags, MOST_TAGS)
        action = "s3:PutObjectTagging" if tags else "s3:DeleteObjectTagging"
        where, _ = await self._described(call, bucket, key, action, owner)

        def change(tx: Transaction) -> None:
            found = store.find(tx, bucket, key)
            if found is None:
                raise _missing(key)
            store.write(tx, bucket, found.touched(replace(found.description, tags=tags)))

        await self._storage.write(scope_of(call, where), change)

    async def seen(self, call: Call, bucket: str, key: str, action: str, owner: str) -> Bucket:
        """The bucket of an object that there is, for who may do `action` to the object."""
        return (await self._described(call, bucket, key, action, owner))[0]

    async def _described(
        self, call: Call, bucket: str, key: str, action: str, owner: str
    ) -> tuple[Bucket, Object]:
        where = await self._access.enter(
            call, bucket, object_arn(bucket, key), action=action, owner=owner
        )
        return where, await self._existing(call, where, key)

    async def _find(self, call: Call, bucket: Bucket, key: str) -> Object | None:
        find = partial(store.find, bucket=bucket.name, key=key)
        return await self._storage.read(scope_of(call, bucket), find)

    async def _existing(self, call: Call, bucket: Bucket, key: str) -> Object:
        found = await self._find(call, bucket, key)
        if found is not None:
            return found
        # Who may not see what is in the bucket is not told what is not.
        if await call.may(bucket_arn(bucket.name), action=LIST):
            raise _missing(key)
        raise AccessDeniedException(
            f"User: {call.caller.arn} is not authorized to perform: {LIST} on resource: "
            f"{bucket_arn(bucket.name)}"
        )

    async def _write(
        self,
        call: Call,
        bucket: Bucket,
        key: str,
        description: Description,
        incoming: Incoming,
        conditions: Conditions,
    ) -> Object:
        scope = scope_of(call, bucket)
        async with self._contents.kept(scope, incoming) as kept:
            written = Object(
                key=key,
                size=kept.piece.size,
                etag=kept.etag,
                modified=self._clock.now(),
                description=description,
                checksum=kept.checksum,
                pieces=(kept.piece,),
            )

            def write(tx: Transaction) -> None:
                still_there(tx, bucket)
                before = store.find(tx, bucket.name, key)
                conditions.check_write(before)
                if before is not None:
                    self._contents.discard(tx, before.pieces)
                store.write(tx, bucket.name, written)
                kept.named(tx)

            await self._storage.write(scope, write)
        return written

    def _remove(self, tx: Transaction, *, bucket: Bucket, key: str, conditions: Conditions) -> None:
        found = store.find(tx, bucket.name, key)
        if conditions != _NO_CONDITIONS:
            conditions.check_write(found)
        if found is not None:
            store.remove(tx, bucket.name, key)
            self._contents.discard(tx, found.pieces)


def _part(found: Object, asked: str, number: int) -> Part:
    if number:
        if number > max(len(found.pieces), 1):
            raise InvalidRange("The requested partnumber is not satisfiable")
        start = sum(piece.size for piece in found.pieces[: number - 1])
        size = found.pieces[number - 1].size if found.pieces else 0
        return Part(start, start + size, found.size)
    part = part_of(asked, found.size)
    if part is None:
        raise InvalidRange(
            "The requested range is not satisfiable",
            RangeRequested=asked,
            ActualObjectSize=str(found.size),
        )
    return part


def _missing(key: str) -> NoSuchKey:
    return NoSuchKey("The specified key does not exist.", Key=key)
