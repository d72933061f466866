"""The node's private key: made here, never sent, replaced in steps that survive a crash.

A new key is on disk before the server hears of it, and the old one stays until the server has
said yes. Should the answer be lost, both are there: whichever the server takes is the key.
"""

import asyncio
import sys
from dataclasses import dataclass, field
from typing import Protocol

from ostler.agent.folder import Folder

_FILE = "key.pem"
_NEXT = "key.next.pem"


class KeyUnusable(Exception):
    """The key cannot be made, read or used; the text says why."""


class Smith(Protocol):
    """Who works with keys; a key is its PEM."""

    async def fresh(self) -> bytes: ...

    async def public(self, pem: bytes) -> str: ...

    async def sign(self, pem: bytes, text: str) -> str: ...


class ChildSmith:
    """Has every piece of work done by a short-lived process of its own."""

    async def fresh(self) -> bytes:
        return await self._have("fresh", b"")

    async def public(self, pem: bytes) -> str:
        return (await self._have("public", pem)).decode()

    async def sign(self, pem: bytes, text: str) -> str:
        return (await self._have("sign", pem + b"\0" + text.encode())).decode()

    async def _have(self, deed: str, given: bytes) -> bytes:
        try:
            # -P: modules come from where Python is installed, not from where we were started.
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-P", "-m", "ostler.agent.signing", deed),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
            )
            answer, complaint = await process.communicate(given)
        except OSError as fault:
            raise KeyUnusable(f"No process for the key: {fault}") from fault
        if process.returncode != 0:
            last = complaint.decode(errors="replace").strip().rpartition("\n")[2]
            raise KeyUnusable(f"The key cannot be used: {last or process.returncode}")
        return answer


@dataclass(frozen=True, slots=True)
class Key:
    """A private key, as far as its owner needs it."""

    pem: bytes = field(repr=False)
    smith: Smith

    async def public(self) -> str:
        """The public half, as the server is told it."""
        return await self.smith.public(self.pem)

    async def sign(self, text: str) -> str:
        """The signature over a text."""
        return await self.smith.sign(self.pem, text)


class Keys:
    """The key in use and, while it is being replaced, the one to come."""

    def __init__(self, folder: Folder, smith: Smith) -> None:
        self._folder = folder
        self._smith = smith

    def current(self) -> Key | None:
        """The key in use."""
        return self._read(_FILE)

    def next(self) -> Key | None:
        """The key whose announcement was begun and not seen through."""
        return self._read(_NEXT)

    async def create(self) -> Key:
        """A key to come that nobody has heard of."""
        pem = await self._smith.fresh()
        self._folder.write(_NEXT, pem)
        return Key(pem, self._smith)

    async def prepare(self) -> Key:
        """The key to come, on disk; the same one until it is in use."""
        return self.next() or await self.create()

    def promote(self) -> None:
        """Use the key to come, for the server takes it."""
        self._folder.rename(_NEXT, _FILE)

    def _read(self, name: str) -> Key | None:
        pem = self._folder.read(name)
        return None if pem is None else Key(pem, self._smith)
