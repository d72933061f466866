"""Typed ids, and the mint that makes them."""

import itertools
import secrets
import threading
import uuid
from typing import NewType, Protocol

AccountId = NewType("AccountId", str)
"""Twelve digits."""
Region = NewType("Region", str)
"""Letters, digits and hyphens; any name will do, the clients have no list."""
ActivationId = NewType("ActivationId", str)
"""A UUID."""
NodeId = NewType("NodeId", str)
"""`mi-` and 17 hexadecimal digits: a managed node that registered with an activation."""
CommandId = NewType("CommandId", str)
"""A UUID."""
RequestId = NewType("RequestId", str)
"""A UUID; every answer and every line of the log carries it."""


_CHANCE = 16 * 64


class Ids(Protocol):
    """Makes ids and secrets that nobody can guess."""

    def uuid(self) -> str:
        """A random UUID, version 4, in its usual spelling."""
        ...

    def hex(self, digits: int) -> str:
        """So many lower-case hexadecimal digits."""
        ...

    def token(self, size: int = 32) -> str:
        """An unguessable URL-safe text with `size` bytes of chance in it."""
        ...


class SystemIds:
    """Ids from the machine's source of chance.

    Every request has a UUID, so they are made from chance that is fetched for many at once: each
    fetch is a system call that lets go of the interpreter, which a busy server takes long to get
    back.
    """

    def __init__(self) -> None:
        self._taking = threading.Lock()
        self._chance = b""

    def uuid(self) -> str:
        with self._taking:
            if not self._chance:
                self._chance = secrets.token_bytes(_CHANCE)
            taken, self._chance = self._chance[:16], self._chance[16:]
        return str(uuid.UUID(bytes=taken, version=4))

    def hex(self, digits: int) -> str:
        return secrets.token_hex((digits + 1) // 2)[:digits]

    def token(self, size: int = 32) -> str:
        return secrets.token_urlsafe(size)


class SequentialIds:
    """Ids that count, for tests whose expectations a person can read."""

    def __init__(self) -> None:
        self._count = itertools.count(1)

    def uuid(self) -> str:
        return str(uuid.UUID(int=next(self._count) | 0x4000_8000_0000_0000_0000))

    def hex(self, digits: int) -> str:
        return f"{next(self._count):0{digits}x}"

    def token(self, size: int = 32) -> str:
        return f"{next(self._count):0{size}x}"
