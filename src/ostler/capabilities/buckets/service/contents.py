"""Contents: bytes on their way into blobs and out of them, and away.

The database comes first: before a blob is written, a timer is that will take it away again, and
only the transaction that gives it a name does away with the timer. A crash at any moment leaves no
blob that nobody knows, and no name without its blob.
"""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from ostler.capabilities.buckets.errors import (
    BadDigest,
    EntityTooLarge,
    InvalidDigest,
    InvalidRequest,
)
from ostler.capabilities.buckets.model.checksums import Checksum, Running, is_possible, running
from ostler.capabilities.buckets.model.objects import LARGEST_PUT, Piece
from ostler.foundation.blobs import Blobs
from ostler.foundation.clock import Clock
from ostler.foundation.errors import ApiError
from ostler.foundation.ids import Ids
from ostler.foundation.storage import Scope, Storage, Transaction

DISCARD = "buckets.discard"
"""The timer that takes blobs away."""

READERS_HAVE = timedelta(minutes=1)
"""Blobs stay so long after their object is gone or another, for those who read it."""
LONGEST_UPLOAD = timedelta(days=8)
"""No connection lives as long as this with a body in it: the slowest that is let, the largest."""

_BIG = 128 * 1024


@dataclass(frozen=True, slots=True)
class Incoming:
    """Content that somebody brings, and what they say about it.

    `algorithm` is that of the checksum, which is `checksum`, or will stand in `trailers` under the
    name `trailer` once the content has come.
    """

    content: AsyncIterator[bytes]
    md5: bytes | None = None
    algorithm: str = ""
    checksum: str = ""
    trailer: str = ""
    trailers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Kept:
    """Content that lies in a blob, which has no name yet."""

    piece: Piece
    etag: str
    checksum: Checksum | None

    def named(self, tx: Transaction) -> None:
        """Something has it from now on."""
        tx.unschedule(DISCARD, self.piece.blob)


class Contents:
    """Carries contents."""

    def __init__(self, storage: Storage, blobs: Blobs, clock: Clock, ids: Ids) -> None:
        self._storage = storage
        self._blobs = blobs
        self._clock = clock
        self._ids = ids

    @asynccontextmanager
    async def kept(self, scope: Scope, incoming: Incoming) -> AsyncIterator[Kept]:
        """Content in a blob, checked; the block calls `named` in the transaction of its own.

        Where that transaction refuses, the blob is taken away again.
        """
        check = _Check(incoming)
        name = self._ids.uuid()
        blob = f"buckets/{scope.account}/{name[:2]}/{name}"
        # The record of the call belongs to the change that names the blob, not to this one.
        plain = Scope(scope.account, scope.region)
        later = self._clock.now() + LONGEST_UPLOAD
        await self._storage.write(plain, lambda tx: _schedule(tx, [blob], later))
        try:
            size = await self._blobs.put_stream(blob, check.passed())
        except BaseException:
            forget = self._storage.write(plain, lambda tx: tx.unschedule(DISCARD, blob))
            await asyncio.shield(forget)
            raise
        try:
            yield Kept(Piece(blob, size), check.etag, check.checksum)
        except ApiError:
            # It was refused, and so not committed. Of another fault nobody knows: the timer stays.
            now = self._clock.now()
            await self._storage.write(plain, lambda tx: _schedule(tx, [blob], now))
            raise

    async def read(self, pieces: Sequence[Piece], start: int, end: int) -> AsyncIterator[bytes]:
        """The bytes from `start` up to `end` of all pieces together."""
        begin = 0
        for piece in pieces:
            first, last = max(start - begin, 0), min(end - begin, piece.size)
            if first < last:
                async for part in self._blobs.stream(piece.blob, first, last):
                    yield part
            begin += piece.size

    def discard(self, tx: Transaction, pieces: Sequence[Piece]) -> None:
        """Have blobs taken away that have no name any more, once nobody reads them."""
        if pieces:
            blobs = [piece.blob for piece in pieces]
            _schedule(tx, blobs, self._clock.now() + READERS_HAVE)

    async def take_away(self, blobs: Sequence[str]) -> None:
        """Delete blobs."""
        for blob in blobs:
            await self._blobs.delete(blob)


class _Check:
    """What is computed of content while it passes, and compared when it has passed."""

    def __init__(self, incoming: Incoming) -> None:
        self._incoming = incoming
        self._md5 = hashlib.md5(usedforsecurity=False)
        self._running: Running | None = None
        self.checksum: Checksum | None = None
        if incoming.algorithm:
            self._running = running(incoming.algorithm)
            if incoming.checksum:
                self._expect_possible(incoming.checksum)

    @property
    def etag(self) -> str:
        return self._md5.hexdigest()

    async def passed(self) -> AsyncIterator[bytes]:
        """The content; an exception at its end when it is not what it should be."""
        size = 0
        async for piece in self._incoming.content:
            size += len(piece)
            if size > LARGEST_PUT:
                raise EntityTooLarge(
                    "Your proposed upload exceeds the maximum allowed size",
                    MaxSizeAllowed=str(LARGEST_PUT),
                )
            if len(piece) > _BIG:
                await asyncio.to_thread(self._take, piece)
            else:
                self._take(piece)
            yield piece
        self._compare()

    def _take(self, piece: bytes) -> None:
        self._md5.update(piece)
        if self._running is not None:
            self._running.update(piece)

    def _compare(self) -> None:
        incoming = self._incoming
        if incoming.md5 is not None and incoming.md5 != self._md5.digest():
            raise BadDigest("The Content-MD5 you specified did not match what we received.")
        if self._running is None:
            return
        computed = self._running.value()
        expected = incoming.checksum
        if incoming.trailer:
            expected = incoming.trailers.get(incoming.trailer, "")
            self._expect_possible(expected)
        if expected and expected != computed:
            raise BadDigest(
                f"The {incoming.algorithm} you specified did not match the calculated checksum."
            )
        self.checksum = Checksum(incoming.algorithm, computed)

    def _expect_possible(self, value: str) -> None:
        algorithm = self._incoming.algorithm
        if not is_possible(Checksum(algorithm, value)):
            raise InvalidRequest(f"Value for x-amz-checksum-{algorithm.lower()} header is invalid.")


def md5_of(given: bytes | None) -> bytes | None:
    """A Content-MD5, if one was given; InvalidDigest when it cannot be one."""
    if given is not None and len(given) != 16:
        raise InvalidDigest("The Content-MD5 you specified is not valid.")
    return given


def _schedule(tx: Transaction, blobs: Sequence[str], at: datetime) -> None:
    tx.schedule(DISCARD, blobs[0], at, {"blobs": list(blobs)})
