"""Nodes' public keys: how they come over the wire, and which are good enough."""

import base64
import binascii
import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_der_public_key,
)

from ostler.capabilities.nodes.errors import InvalidPublicKey

FEWEST_BITS = 2048
MOST_BITS = 8192


@dataclass(frozen=True, slots=True)
class PublicKey:
    """An RSA public key as DER (SubjectPublicKeyInfo), and its digest to find it by."""

    der: bytes

    @property
    def digest(self) -> str:
        return hashlib.sha256(self.der).hexdigest()

    @classmethod
    def read(cls, text: str, kind: str = "Rsa") -> "PublicKey":
        """The key out of its base64; InvalidPublicKey when it is none or too weak."""
        if kind != "Rsa":
            raise InvalidPublicKey(f"Keys of type {kind} are not supported, only Rsa.")
        try:
            key = load_der_public_key(base64.b64decode(text, validate=True))
        except (binascii.Error, ValueError, UnsupportedAlgorithm) as fault:
            raise InvalidPublicKey("The public key is not the base64 of a DER key.") from fault
        if not isinstance(key, RSAPublicKey):
            raise InvalidPublicKey("The public key is not an RSA key.")
        if not FEWEST_BITS <= key.key_size <= MOST_BITS:
            raise InvalidPublicKey(
                f"The public key has {key.key_size} bits; {FEWEST_BITS} to {MOST_BITS} will do."
            )
        return cls(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo))


@dataclass(frozen=True, slots=True)
class Lock:
    """What proves that a machine is the node it says it is."""

    key: PublicKey
    since: datetime
    fingerprint: str

    def due(self, at: datetime, life: timedelta) -> bool:
        """Whether the key has lived long enough to be changed."""
        return at - self.since >= life
