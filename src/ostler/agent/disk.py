"""A folder of files to which lines are added, and when they are safe there."""

import os
from contextlib import suppress
from pathlib import Path
from typing import Protocol

from ostler.agent.folder import settle


class Disk(Protocol):
    """Where the journal lies."""

    def names(self) -> list[str]:
        """The files there are."""
        ...

    def read(self, name: str) -> bytes:
        """What a file holds; nothing when there is none."""
        ...

    def append(self, name: str, content: bytes, *, durable: bool = True) -> None:
        """Add to a file, made when it is missing; `durable`: return once power may fail."""
        ...

    def replace(self, name: str, content: bytes) -> None:
        """Have a file hold this, wholly or not at all."""
        ...

    def cut(self, name: str, size: int) -> None:
        """Have a file end after so many bytes; a full disk does not hinder it."""
        ...

    def remove(self, name: str) -> None:
        """Have no file of that name."""
        ...


class RealDisk:
    """A folder of the machine."""

    def __init__(self, path: Path) -> None:
        self._path = path
        path.mkdir(mode=0o700, parents=True, exist_ok=True)

    def names(self) -> list[str]:
        return sorted(name for name in os.listdir(self._path) if not name.startswith("."))

    def read(self, name: str) -> bytes:
        with suppress(FileNotFoundError):
            return (self._path / name).read_bytes()
        return b""

    def append(self, name: str, content: bytes, *, durable: bool = True) -> None:
        path = self._path / name
        new = durable and not path.exists()
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        before = os.fstat(fd).st_size
        try:
            left = memoryview(content)
            while left:
                left = left[os.write(fd, left) :]
            if durable:
                os.fsync(fd)
        except OSError:
            # A full disk leaves no half line for the next one to run into.
            os.ftruncate(fd, before)
            raise
        finally:
            os.close(fd)
        if new:
            settle(self._path)

    def replace(self, name: str, content: bytes) -> None:
        fresh = self._path / f".{name}.new"
        with suppress(FileNotFoundError):
            fresh.unlink()
        fd = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(fd, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(self._path / name)
        settle(self._path)

    def cut(self, name: str, size: int) -> None:
        fd = os.open(self._path / name, os.O_WRONLY)
        try:
            os.ftruncate(fd, size)
            os.fsync(fd)
        finally:
            os.close(fd)

    def remove(self, name: str) -> None:
        with suppress(FileNotFoundError):
            (self._path / name).unlink()
