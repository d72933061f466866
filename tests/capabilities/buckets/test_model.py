"""Names, conditions, checksums and parts: the rules, without a database."""

import base64
import os
import zlib
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ostler.capabilities.buckets.errors import (
    BadDigest,
    EntityTooSmall,
    InvalidBucketName,
    InvalidPart,
    InvalidPartOrder,
    InvalidRequest,
    KeyTooLongError,
    NotModified,
    PreconditionFailed,
)
from ostler.capabilities.buckets.model import checksums
from ostler.capabilities.buckets.model.names import check_bucket_name, check_key
from ostler.capabilities.buckets.model.objects import Conditions, Description, Object, Piece
from ostler.capabilities.buckets.model.uploads import (
    SMALLEST_PART,
    ChosenPart,
    Upload,
    UploadedPart,
    completed,
)
from ostler.grammar.ranges import part_of

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
FOUND = Object("key", 3, "abc", NOON + timedelta(milliseconds=400))
UPLOAD = Upload("u", "pail", "key", NOON, "arn", Description())


@pytest.mark.parametrize("name", ["abc", "my-bucket", "a.b.c", "1-2", "a" * 63, "192.168.1"])
def test_names_that_buckets_may_have(name):
    check_bucket_name(name)


@pytest.mark.parametrize(
    "name",
    [
        *("ab", "a" * 64, "Upper", "under_score", "-begins", "ends-", "two..dots", ".dot"),
        *("192.168.1.1", "xn--a", "sthree-a", "a-s3alias", "a--ol-s3", "a.mrap", "a b", "ä-b"),
    ],
)
def test_names_that_buckets_may_not_have(name):
    with pytest.raises(InvalidBucketName):
        check_bucket_name(name)


@pytest.mark.parametrize("key", ["a", "a/b//c", "/", "ä" * 512, "..a/b..", " ", "a\n"])
def test_keys_that_objects_may_have(key):
    check_key(key)


def test_a_key_is_measured_in_bytes():
    with pytest.raises(KeyTooLongError):
        check_key("ä" * 513)


@pytest.mark.parametrize("key", ["../a", "a/./b", ".."])
def test_a_key_leads_nowhere_else(key):
    with pytest.raises(InvalidRequest):
        check_key(key)


@pytest.mark.parametrize(
    ("conditions", "refusal"),
    [
        (Conditions(), None),
        (Conditions(if_match="abc"), None),
        (Conditions(if_match="*"), None),
        (Conditions(if_match="other"), PreconditionFailed),
        (Conditions(if_none_match="abc"), NotModified),
        (Conditions(if_none_match="other"), None),
        (Conditions(modified_since=NOON), NotModified),
        (Conditions(modified_since=NOON - timedelta(seconds=1)), None),
        (Conditions(unmodified_since=NOON), None),
        (Conditions(unmodified_since=NOON - timedelta(seconds=1)), PreconditionFailed),
        # What is said of the ETag decides, whatever the time says.
        (Conditions(if_match="abc", unmodified_since=NOON - timedelta(days=1)), None),
        (Conditions(if_none_match="other", modified_since=NOON), None),
    ],
)
def test_who_reads_what(conditions, refusal):
    if refusal is None:
        conditions.check_read(FOUND)
    else:
        with pytest.raises(refusal):
            conditions.check_read(FOUND)


@pytest.mark.parametrize(
    ("conditions", "found", "writes"),
    [
        (Conditions(if_none_match="*"), None, True),
        (Conditions(if_none_match="*"), FOUND, False),
        (Conditions(if_match="abc"), FOUND, True),
        (Conditions(if_match="other"), FOUND, False),
        (Conditions(if_match="abc"), None, False),
    ],
)
def test_who_writes_over_what(conditions, found, writes):
    if writes:
        conditions.check_write(found)
    else:
        with pytest.raises(PreconditionFailed):
            conditions.check_write(found)


