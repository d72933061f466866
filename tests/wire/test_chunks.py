"""aws-chunked: bodies in chunks, signed and not, however they are cut, and what is refused."""

import hashlib
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ostler.wire import sigv4
from ostler.wire.chunks import (
    BrokenChunks,
    Chunks,
    ChunkSignatures,
    WrongChunkSignature,
)
from ostler.wire.claims import Claim

# The example of the S3 API reference: 66,560 times the letter a, in chunks of 64 KiB.
SECRET = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
CLAIM = Claim(
    access_key="AKIAIOSFODNN7EXAMPLE",
    date="20130524",
    region="us-east-1",
    service="s3",
    signed_headers=("host",),
    signature="4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9",
    session_token=None,
    timestamp=datetime(2013, 5, 24, tzinfo=UTC),
    presigned=False,
)
KEY = sigv4.signing_key(SECRET, "20130524", "us-east-1", "s3")
SIGNATURES = (
    "ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648",
    "0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497",
    "b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9",
)
EXAMPLE = b"".join(
    [
        b"10000;chunk-signature=%s\r\n" % SIGNATURES[0].encode() + b"a" * 65536 + b"\r\n",
        b"400;chunk-signature=%s\r\n" % SIGNATURES[1].encode() + b"a" * 1024 + b"\r\n",
        b"0;chunk-signature=%s\r\n\r\n" % SIGNATURES[2].encode(),
    ]
)
UNSIGNED = b"5\r\nhello\r\n6\r\n world\r\n0\r\nx-amz-checksum-crc32:DUoRhQ==\r\n\r\n"


def signed_chunks() -> Chunks:
    return Chunks(ChunkSignatures(CLAIM, KEY), trailing=False)


def test_the_example_of_the_reference_is_read():
    chunks = signed_chunks()

    assert b"a" * 66560 == chunks.feed(EXAMPLE)
    chunks.finish()


def test_a_changed_byte_is_noticed():
    with pytest.raises(WrongChunkSignature):
        signed_chunks().feed(EXAMPLE.replace(b"aaa\r\n", b"aab\r\n", 1))


def test_a_chunk_left_out_is_noticed():
    first = EXAMPLE.index(b"400;")

    with pytest.raises(WrongChunkSignature):
        signed_chunks().feed(EXAMPLE[first:])


def test_trailing_fields_are_read():
    chunks = Chunks(trailing=True)

    assert b"hello world" == chunks.feed(UNSIGNED)
    assert {"x-amz-checksum-crc32": "DUoRhQ=="} == chunks.trailers


def test_signed_trailing_fields_are_checked():
    """Written with the same chain that reads it; the chain itself is held to the example above."""
    chain = ChunkSignatures(CLAIM, KEY)
    one = chain.next_chunk(hashlib.sha256(b"hi").hexdigest())
    last = chain.next_chunk(hashlib.sha256(b"").hexdigest())
    fields = chain.of_trailers(hashlib.sha256(b"x-amz-checksum-crc32:AAAAAA==\n").hexdigest())
    body = (
        f"2;chunk-signature={one}\r\nhi\r\n0;chunk-signature={last}\r\n"
        f"x-amz-checksum-crc32:AAAAAA==\r\nx-amz-trailer-signature:{fields}\r\n\r\n"
    ).encode()

    assert b"hi" == Chunks(ChunkSignatures(CLAIM, KEY), trailing=True).feed(body)
    with pytest.raises(WrongChunkSignature):
        Chunks(ChunkSignatures(CLAIM, KEY), trailing=True).feed(body.replace(b"AAAAAA", b"BAAAAA"))


@pytest.mark.parametrize(
    "body",
    [
        b"zz\r\n",
        b"5\r\nhello!\r\n",
        b"5;chunk-signature=" + b"0" * 64 + b"\r\nhello\r\n0\r\n\r\n",
        b"0\r\n\r\nmore",
        b"0\r\nno field\r\n\r\n",
        b"0\r\na:1\r\na:2\r\n\r\n",
        b"1" * 5000,
    ],
)
def test_what_is_no_chunk_is_refused(body):
    with pytest.raises(BrokenChunks):
        Chunks(trailing=True).feed(body)


def test_fields_that_nobody_announced_are_refused():
    with pytest.raises(BrokenChunks):
        Chunks(trailing=False).feed(UNSIGNED)


def test_a_body_that_ends_early_is_refused():
    chunks = Chunks(trailing=True)
    chunks.feed(UNSIGNED[:-2])

    with pytest.raises(BrokenChunks):
        chunks.finish()


@given(st.lists(st.integers(1, 9), max_size=40))
def test_it_does_not_matter_how_the_body_is_cut(cuts):
    chunks, found, at = Chunks(trailing=True), b"", 0
    for size in [*cuts, len(UNSIGNED)]:
        found += chunks.feed(UNSIGNED[at : at + size])
        at += size
    chunks.finish()

    assert b"hello world" == found


@given(st.binary(max_size=300), st.booleans(), st.booleans())
@settings(max_examples=300)
def test_no_bytes_do_more_than_be_refused(body, signed, trailing):
    signatures = ChunkSignatures(CLAIM, KEY) if signed else None
    try:
        Chunks(signatures, trailing=trailing).feed(body)
    except (BrokenChunks, WrongChunkSignature):
        return


@given(st.integers(0, len(UNSIGNED) - 1), st.binary(min_size=1, max_size=3))
@settings(max_examples=200)
def test_a_damaged_body_does_no_more_than_be_refused(at, noise):
    damaged = UNSIGNED[:at] + noise + UNSIGNED[at + 1 :]
    try:
        Chunks(trailing=True).feed(damaged)
    except BrokenChunks:
        return
