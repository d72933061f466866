"""Blobs behind objects: each is somebody's, whatever fails on the way."""

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from ostler.capabilities.buckets.errors import (
    BadDigest,
    BucketNotEmpty,
    NoSuchBucket,
    NoSuchKey,
    PreconditionFailed,
)
from ostler.capabilities.buckets.model.objects import Conditions, Description
from ostler.capabilities.buckets.model.uploads import ChosenPart
from ostler.capabilities.buckets.service import Incoming
from ostler.capabilities.buckets.service.uploads import Named
from ostler.foundation.errors import AccessDeniedException
from tests.capabilities.buckets.conftest import Yard, pieces
from tests.support.calls import allowing

LATER = timedelta(minutes=2)


async def settled(yard: Yard) -> None:
    """Let everything happen that happens by itself."""
    await yard.clock.advance(LATER)
    await yard.timers.run_due()


async def test_what_was_put_is_read(yard: Yard) -> None:
    await yard.make()
    await yard.put("a/b", b"content")

    assert b"content" == await yard.read("a/b")


async def test_what_is_replaced_goes_away_once_nobody_reads_it(yard: Yard) -> None:
    await yard.make()
    await yard.put("key", b"old")
    reading = await yard.objects.get(yard.call(), "pail", "key")
    await yard.put("key", b"new")
    await yard.timers.run_due()

    assert b"old" == b"".join([piece async for piece in reading.content])
    await settled(yard)
    assert 1 == len(await yard.kept())
    assert b"new" == await yard.read("key")


async def test_what_is_deleted_goes_away(yard: Yard) -> None:
    await yard.make()
    await yard.put("key")
    await yard.objects.delete(yard.call(), "pail", "key")
    await settled(yard)

    assert [] == await yard.kept()
    with pytest.raises(NoSuchKey):
        await yard.read("key")


async def test_content_that_breaks_off_leaves_nothing(yard: Yard) -> None:
    async def broken() -> AsyncIterator[bytes]:
        yield b"some of it"
        raise ConnectionError

    await yard.make()
    with pytest.raises(ConnectionError):
        await yard.objects.put(yard.call(), "pail", "key", Description(), Incoming(broken()))

    assert [] == await yard.kept()
    with pytest.raises(NoSuchKey):
        await yard.read("key")


async def test_content_of_another_digest_leaves_nothing(yard: Yard) -> None:
    await yard.make()
    with pytest.raises(BadDigest):
        await yard.objects.put(
            yard.call(), "pail", "key", Description(), Incoming(pieces(b"x"), md5=bytes(16))
        )

    assert [] == await yard.kept()


async def test_who_comes_second_leaves_nothing(yard: Yard) -> None:
    """Two compare and set at once: the second finds out only when its content is there."""
    await yard.make()

    async def meanwhile() -> AsyncIterator[bytes]:
        yield b"second"
        await yard.put("key", b"first")

    with pytest.raises(PreconditionFailed):
        await yard.objects.put(
            yard.call(),
            "pail",
            "key",
            Description(),
            Incoming(meanwhile()),
            conditions=Conditions(if_none_match="*"),
        )
    await settled(yard)

    assert b"first" == await yard.read("key")
    assert 1 == len(await yard.kept())


async def test_a_crash_between_blob_and_name_leaves_nothing_for_ever(yard: Yard) -> None:
    """The process dies once the blob is there: whoever comes after takes it away."""
    await yard.make()
    with pytest.raises(SystemExit):
        async with yard.contents.kept(yard.scope, Incoming(pieces(b"lost"))):
            raise SystemExit
    assert 1 == len(await yard.kept())

    await yard.clock.advance(timedelta(days=9))
    await yard.timers.run_due()

    assert [] == await yard.kept()


async def test_a_bucket_that_goes_while_somebody_writes_leaves_nothing(yard: Yard) -> None:
    await yard.make()

    async def meanwhile() -> AsyncIterator[bytes]:
        yield b"late"
        await yard.buckets.delete(yard.call(), "pail", "")

    with pytest.raises(NoSuchBucket):
        await yard.objects.put(yard.call(), "pail", "key", Description(), Incoming(meanwhile()))
    await settled(yard)

    assert [] == await yard.kept()


async def test_parts_are_kept_or_go_as_they_are_chosen(yard: Yard) -> None:
    await yard.make()
    upload = await yard.uploads.begin(
        yard.call(), "pail", "key", Description(), algorithm="", kind="", owner=""
    )
    named = Named("pail", "key", upload.id)
    first = await yard.uploads.bring(yard.call(), named, 1, Incoming(pieces(b"first, wrong")))
    first = await yard.uploads.bring(yard.call(), named, 1, Incoming(pieces(b"first")))
    await yard.uploads.bring(yard.call(), named, 2, Incoming(pieces(b"not chosen")))

    await yard.uploads.complete(
        yard.call(), named, [ChosenPart(1, first.etag)], conditions=Conditions()
    )
    await settled(yard)

    assert b"first" == await yard.read("key")
    assert 1 == len(await yard.kept())


async def test_a_bucket_takes_its_unfinished_uploads_along(yard: Yard) -> None:
    await yard.make()
    upload = await yard.uploads.begin(
        yard.call(), "pail", "key", Description(), algorithm="", kind="", owner=""
    )
    await yard.uploads.bring(
        yard.call(), Named("pail", "key", upload.id), 1, Incoming(pieces(b"part"))
    )
    await yard.buckets.delete(yard.call(), "pail", "")
    await settled(yard)

    assert [] == await yard.kept()


async def test_a_bucket_with_objects_stays(yard: Yard) -> None:
    await yard.make()
    await yard.put("key")

    with pytest.raises(BucketNotEmpty):
        await yard.buckets.delete(yard.call(), "pail", "")


async def test_another_accounts_bucket_is_denied(yard: Yard, other_scope) -> None:
    await yard.make()
    await yard.put("key")

    with pytest.raises(AccessDeniedException):
        await yard.objects.get(yard.call(scope=other_scope), "pail", "key")
    assert None is await yard.storeroom.size(other_scope, "pail", "key")


async def test_who_may_not_list_is_not_told_what_is_missing(yard: Yard) -> None:
    await yard.make()
    reader = yard.call(allowing("s3:GetObject", "arn:aws:s3:::pail/*"))

    with pytest.raises(AccessDeniedException):
        await yard.objects.get(reader, "pail", "missing")


async def test_a_policy_decides_by_the_key(yard: Yard) -> None:
    await yard.make()
    await yard.put("mine/a")
    await yard.put("theirs/a")
    reader = yard.call(allowing("s3:GetObject", "arn:aws:s3:::pail/mine/*"))

    await yard.objects.get(reader, "pail", "mine/a")
    with pytest.raises(AccessDeniedException):
        await yard.objects.get(reader, "pail", "theirs/a")
