"""Master keys: from a file, from the environment, or from a file that a KMS elsewhere opens."""

import base64
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from ostler.foundation.secrets import Secrets, master_keys, master_keys_in, put_first
from ostler.server.settings import Settings

_SIZE = 32
_SEALED = b"kms:"
_CONTEXT = {"purpose": "ostler master key"}
"""What the keys are bound to at the KMS, where policies and trails show it."""

Client = Callable[[str, str], Any]


class NoMasterKey(Exception):
    """The keys are not to be had; the text says why, and what to do about it."""


def are_there(settings: Settings) -> bool:
    """Whether there are keys already, or a file of them that a KMS has to open."""
    if settings.master_key.startswith("env:"):
        return bool(os.environ.get(_variable(settings)))
    return _file(settings).exists()


def read(settings: Settings, *, client: Client | None = None) -> Sequence[bytes]:
    """The keys, the current one first; made where there are none and a file may hold them.

    NoMasterKey says why they cannot be had.
    """
    source, _, name = settings.master_key.partition(":")
    try:
        match source:
            case "":
                return master_keys(_file(settings))
            case "env":
                return _from_environment(_variable(settings))
            case _:
                opened = (client or _kms)(name, settings.master_key_endpoint)
                return _through(opened, name, _file(settings))
    except ValueError as fault:
        raise NoMasterKey(f"{fault}. Put the right keys back; backups hold them.") from fault


def secrets_of(settings: Settings) -> Secrets:
    """The same, ready to seal and open."""
    newest, *older = read(settings)
    return Secrets(newest, older)


def place(settings: Settings) -> str:
    """Where the keys are, in words."""
    if settings.master_key.startswith("env:"):
        return f"the variable {_variable(settings)}"
    return str(_file(settings))


def _from_environment(name: str) -> Sequence[bytes]:
    text = os.environ.get(name, "")
    if not text.strip():
        raise NoMasterKey(
            f"The variable {name}, which the setting master_key names, is not set. It has the "
            "master key: 32 random bytes in base64, as of `openssl rand -base64 32`."
        )
    return master_keys_in(text.encode(), f"The variable {name}")


def _through(client: Any, key: str, path: Path) -> Sequence[bytes]:
    """The keys in the file, each opened by the KMS; what is not sealed yet is sealed now."""
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        if not path.exists():
            made = client.generate_data_key(
                KeyId=key, NumberOfBytes=_SIZE, EncryptionContext=_CONTEXT
            )
            put_first(path, _line(made["CiphertextBlob"]))
        lines = path.read_bytes().split()
        plain = [line for line in lines if not line.startswith(_SEALED)]
        known = (
            dict(zip(plain, master_keys_in(b"\n".join(plain), str(path)), strict=True))
            if (plain)
            else {}
        )
        if known:
            _replace(path, [_sealed(client, key, line, known) for line in lines])
        return [
            known[line]
            if line in known
            else client.decrypt(
                CiphertextBlob=base64.b64decode(line.removeprefix(_SEALED)),
                EncryptionContext=_CONTEXT,
            )["Plaintext"]
            for line in lines
        ]
    except (BotoCoreError, ClientError) as fault:
        raise NoMasterKey(
            f"The KMS does not open the master key in {path}: {fault}. Nothing is lost: the "
            "server starts once it does."
        ) from fault


def _sealed(client: Any, key: str, line: bytes, known: dict[bytes, bytes]) -> bytes:
    if line not in known:
        return line
    sealed = client.encrypt(KeyId=key, Plaintext=known[line], EncryptionContext=_CONTEXT)
    return _line(sealed["CiphertextBlob"])


def _line(ciphertext: bytes) -> bytes:
    return _SEALED + base64.b64encode(ciphertext)


def _replace(path: Path, lines: Sequence[bytes]) -> None:
    draft = path.with_name(f"{path.name}.sealed")
    file = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(file, "wb") as written:
        written.write(b"".join(line + b"\n" for line in lines))
        written.flush()
        os.fsync(written.fileno())
    draft.replace(path)


def _kms(key: str, endpoint: str) -> Any:
    """A client of the KMS, with the credentials that AWS's clients find in the environment."""
    import botocore.session

    session = botocore.session.get_session()
    region = key.split(":")[3] if key.startswith("arn:") else None
    return session.create_client("kms", region_name=region, endpoint_url=endpoint or None)


def _variable(settings: Settings) -> str:
    return settings.master_key.removeprefix("env:")


def _file(settings: Settings) -> Path:
    return settings.data / "keys"
