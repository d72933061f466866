"""What is done with backups: make one while the server runs, look into one, bring one back."""

import os
import re
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from ostler import agent
from ostler.foundation.blobs import BlobNotFound, Blobs
from ostler.foundation.clock import Clock
from ostler.foundation.storage import Migration
from ostler.foundation.storage.snapshot import filling, snapshot
from ostler.server.backup import contents
from ostler.server.backup.archive import Archive, BrokenArchive, members
from ostler.server.backup.contents import Header
from ostler.server.settings import Settings

UNFINISHED = "restore-unfinished"
"""A file in the data folder for as long as a restore has not come to its end."""

_CERTIFICATES = ("ca.pem", "ca.key", "server.pem")
_FILE = re.compile(r"keys|tls/(ca\.pem|ca\.key|server\.pem)")


class CannotRestore(Exception):
    """Something is in the way; nothing was changed."""


@dataclass(slots=True)
class Tally:
    """What is in a backup."""

    header: Header
    tables: set[str] = field(default_factory=set)
    rows: int = 0
    blobs: int = 0

    def count(self, member: str, content: bytes) -> None:
        """Count a member in."""
        if member.startswith(contents.TABLES):
            self.tables.add(contents.table_of(member))
            self.rows += content.count(b"\n") - 1
        elif member.startswith(contents.BLOBS):
            self.blobs += 1

    def __str__(self) -> str:
        made, blobs = self.header, f"{self.blobs} blobs" if self.header.blobs else "no blobs"
        return (
            f"Ostler {made.version} on {made.engine}, {made.made_at}: "
            f"{self.rows} rows in {len(self.tables)} tables, {blobs}"
        )


async def make(settings: Settings, archive: Archive, clock: Clock, *, blobs: bool) -> Tally:
    """Put all that a server keeps into an archive; the server may be at work meanwhile."""
    with snapshot(settings.database_url) as moment:
        tally = Tally(
            Header(
                format=contents.FORMAT,
                version=agent.VERSION,
                made_at=clock.now().isoformat(timespec="seconds"),
                engine=moment.engine,
                steps=tuple(moment.steps),
                blobs=blobs,
            )
        )
        archive.add(contents.HEADER, msgspec.json.encode(tally.header))
        for member, content in contents.parts(moment.rows()):
            archive.add(member, content)
            tally.count(member, content)
        archive.add(contents.NUMBERS, msgspec.json.encode(moment.numbers()))
    # What the rows speak of was there before them: keys and blobs that come later do no harm.
    keys = settings.data / "keys"
    if keys.exists():  # otherwise they come from the environment
        archive.add("keys", keys.read_bytes())
    for name in _CERTIFICATES:
        path = settings.data / "tls" / name
        if path.exists():
            archive.add(f"tls/{name}", path.read_bytes())
    if blobs:
        await _add_blobs(Blobs(settings.blobs_url), archive, tally)
    return tally


async def _add_blobs(blobs: Blobs, archive: Archive, tally: Tally) -> None:
    for entry in await blobs.list():
        try:
            content = await blobs.get(entry.key)
        except BlobNotFound:
            continue  # it was dropped a moment ago
        member = contents.member_of(entry.key)
        archive.add(member, content)
        tally.count(member, content)


def look(path: Path) -> Tally:
    """What is in a backup; BrokenArchive unless it is whole and as it was made."""
    found = members(path)
    name, content = next(found, ("", b""))
    if name != contents.HEADER:
        raise BrokenArchive(f"{path} is no backup of Ostler.")
    tally = Tally(contents.header_of(content))
    for member, content in found:
        tally.count(member, content)
    return tally


async def restore(settings: Settings, path: Path, migrations: Sequence[Migration]) -> Tally:
    """Make an empty data folder, and an empty database, what they were; all of it or nothing."""
    if settings.data.exists() and any(settings.data.iterdir()):
        raise CannotRestore(f"{settings.data} is not empty: name a new folder with --data.")
    tally = look(path)
    steps = set(tally.header.steps)
    if unknown := steps - {(step.capability, step.number) for step in migrations}:
        raise CannotRestore(
            f"The backup is of Ostler {tally.header.version}, whose tables this Ostler "
            f"{agent.VERSION} does not know ({len(unknown)} migrations): restore it with that "
            "version or a later one."
        )
    taken = [step for step in migrations if (step.capability, step.number) in steps]
    with _folder_being_filled(settings.data):
        found = members(path)
        with filling(settings.database_url, taken) as database:
            for member, content in found:
                if member.startswith(contents.TABLES):
                    database.put(contents.rows_of(member, content))
                elif member == contents.NUMBERS:
                    database.count_on(contents.numbers_of(content))
                    break
        blobs = Blobs(settings.blobs_url)
        for member, content in found:
            if member.startswith(contents.BLOBS):
                await blobs.put(contents.blob_of(member), content)
            elif _FILE.fullmatch(member):
                _write(settings.data / member, content)
    return tally


@contextmanager
def _folder_being_filled(folder: Path) -> Iterator[None]:
    """A folder that is marked until it is filled, and empty again if it cannot be."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder.chmod(0o700)
    mark = folder / UNFINISHED
    mark.touch()
    try:
        yield
    except BaseException:
        for path in folder.iterdir():
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink()
        raise
    mark.unlink()


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(mode=0o700, exist_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
