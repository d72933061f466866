"""Frames: every byte where the stock agent looks for it, and nothing read that is not one."""

import contextlib
import hashlib
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ostler.wire.agent.frames import BrokenFrame, Frame, decode, encode

ID = UUID("00112233-4455-6677-8899-aabbccddeeff")

message_types = st.text(st.characters(codec="utf-8"), min_size=1).filter(
    lambda text: len(text.encode()) <= 31 and text == text.strip(" \0\t\r\n")
)
frames = st.builds(
    Frame,
    message_types,
    st.uuids(),
    st.binary(max_size=300),
    created_ms=st.integers(1, 2**64 - 1),
    sequence=st.integers(-(2**63), 2**63 - 1),
    flags=st.integers(0, 2**64 - 1),
    payload_type=st.integers(0, 2**32 - 1),
    schema_version=st.integers(0, 2**32 - 1),
)


def test_every_field_stands_in_its_place():
    frame = Frame(
        "agent_job",
        ID,
        b'{"a":1}',
        created_ms=0x0102030405060708,
        sequence=-2,
        flags=3,
        payload_type=12,
    )

    data = encode(frame)

    assert (116).to_bytes(4) == data[:4]
    assert b"agent_job" + b" " * 22 + b"\0" == data[4:36]
    assert (1).to_bytes(4) == data[36:40]
    assert bytes([1, 2, 3, 4, 5, 6, 7, 8]) == data[40:48]
    assert (-2).to_bytes(8, signed=True) == data[48:56]
    assert (3).to_bytes(8) == data[56:64]
    assert bytes.fromhex("8899aabbccddeeff0011223344556677") == data[64:80]
    assert hashlib.sha256(b'{"a":1}').digest() == data[80:112]
    assert (12).to_bytes(4) == data[112:116]
    assert (7).to_bytes(4) == data[116:120]
    assert b'{"a":1}' == data[120:]


@given(frames)
def test_what_is_written_is_read(frame):
    assert frame == decode(encode(frame))


@given(st.binary(max_size=400))
def test_any_bytes_are_a_frame_or_broken(data):
    with contextlib.suppress(BrokenFrame):
        assert decode(data).message_type


@given(frames, st.data())
def test_a_damaged_frame_is_a_frame_or_broken(frame, data):
    damaged = bytearray(encode(frame))
    for _ in range(data.draw(st.integers(1, 4))):
        damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, len(damaged)))
    with contextlib.suppress(BrokenFrame):
        assert decode(bytes(damaged[:cut])).message_type


def test_a_longer_header_is_skipped():
    """As the stock agent does: the payload begins where HeaderLength says."""
    data = bytearray(encode(Frame("agent_job", ID, b"longer!payload", created_ms=1)))
    data[:4] = (116 + 7).to_bytes(4)

    assert b"payload" == decode(bytes(data)).payload


def test_a_cut_payload_is_broken():
    data = encode(Frame("agent_job", ID, b"payload", created_ms=1))
    with pytest.raises(BrokenFrame, match="7 bytes are announced, 6 follow"):
        decode(data[:-1])


def test_a_frame_without_date_is_broken():
    data = encode(Frame("agent_job", ID, b"", created_ms=0))
    with pytest.raises(BrokenFrame, match="no date"):
        decode(data)


@pytest.mark.parametrize(
    "frame",
    [
        Frame("a" * 32, ID, b"", created_ms=1),
        Frame("agent_job", ID, b"", created_ms=2**64),
        Frame("agent_job", ID, b"", created_ms=1, sequence=2**63),
    ],
)
def test_what_does_not_fit_is_not_written(frame):
    with pytest.raises(ValueError, match=r"has at most|does not fit"):
        encode(frame)
