"""The archive of a backup: a compressed tar whose last member holds the checksum of every other."""

import gzip
import hashlib
import io
import os
import tarfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import BinaryIO

CHECKSUMS = "SHA256SUMS"
"""As `sha256sum --check` reads it."""


class BrokenArchive(Exception):
    """It is no backup, or not a whole one; nothing was taken from it."""


class Archive:
    """An archive that is being written."""

    def __init__(self, tar: tarfile.TarFile, made_at: datetime) -> None:
        self._tar = tar
        self._made_at = int(made_at.timestamp())
        self._checksums: list[str] = []

    def add(self, name: str, content: bytes) -> None:
        """Have a member of that name."""
        self._add(name, content)
        self._checksums.append(f"{hashlib.sha256(content).hexdigest()}  {name}\n")

    def finish(self) -> None:
        """Nothing follows but the checksums, by which a whole archive is known."""
        self._add(CHECKSUMS, "".join(self._checksums).encode())

    def _add(self, name: str, content: bytes) -> None:
        member = tarfile.TarInfo(name)
        member.size, member.mtime, member.mode = len(content), self._made_at, 0o600
        self._tar.addfile(member, io.BytesIO(content))


@contextmanager
def writing(file: BinaryIO, made_at: datetime) -> Iterator[Archive]:
    """Write an archive to `file`, from front to back."""
    with (
        gzip.GzipFile(fileobj=file, mode="wb", compresslevel=6, mtime=0) as packed,
        tarfile.open(fileobj=packed, mode="w|", format=tarfile.PAX_FORMAT) as tar,
    ):
        archive = Archive(tar, made_at)
        yield archive
        archive.finish()


@contextmanager
def new_file(path: Path) -> Iterator[BinaryIO]:
    """A file for its owner alone that has its name only once it is whole and on the disk."""
    if path.exists():
        raise FileExistsError(f"{path} exists already.")
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.link(draft, path)  # unlike a rename, it never replaces what came there meanwhile
    finally:
        draft.unlink()
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def members(path: Path) -> Iterator[tuple[str, bytes]]:
    """The members of an archive; BrokenArchive after the last if they are not what was put in."""
    checksums: list[str] = []
    expected: bytes | None = None
    try:
        with tarfile.open(path, mode="r|gz") as tar:
            for member in tar:
                packed = tar.extractfile(member) if member.isfile() else None
                if packed is None or expected is not None:
                    raise BrokenArchive(f"{path}: {member.name} does not belong into a backup.")
                content = packed.read()
                if member.name == CHECKSUMS:
                    expected = content
                    continue
                checksums.append(f"{hashlib.sha256(content).hexdigest()}  {member.name}\n")
                yield member.name, content
    except (tarfile.TarError, zlib.error, gzip.BadGzipFile, EOFError) as fault:
        raise BrokenArchive(f"{path} is no backup, or damaged: {fault}") from fault
    if expected is None:
        raise BrokenArchive(f"{path} ends too early: it is not whole.")
    if expected != "".join(checksums).encode():
        raise BrokenArchive(f"{path} is damaged: its checksums are not those of its members.")
