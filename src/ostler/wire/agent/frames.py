"""The binary message of the channels, as the stock agent reads and writes it.

A frame is a header of 120 bytes, big-endian, and the payload. Both sides of a control channel
and of a data channel speak nothing else once the channel is open.
"""

import hashlib
import struct
from dataclasses import KW_ONLY, dataclass
from uuid import UUID

# The agent calls HeaderLength what comes before the field PayloadLength.
_HEADER_LENGTH = 116
_HEADER = struct.Struct(">I32sIQqQ16s32sII")
_TYPE_SIZE = 31

# A reply's content ends at 120,000 bytes of JSON in the stock agent, which are then written as a
# JSON string once more: at worst every byte becomes two. (Its 142,000 is a write buffer, after
# which the websocket message goes on in another fragment.)
LARGEST_FRAME = 256 * 1024


class BrokenFrame(ValueError):
    """The bytes are not a frame; the text says why."""


@dataclass(frozen=True, slots=True)
class Frame:
    """One message: what kind it is, its id, and what it carries.

    `created_ms` is the sender's time in milliseconds since 1970. `sequence`, `flags` and
    `payload_type` matter on data channels only.
    """

    message_type: str
    message_id: UUID
    payload: bytes
    _: KW_ONLY
    created_ms: int
    sequence: int = 0
    flags: int = 0
    payload_type: int = 0
    schema_version: int = 1


def encode(frame: Frame) -> bytes:
    """The bytes of `frame`; ValueError when a field does not fit in its place."""
    message_type = frame.message_type.encode()
    if len(message_type) > _TYPE_SIZE:
        raise ValueError(f"a message type has at most {_TYPE_SIZE} bytes: {frame.message_type!r}")
    try:
        header = _HEADER.pack(
            _HEADER_LENGTH,
            message_type.ljust(_TYPE_SIZE) + b"\0",
            frame.schema_version,
            frame.created_ms,
            frame.sequence,
            frame.flags,
            _swapped(frame.message_id.bytes),
            hashlib.sha256(frame.payload).digest(),
            frame.payload_type,
            len(frame.payload),
        )
    except struct.error as fault:
        raise ValueError(f"a number does not fit in the frame: {fault}") from fault
    return header + frame.payload


def decode(data: bytes) -> Frame:
    """The frame in `data`; BrokenFrame when there is none.

    As lenient as the stock agent: a longer header is skipped, the digest is not looked at (TLS
    guards the bytes on their way), and all that follows the header is payload.
    """
    if len(data) < _HEADER.size:
        raise BrokenFrame(f"{len(data)} bytes are no frame; its header alone has {_HEADER.size}")
    (
        header_length,
        message_type,
        schema_version,
        created_ms,
        sequence,
        flags,
        message_id,
        _digest,
        payload_type,
        payload_length,
    ) = _HEADER.unpack_from(data)
    if not _HEADER_LENGTH <= header_length <= len(data) - 4:
        raise BrokenFrame(f"the header cannot be {header_length} bytes long")
    payload = data[header_length + 4 :]
    if header_length == _HEADER_LENGTH and payload_length > len(payload):
        raise BrokenFrame(f"{payload_length} bytes are announced, {len(payload)} follow")
    if created_ms == 0:
        raise BrokenFrame("the frame has no date")
    return Frame(
        _text(message_type),
        UUID(bytes=_swapped(message_id)),
        payload,
        created_ms=created_ms,
        sequence=sequence,
        flags=flags,
        payload_type=payload_type,
        schema_version=schema_version,
    )


def _swapped(uuid: bytes) -> bytes:
    """The two halves of a UUID, the last first: so the agent's Java ancestry wrote its longs."""
    return uuid[8:] + uuid[:8]


def _text(field: bytes) -> str:
    try:
        text = field.decode().strip(" \0\t\r\n")
    except UnicodeDecodeError as fault:
        raise BrokenFrame("the message type is not UTF-8") from fault
    if not text:
        raise BrokenFrame("the frame has no message type")
    return text
