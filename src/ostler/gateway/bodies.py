"""Bodies that pass through in pieces: what is signed of them is checked on the way.

Whoever takes a body has it whole and right only when its last piece has come without an exception.
"""

import hashlib
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace

from ostler.foundation.errors import (
    ApiError,
    InvalidSignatureException,
    NotYetImplemented,
)
from ostler.wire import sigv4
from ostler.wire.chunks import BrokenChunks, Chunks, ChunkSignatures, WrongChunkSignature
from ostler.wire.http import Body, Request
from ostler.wire.sigv4 import Claim

_SIGNED = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"
_SIGNED_WITH_TRAILER = f"{_SIGNED}-TRAILER"
_UNSIGNED_WITH_TRAILER = "STREAMING-UNSIGNED-PAYLOAD-TRAILER"
_MOST_PROMISED = 16


class IncompleteBody(ApiError):
    """The body is not the one that its headers tell of: it is cut off, or not in chunks."""


class XAmzContentSHA256Mismatch(ApiError):
    """The body is not the one whose hash was signed."""


def proved(request: Request, claim: Claim | None, key: bytes) -> Request:
    """`request` with a stream that ends well only if it is what was signed.

    `claim` is None where only the head can have been signed, as in links; `key` signs the chunks.
    """
    stream = request.stream
    if stream is None:
        return request
    word = request.headers.get("x-amz-content-sha256", "")
    if not word:
        presigned = claim is None or claim.presigned
        word = sigv4.UNSIGNED_PAYLOAD if presigned else sigv4.EMPTY_PAYLOAD_HASH
    if sigv4.is_hash(word):
        return replace(request, stream=_Hashed(stream, word))
    if word == sigv4.UNSIGNED_PAYLOAD:
        return request
    promised = _promised(request)
    size = request.headers.get("x-amz-decoded-content-length", "")
    if word == _UNSIGNED_WITH_TRAILER:
        chunks = Chunks(trailing=True)
    elif word in (_SIGNED, _SIGNED_WITH_TRAILER) and claim is not None:
        chunks = Chunks(ChunkSignatures(claim, key), trailing=word == _SIGNED_WITH_TRAILER)
    else:
        raise NotYetImplemented(f"Bodies signed as {word} are not taken.")
    return replace(request, stream=_Chunked(stream, chunks, promised, size))


class _Hashed:
    """A body whose hash was signed."""

    promised: tuple[str, ...] = ()
    trailers: Mapping[str, str] = {}

    def __init__(self, body: Body, digest: str) -> None:
        self._body = body
        self._digest = digest

    async def __aiter__(self) -> AsyncIterator[bytes]:
        found = hashlib.sha256()
        async for piece in self._body:
            found.update(piece)
            yield piece
        if found.hexdigest() != self._digest:
            raise XAmzContentSHA256Mismatch(
                "The provided 'x-amz-content-sha256' header does not match what was computed."
            )


class _Chunked:
    """A body in chunks, signed or not."""

    def __init__(self, body: Body, chunks: Chunks, promised: tuple[str, ...], size: str) -> None:
        self._body = body
        self._chunks = chunks
        self._size = size
        self.promised = promised

    @property
    def trailers(self) -> Mapping[str, str]:
        return self._chunks.trailers

    async def __aiter__(self) -> AsyncIterator[bytes]:
        size = 0
        try:
            async for piece in self._body:
                content = self._chunks.feed(piece)
                size += len(content)
                if content:
                    yield content
            self._chunks.finish()
        except BrokenChunks as fault:
            raise IncompleteBody(fault.message) from fault
        except WrongChunkSignature as fault:
            raise InvalidSignatureException(fault.message) from fault
        if self._size and self._size != str(size):
            raise IncompleteBody(f"The body has {size} bytes, and not {self._size} as announced.")


def _promised(request: Request) -> tuple[str, ...]:
    names = request.headers.get("x-amz-trailer", "").lower().split(",")[:_MOST_PROMISED]
    return tuple(name.strip() for name in names if name.strip())