@pytest.mark.parametrize(
    ("algorithm", "value"),
    [
        # The check values of the catalogue of CRC algorithms, over "123456789".
        ("CRC32", "cbf43926"),
        ("CRC32C", "e3069283"),
        ("CRC64NVME", "ae8b14860a799888"),
        ("SHA1", "f7c3bc1d808e04732adf679965ccc34ca7ae3441"),
        ("MD5", "25f9e794323b453885f5181f1b624d0b"),
    ],
)
def test_checksums_are_the_known_ones(algorithm, value):
    running = checksums.running(algorithm)
    running.update(b"1234")
    running.update(b"56789")

    assert value == base64.b64decode(running.value()).hex()


@pytest.mark.parametrize("algorithm", ["CRC32", "CRC32C", "CRC64NVME"])
@given(st.lists(st.binary(min_size=1, max_size=50), min_size=1, max_size=5))
def test_the_checksum_of_the_whole_follows_from_the_parts(algorithm, parts):
    assert value_of(algorithm, b"".join(parts)) == (
        checksums.of_parts(
            algorithm,
            checksums.FULL_OBJECT,
            [(value_of(algorithm, part), len(part)) for part in parts],
        ).value
    )


def test_the_checksum_of_checksums_has_their_number():
    parts = [b"one", b"two"]
    digests = b"".join(zlib.crc32(part).to_bytes(4) for part in parts)
    expected = base64.b64encode(zlib.crc32(digests).to_bytes(4)).decode()

    found = checksums.of_parts(
        "CRC32", checksums.COMPOSITE, [(value_of("CRC32", part), len(part)) for part in parts]
    )

    assert f"{expected}-2" == found.value


def value_of(algorithm, content):
    running = checksums.running(algorithm)
    running.update(content)
    return running.value()


def a_part(number, size=SMALLEST_PART, etag="0" * 32):
    return UploadedPart(number, Piece(f"blob-{number}", size), etag, NOON)


def complete(chosen, parts, **told):
    return completed(
        UPLOAD,
        chosen,
        {part.number: part for part in parts},
        **{"expected": "", "size": None, "at": NOON, **told},
    )


def test_parts_become_an_object():
    """The ETag is the one that S3 gives: the MD5 of the parts' MD5s, and their number."""
    parts = [a_part(1, etag="a" * 32), a_part(7, 10, etag="b" * 32), a_part(9)]

    made = complete([ChosenPart(1, "a" * 32), ChosenPart(7, "b" * 32)], parts)

    assert (SMALLEST_PART + 10, ["blob-1", "blob-7"]) == (
        made.size,
        [piece.blob for piece in made.pieces],
    )
    assert made.etag.endswith("-2")


@pytest.mark.parametrize(
    ("chosen", "refusal"),
    [
        ([ChosenPart(2, "0" * 32), ChosenPart(1, "0" * 32)], InvalidPartOrder),
        ([ChosenPart(1, "0" * 32), ChosenPart(1, "0" * 32)], InvalidPartOrder),
        ([ChosenPart(3, "0" * 32)], InvalidPart),
        ([ChosenPart(1, "1" * 32)], InvalidPart),
    ],
)
def test_parts_that_make_no_object(chosen, refusal):
    with pytest.raises(refusal):
        complete(chosen, [a_part(1), a_part(2)])


def test_only_the_last_part_may_be_small():
    small = SMALLEST_PART - 1
    complete([ChosenPart(1, "0" * 32)], [a_part(1, small)])

    with pytest.raises(EntityTooSmall):
        complete([ChosenPart(1, "0" * 32), ChosenPart(2, "0" * 32)], [a_part(1, small), a_part(2)])


def test_an_object_of_another_checksum_is_not_made():
    with pytest.raises(BadDigest):
        complete([ChosenPart(1, "0" * 32)], [a_part(1)], expected="AAAAAA==")


@given(st.binary(max_size=30), st.integers(0, 40), st.integers(0, 40))
def test_a_range_is_what_a_slice_is(content, first, last):
    part = part_of(f"bytes={first}-{last}", len(content))

    if last < first:
        assert part.whole
    elif first >= len(content):
        assert part is None
    else:
        assert content[first : last + 1] == content[part.start : part.end]


@given(st.integers(0, 50))
def test_the_last_bytes(count):
    content = os.urandom(30)
    part = part_of(f"bytes=-{count}", len(content))

    if count == 0:
        assert part is None
    else:
        assert content[-count:] == content[part.start : part.end]
