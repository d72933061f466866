"""Bodies in pieces: good only at their end, and only if they are what was signed."""

import hashlib
from collections.abc import AsyncIterator, Mapping

import pytest

from ostler.foundation.errors import NotYetImplemented
from ostler.gateway.bodies import IncompleteBody, XAmzContentSHA256Mismatch, proved
from ostler.wire.http import Request
from tests.wire.test_chunks import UNSIGNED


class Stream:
    """A body as it comes from the network."""

    promised: tuple[str, ...] = ()
    trailers: Mapping[str, str] = {}

    def __init__(self, *pieces: bytes) -> None:
        self._pieces = pieces

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for piece in self._pieces:
            yield piece


def a_request(stream: Stream, **headers: str) -> Request:
    told = {name.replace("_", "-"): text for name, text in headers.items()}
    return Request("PUT", "/pail/key", headers=told, stream=stream)


async def taken(request: Request) -> bytes:
    ready = proved(request, None, b"")
    assert ready.stream is not None
    return b"".join([piece async for piece in ready.stream])


async def test_a_body_of_the_signed_hash() -> None:
    digest = hashlib.sha256(b"hello").hexdigest()

    assert b"hello" == await taken(a_request(Stream(b"he", b"llo"), x_amz_content_sha256=digest))
    with pytest.raises(XAmzContentSHA256Mismatch):
        await taken(a_request(Stream(b"he", b"llO"), x_amz_content_sha256=digest))


async def test_a_body_in_chunks_brings_its_fields() -> None:
    request = a_request(
        Stream(UNSIGNED[:7], UNSIGNED[7:]),
        x_amz_content_sha256="STREAMING-UNSIGNED-PAYLOAD-TRAILER",
        x_amz_decoded_content_length="11",
        x_amz_trailer="X-Amz-Checksum-CRC32",
    )
    stream = proved(request, None, b"").stream
    assert stream is not None

    assert ("x-amz-checksum-crc32",) == stream.promised
    assert b"hello world" == b"".join([piece async for piece in stream])
    assert {"x-amz-checksum-crc32": "DUoRhQ=="} == stream.trailers


@pytest.mark.parametrize(
    ("stream", "length"),
    [(Stream(UNSIGNED), "12"), (Stream(UNSIGNED[:-4]), "11"), (Stream(b"no chunks"), "9")],
)
async def test_a_body_that_is_not_what_its_head_says(stream: Stream, length: str) -> None:
    with pytest.raises(IncompleteBody):
        await taken(
            a_request(
                stream,
                x_amz_content_sha256="STREAMING-UNSIGNED-PAYLOAD-TRAILER",
                x_amz_decoded_content_length=length,
            )
        )


def test_other_ways_to_sign_are_not_built() -> None:
    request = a_request(Stream(), x_amz_content_sha256="STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD")

    with pytest.raises(NotYetImplemented):
        proved(request, None, b"")
