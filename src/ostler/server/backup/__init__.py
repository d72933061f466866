"""`ostler-server backup` and `ostler-server restore`: everything a server keeps, in one file."""

import asyncio
import os
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Sequence
from pathlib import Path

from ostler.foundation.clock import SystemClock
from ostler.foundation.storage.snapshot import DatabaseFault, NotEmpty
from ostler.server import masters
from ostler.server.backup import deeds
from ostler.server.backup.archive import BrokenArchive, new_file, writing
from ostler.server.backup.contents import WrongFormat
from ostler.server.backup.deeds import UNFINISHED, CannotRestore
from ostler.server.compose import every_migration
from ostler.server.settings import Settings, WrongSetting, read_settings

__all__ = ["UNFINISHED", "backup", "restore"]

STANDARD_OUTPUT = Path("-")

Deed = Callable[[Settings, Namespace], str]


class NothingThere(Exception):
    """There is no server's data where it was looked for."""


def backup(arguments: Sequence[str]) -> int:
    """Make a backup; 0 when it was made."""
    parser = ArgumentParser(
        prog="ostler-server backup",
        description="Write everything a server keeps into one file: database, blobs, keys and "
        "certificates. The server may run meanwhile. Whoever has the file can be the server.",
    )
    _add_place(parser)
    parser.add_argument(
        "--to",
        type=Path,
        required=True,
        metavar="FILE|FOLDER",
        help="a new file, or a folder for a file with the time in its name; - to pipe it on",
    )
    parser.add_argument(
        "--without-blobs",
        action="store_true",
        help="leave out output and attachments: their store has backups of its own",
    )
    return _perform(parser, arguments, _make)


def restore(arguments: Sequence[str]) -> int:
    """Bring a backup back; 0 when that was done."""
    parser = ArgumentParser(
        prog="ostler-server restore",
        description="Make of a backup a server's data again, in an empty folder and an empty "
        "database. The database may be of another kind than the one that was backed up.",
    )
    _add_place(parser)
    parser.add_argument("--from", type=Path, required=True, metavar="FILE", dest="source")
    parser.add_argument(
        "--check", action="store_true", help="only tell what is in it and whether it is whole"
    )
    return _perform(parser, arguments, _bring_back)


def _add_place(parser: ArgumentParser) -> None:
    parser.add_argument("--data", type=Path, help="the server's folder (default: var)")
    parser.add_argument("--config", type=Path, help="the server's TOML file of settings")
    parser.add_argument("--database", help="the database URL, if it is not in the folder")
    parser.add_argument("--blobs", help="where blobs are, if not in the folder")


def _perform(parser: ArgumentParser, arguments: Sequence[str], deed: Deed) -> int:
    given = parser.parse_args(arguments)
    place = {name: getattr(given, name) for name in ("data", "database", "blobs")}
    try:
        settings = read_settings(os.environ, given.config, **place)
        sys.stderr.write(f"{deed(settings, given)}\n")
    except (
        BrokenArchive,
        CannotRestore,
        DatabaseFault,
        NotEmpty,
        NothingThere,
        OSError,
        WrongFormat,
        WrongSetting,
    ) as fault:
        sys.stderr.write(f"{parser.prog}: {fault}\n")
        return 1
    return 0


def _make(settings: Settings, given: Namespace) -> str:
    if not masters.are_there(settings):
        raise NothingThere(
            f"No server keeps its keys in {settings.data}. Name the server's folder with --data."
        )
    clock = SystemClock()
    blobs = not given.without_blobs
    if given.to == STANDARD_OUTPUT:
        with writing(sys.stdout.buffer, clock.now()) as archive:
            return str(asyncio.run(deeds.make(settings, archive, clock, blobs=blobs)))
    path: Path = given.to
    if path.is_dir():
        path = path / f"ostler-{clock.now():%Y%m%dT%H%M%SZ}.tar.gz"
    with new_file(path) as file, writing(file, clock.now()) as archive:
        tally = asyncio.run(deeds.make(settings, archive, clock, blobs=blobs))
    return f"{path}: {tally}"


def _bring_back(settings: Settings, given: Namespace) -> str:
    if given.check:
        return f"{given.source} is whole: {deeds.look(given.source)}"
    tally = asyncio.run(deeds.restore(settings, given.source, every_migration()))
    return f"{settings.data} is restored from {tally}"
