"""Signing: what proves that a message comes from this house."""

import asyncio
import base64
import hashlib
from datetime import datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.x509.oid import NameOID

from ostler.capabilities.notifications.model.messages import signed_text
from ostler.capabilities.notifications.store import topics as store
from ostler.foundation.clock import Clock
from ostler.foundation.secrets import Secrets
from ostler.foundation.storage import Storage

_CONTEXT = "notifications signer"
_LIFE = timedelta(days=3650)
_DIGESTS = {"1": hashes.SHA1(), "2": hashes.SHA256()}  # noqa: S303 - SNS's older version, on demand


class Signing:
    """Signs envelopes with a key that is made when first it is needed, for all processes."""

    def __init__(self, storage: Storage, clock: Clock, secrets: Secrets) -> None:
        self._storage = storage
        self._clock = clock
        self._secrets = secrets
        self._known: tuple[str, rsa.RSAPrivateKey] | None = None

    async def name(self) -> str:
        """The name of the certificate by which signatures are checked."""
        return (await self._signer())[0]

    async def certificate(self, name: str) -> bytes | None:
        """The certificate of this name in PEM; None when there is none."""
        found = await self._storage.read(None, store.signer)
        return found[2].encode() if found is not None and found[0] == name else None

    async def sign(self, told: dict[str, object], version: str) -> None:
        """Put the signature into an envelope."""
        _, key = await self._signer()
        signed = key.sign(signed_text(told), padding.PKCS1v15(), _DIGESTS[version])
        told["Signature"] = base64.b64encode(signed).decode()

    async def _signer(self) -> tuple[str, rsa.RSAPrivateKey]:
        if self._known is None:
            found = await self._storage.read(None, store.signer)
            if found is None:
                made = await asyncio.to_thread(_make, self._clock.now())
                name, plain, certificate = made
                sealed = self._secrets.seal(plain, _CONTEXT)
                await self._storage.write(
                    None, lambda tx: store.write_signer(tx, name, sealed, certificate)
                )
                found = await self._storage.read(None, store.signer)
            assert found is not None
            key = serialization.load_der_private_key(
                self._secrets.open(found[1], _CONTEXT), password=None
            )
            assert isinstance(key, rsa.RSAPrivateKey)
            self._known = found[0], key
        return self._known


def _make(now: datetime) -> tuple[str, bytes, str]:
    """A new key: its name, the key itself, and a certificate that it signed itself."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Ostler notifications")])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + _LIFE)
        .sign(key, hashes.SHA256())
    )
    pem = certificate.public_bytes(serialization.Encoding.PEM)
    plain = key.private_bytes(
        serialization.Encoding.DER,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    return hashlib.sha256(pem).hexdigest()[:32], plain, pem.decode()
