"""aws-chunked: a body in chunks that may each be signed, with fields behind the last one.

Sans-I/O: bytes are fed in as they come, what they carry comes out. Sources: the S3 API reference,
"Signature calculations for the Authorization header: transferring payload in multiple chunks".
"""

import hashlib
import re
from collections.abc import Mapping

from ostler.wire.errors import WireFault
from ostler.wire.sigv4 import EMPTY_PAYLOAD_HASH, Claim, same_signature, signature, stamp

CHUNK_ALGORITHM = "AWS4-HMAC-SHA256-PAYLOAD"
TRAILER_ALGORITHM = "AWS4-HMAC-SHA256-TRAILER"

LONGEST_LINE = 4096
MOST_TRAILERS = 32

_HEAD = re.compile(rb"([0-9a-fA-F]{1,12})(?:;chunk-signature=([0-9a-f]{64}))?[ \t]*")
_FIELD = re.compile(rb"([A-Za-z0-9-]{1,128}):[ \t]*([\x20-\x7e]*?)[ \t]*")
_SIGNATURE = "x-amz-trailer-signature"


class BrokenChunks(WireFault):
    """The body is not in chunks as its headers say."""


class WrongChunkSignature(WireFault):
    """A chunk, or the fields behind the last one, is not what was signed."""


class ChunkSignatures:
    """The chain of signatures: each is over the one before and over what it is of."""

    def __init__(self, claim: Claim, key: bytes) -> None:
        self._key = key
        self._before = claim.signature
        self._head = f"{stamp(claim.timestamp)}\n{claim.scope}"

    def next_chunk(self, digest: str) -> str:
        """The signature of the next chunk, whose content has the SHA-256 `digest`."""
        return self._next(
            f"{CHUNK_ALGORITHM}\n{self._head}\n{self._before}", digest, with_empty=True
        )

    def of_trailers(self, digest: str) -> str:
        """The signature of the fields behind the last chunk."""
        return self._next(f"{TRAILER_ALGORITHM}\n{self._head}\n{self._before}", digest)

    def _next(self, head: str, digest: str, *, with_empty: bool = False) -> str:
        empty = f"\n{EMPTY_PAYLOAD_HASH}" if with_empty else ""
        self._before = signature(self._key, f"{head}{empty}\n{digest}")
        return self._before


class Chunks:
    """Takes a chunked body apart, and checks the signatures if there are to be any."""

    def __init__(self, signatures: ChunkSignatures | None = None, *, trailing: bool) -> None:
        self._signatures = signatures
        self._trailing = trailing
        self._waiting = bytearray()
        self._left = 0
        self._digest = hashlib.sha256()
        self._said = ""
        self._state = self._take_head
        self._trailers: dict[str, str] = {}
        self._raw_trailers = b""
        self.ended = False

    @property
    def trailers(self) -> Mapping[str, str]:
        """The fields behind the last chunk, by their names in lower case."""
        return self._trailers

    def feed(self, data: bytes) -> bytes:
        """What the chunks carry of it; what is signed is checked at the end of its chunk."""
        self._waiting += data
        found = bytearray()
        while not self.ended and self._state(found):
            pass
        if self.ended and self._waiting:
            raise BrokenChunks("Something follows the last chunk.")
        return bytes(found)

    def finish(self) -> None:
        """The body has ended; BrokenChunks when its chunks have not."""
        if not self.ended:
            raise BrokenChunks("The body ended before its last chunk.")

    # Each step takes what it can, and tells whether another may follow at once.

    def _take_head(self, found: bytearray) -> bool:
        line = self._line()
        if line is None:
            return False
        head = _HEAD.fullmatch(line)
        if head is None:
            raise BrokenChunks("A chunk does not begin with its size.")
        if (head[2] is None) != (self._signatures is None):
            raise BrokenChunks("Chunks must be signed as the request says.")
        self._left = int(head[1], 16)
        self._said = (head[2] or b"").decode()
        self._digest = hashlib.sha256()
        if self._left:
            self._state = self._take_content
        else:
            self._check_chunk()
            self._state = self._take_trailer
        return True

    def _take_content(self, found: bytearray) -> bool:
        part = self._waiting[: self._left]
        if not part:
            return False
        del self._waiting[: len(part)]
        found += part
        self._left -= len(part)
        if self._signatures is not None:
            self._digest.update(part)
        if not self._left:
            self._check_chunk()
            self._state = self._take_end
        return True

    def _take_end(self, found: bytearray) -> bool:
        if len(self._waiting) < 2:
            return False
        if self._waiting[:2] != b"\r\n":
            raise BrokenChunks("A chunk is longer than it says.")
        del self._waiting[:2]
        self._state = self._take_head
        return True

    def _take_trailer(self, found: bytearray) -> bool:
        line = self._line()
        if line is None:
            return False
        if not line:
            self._check_trailers()
            self.ended = True
            return False
        field = _FIELD.fullmatch(line)
        if field is None or not self._trailing or len(self._trailers) >= MOST_TRAILERS:
            raise BrokenChunks("What follows the last chunk is not what the request says.")
        name, value = field[1].decode().lower(), field[2].decode()
        if name in self._trailers:
            raise BrokenChunks(f"{name} follows the last chunk twice.")
        self._trailers[name] = value
        if name != _SIGNATURE:
            self._raw_trailers += f"{name}:{value}\n".encode()
        return True

    def _line(self) -> bytes | None:
        end = self._waiting.find(b"\n", 0, LONGEST_LINE)
        if end < 0:
            if len(self._waiting) >= LONGEST_LINE:
                raise BrokenChunks("A line between the chunks is too long.")
            return None
        line = bytes(self._waiting[:end]).removesuffix(b"\r")
        del self._waiting[: end + 1]
        return line

    def _check_chunk(self) -> None:
        if self._signatures is not None:
            expected = self._signatures.next_chunk(self._digest.hexdigest())
            if not same_signature(expected, self._said):
                raise WrongChunkSignature("The signature of a chunk does not match its content.")

    def _check_trailers(self) -> None:
        said = self._trailers.pop(_SIGNATURE, "")
        if self._signatures is None or not self._trailing:
            return
        expected = self._signatures.of_trailers(hashlib.sha256(self._raw_trailers).hexdigest())
        if not same_signature(expected, said):
            raise WrongChunkSignature("The signature of the trailing fields does not match them.")
