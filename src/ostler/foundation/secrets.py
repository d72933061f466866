"""Secrets: what is kept so that nobody reads it from the database, and what is kept as a digest.

Every sealed text has a random key of its own; the master key seals only these keys. A new
master key can so be brought in by sealing the small keys again.
"""

import base64
import hashlib
import hmac
import os
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

_VERSION = b"\x01"
_KEY = 32
_NAME = 8
_NONCE = 12
_TAG = 16
_WRAPPED = _NONCE + _KEY + _TAG
_HEADER = len(_VERSION) + _NAME


@dataclass(frozen=True, slots=True)
class Sealed:
    """A secret that only `Secrets.open` can read; it shows nothing of itself."""

    data: bytes = field(repr=False)


class SealBroken(Exception):
    """It was sealed by another house, for another purpose, or has been changed since."""


class Secrets:
    """Seals and opens with a master key; older master keys still open what they sealed."""

    def __init__(self, master_key: bytes, older: Sequence[bytes] = ()) -> None:
        for key in (master_key, *older):
            if len(key) != _KEY:
                raise ValueError(f"a master key has {_KEY} bytes")
        self._current = _name(master_key)
        self._masters = {_name(key): key for key in (*older, master_key)}

    def seal(self, plain: bytes, context: str) -> Sealed:
        """Close `plain` up; it opens only for the same `context`, say the resource's ARN."""
        key = secrets.token_bytes(_KEY)
        nonce = secrets.token_bytes(_NONCE)
        body = AESGCM(key).encrypt(nonce, plain, _bound(context))
        return Sealed(self._wrapped(key, context) + nonce + body)

    def open(self, sealed: Sealed, context: str) -> bytes:
        """What was sealed; SealBroken when it was not sealed here for this context."""
        key = self._unwrapped(sealed, context)
        rest = sealed.data[_HEADER + _WRAPPED :]
        return _decrypt(key, rest, _bound(context))

    def sealed_again(self, sealed: Sealed, context: str) -> Sealed:
        """The same secret under the current master key."""
        key = self._unwrapped(sealed, context)
        return Sealed(self._wrapped(key, context) + sealed.data[_HEADER + _WRAPPED :])

    def hash_secret(self, text: str) -> str:
        """A digest to recognise `text` by, for secrets that were minted here.

        It is a keyed HMAC and no slow hash: a minted secret has at least 96 bits of chance in
        it, so that guessing is hopeless at any speed, and it is checked with every request. For
        passwords, which people choose, this is not enough.
        """
        return f"1:{self._current.hex()}:{self._digest(self._current, text)}"

    def same_secret(self, text: str, digest: str) -> bool:
        """Whether `digest` is of `text`, in a time that does not depend on either."""
        version, _, rest = digest.partition(":")
        name, _, expected = rest.partition(":")
        known = version == "1" and name in {master.hex() for master in self._masters}
        master = bytes.fromhex(name) if known else self._current
        actual = self._digest(master, text).encode()
        return hmac.compare_digest(actual, expected.encode()) and known

    def derive(self, purpose: str) -> bytes:
        """A key for one purpose, the same as long as the master key is."""
        return _derived(self._masters[self._current], f"purpose:{purpose}")

    def _digest(self, name: bytes, text: str) -> str:
        key = _derived(self._masters[name], "hash")
        return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()

    def _wrapped(self, key: bytes, context: str) -> bytes:
        header = _VERSION + self._current
        nonce = secrets.token_bytes(_NONCE)
        wrapping = _derived(self._masters[self._current], "wrap")
        return header + nonce + AESGCM(wrapping).encrypt(nonce, key, header + _bound(context))

    def _unwrapped(self, sealed: Sealed, context: str) -> bytes:
        header, rest = sealed.data[:_HEADER], sealed.data[_HEADER:]
        master = self._masters.get(header[1:])
        if header[:1] != _VERSION or master is None:
            raise SealBroken("no master key of this house sealed it")
        return _decrypt(_derived(master, "wrap"), rest[:_WRAPPED], header + _bound(context))


def master_keys(path: Path) -> list[bytes]:
    """The keys in the file, the current one first; a new file with one key, if there is none.

    The file has one key a line, in base64. Of several processes that start at once, all get the
    key of the one that was first.
    """
    if not path.exists():
        put_first(path, base64.b64encode(secrets.token_bytes(_KEY)))
    return master_keys_in(path.read_bytes(), str(path))


def master_keys_in(text: bytes, where: str) -> list[bytes]:
    """The keys in a text of one a line; `where` it stands is for whoever has to mend it."""
    keys = []
    for line in text.split():
        try:
            key = base64.b64decode(line, validate=True)
        except ValueError:
            key = b""
        if len(key) != _KEY:
            raise ValueError(f"{where} holds something else than keys of {_KEY} bytes in base64")
        keys.append(key)
    if not keys:
        raise ValueError(f"{where} has no key in it")
    return keys


def put_first(path: Path, line: bytes) -> None:
    """Make a file of one line, unless somebody else was faster."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f"{path.name}.{secrets.token_hex(8)}")
    file = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        os.write(file, line + b"\n")
        os.fsync(file)
    finally:
        os.close(file)
    try:
        os.link(draft, path)  # unlike a rename, it never replaces a key that is there already
    except FileExistsError:
        pass
    finally:
        draft.unlink()
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _decrypt(key: bytes, data: bytes, bound: bytes) -> bytes:
    try:
        return AESGCM(key).decrypt(data[:_NONCE], data[_NONCE:], bound)
    except (InvalidTag, ValueError) as fault:
        raise SealBroken("it was sealed for something else, or has been changed") from fault


def _name(master_key: bytes) -> bytes:
    return _derived(master_key, "name")[:_NAME]


def _bound(context: str) -> bytes:
    return b"ostler:" + context.encode()


def _derived(master_key: bytes, purpose: str) -> bytes:
    return HKDF(hashes.SHA256(), _KEY, salt=None, info=b"ostler:" + purpose.encode()).derive(
        master_key
    )
