"""Ciphertexts: a head that names the key, and what only that key opens, for the same context."""

import struct
import uuid
from collections.abc import Mapping
from dataclasses import dataclass

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from ostler.capabilities.keys.errors import InvalidCiphertextException

Context = Mapping[str, str]
"""What a ciphertext is bound to, AWS's encryption context; it is no secret."""

MATERIAL = 32
"""Bytes that a key seals with."""

_VERSION = 2
_HEAD = struct.Struct(">B16sQI")
_SALT = 16
_NONCE = 12


@dataclass(frozen=True, slots=True)
class Head:
    """Which key sealed a ciphertext, whose it is, and with which of its materials."""

    key: str
    account: str
    material: int


def head_of(ciphertext: bytes) -> Head:
    """What a ciphertext says of itself; InvalidCiphertextException when it is none."""
    if len(ciphertext) < _HEAD.size + _SALT + _NONCE or ciphertext[0] != _VERSION:
        raise InvalidCiphertextException
    _, key, account, material = _HEAD.unpack_from(ciphertext)
    return Head(str(uuid.UUID(bytes=key)), f"{account:012}", material)


def close(plain: bytes, head: Head, material: bytes, context: Context, chance: bytes) -> bytes:
    """Seal `plain`; `chance` are random bytes, SPICE of them.

    Every ciphertext has a key of its own, derived from the material: so that their number does
    not matter, which for one key of AES-GCM must stay below 2^32.
    """
    written = _HEAD.pack(_VERSION, uuid.UUID(head.key).bytes, int(head.account), head.material)
    salt, nonce = chance[:_SALT], chance[_SALT:]
    body = AESGCM(_derived(material, salt)).encrypt(nonce, plain, written + _bound(context))
    return written + chance + body


SPICE = _SALT + _NONCE


def unclosed(ciphertext: bytes, material: bytes, context: Context) -> bytes:
    """What was sealed; InvalidCiphertextException when it was not so or not for this context."""
    written, rest = ciphertext[: _HEAD.size], ciphertext[_HEAD.size :]
    salt, nonce, body = rest[:_SALT], rest[_SALT:SPICE], rest[SPICE:]
    try:
        return AESGCM(_derived(material, salt)).decrypt(nonce, body, written + _bound(context))
    except InvalidTag as fault:
        raise InvalidCiphertextException from fault


def _derived(material: bytes, salt: bytes) -> bytes:
    return HKDF(hashes.SHA256(), 32, salt=salt, info=b"ostler:ciphertext").derive(material)


def _bound(context: Context) -> bytes:
    return msgspec.json.encode(dict(context), order="sorted")
