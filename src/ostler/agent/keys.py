"""The node's private key: made here, never sent, replaced in steps that survive a crash.

A new key is on disk before the server hears of it, and the old one stays until the server has
said yes. Should the answer be lost, both are there: whichever the server takes is the key.
"""

import base64

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from ostler.agent.folder import Folder

_FILE = "key.pem"
_NEXT = "key.next.pem"
_BITS = 2048


class Key:
    """A private key, as far as its owner needs it."""

    def __init__(self, private: rsa.RSAPrivateKey) -> None:
        self._private = private

    @classmethod
    def fresh(cls) -> "Key":
        """A new key."""
        return cls(rsa.generate_private_key(public_exponent=65537, key_size=_BITS))

    @property
    def public(self) -> str:
        """The public half, as registration sends it: base64 of its DER."""
        der = self._private.public_key().public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        return base64.b64encode(der).decode()

    def sign(self, text: str) -> str:
        """The signature over a text: RSA-PSS with SHA-256 and a salt of 32 bytes, in base64."""
        pss = padding.PSS(mgf=padding.MGF1(hashes.SHA256()), salt_length=32)
        return base64.b64encode(self._private.sign(text.encode(), pss, hashes.SHA256())).decode()

    def pem(self) -> bytes:
        return self._private.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )


class Keys:
    """The key in use and, while it is being replaced, the one to come."""

    def __init__(self, folder: Folder) -> None:
        self._folder = folder

    def current(self) -> Key:
        """The key in use."""
        key = self._read(_FILE)
        if key is None:
            raise FileNotFoundError(f"There is no key in {self._folder.path}.")
        return key

    def create(self) -> Key:
        """A first key, for a registration."""
        key = Key.fresh()
        self._folder.write(_FILE, key.pem())
        self._folder.remove(_NEXT)
        return key

    def next(self) -> Key | None:
        """The key whose replacement was begun and not seen through."""
        return self._read(_NEXT)

    def prepare(self) -> Key:
        """The key to come, on disk; the same one until it is in use."""
        key = self.next()
        if key is None:
            key = Key.fresh()
            self._folder.write(_NEXT, key.pem())
        return key

    def promote(self) -> None:
        """Use the key to come, for the server takes it."""
        self._folder.rename(_NEXT, _FILE)

    def _read(self, name: str) -> Key | None:
        content = self._folder.read(name)
        if content is None:
            return None
        # The key is our own: to prove at each reading that it is one takes a tenth of a second.
        private = serialization.load_pem_private_key(
            content, password=None, unsafe_skip_rsa_key_validation=True
        )
        assert isinstance(private, rsa.RSAPrivateKey)
        return Key(private)
