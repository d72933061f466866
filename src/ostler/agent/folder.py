"""The agent's folder: all it must remember lies there, for its user alone."""

import fcntl
import os
import shutil
from contextlib import suppress
from pathlib import Path


class FolderInUse(Exception):
    """Another agent runs with this folder."""


class Folder:
    """A folder whose small files are written whole or not at all."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock: int | None = None

    def open(self) -> None:
        """Make the folder when it is missing, and close it to everybody else."""
        self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.path.chmod(0o700)

    def claim(self) -> None:
        """Keep other agents out until this process ends, however it ends."""
        fd = os.open(self.path / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as fault:
            os.close(fd)
            raise FolderInUse(f"Another agent is running with {self.path}.") from fault
        self._lock = fd

    def release(self) -> None:
        """Let other agents in again."""
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def read(self, name: str) -> bytes | None:
        """What a file holds, or None when there is none."""
        try:
            return (self.path / name).read_bytes()
        except FileNotFoundError:
            return None

    def write(self, name: str, content: bytes) -> None:
        """Have a file hold this; after a crash it holds either the old or the new."""
        fresh = self.path / f".{name}.new"
        with suppress(FileNotFoundError):
            fresh.unlink()
        fd = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(fd, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(self.path / name)
        self.settle()

    def rename(self, name: str, new_name: str) -> None:
        """Give a file another name, over what had it."""
        (self.path / name).replace(self.path / new_name)
        self.settle()

    def remove(self, name: str) -> None:
        """Have no file or folder of that name."""
        path = self.path / name
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)
        self.settle()

    def settle(self) -> None:
        """Have the names that were given or taken survive a loss of power."""
        settle(self.path)


def settle(path: Path) -> None:
    """Have the names in a folder survive a loss of power."""
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
