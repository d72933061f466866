"""Blobs: large things by key, in a folder or in any object store."""

import asyncio
import os
import re
import secrets
from collections.abc import AsyncIterator, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote, urlsplit

import obstore
from obstore.exceptions import NotFoundError
from obstore.store import LocalStore, ObjectStore, from_url

_PLAIN = "!$&'()+,-.=@_~"
_LONGEST_NAME = 200
_PART = 8 * 1024 * 1024
PIECE = 1024 * 1024
"""So many bytes of a blob are in memory at a time, where it is streamed."""
_FILE = "%"


class BlobNotFound(Exception):
    """There is no blob of that key."""


@dataclass(frozen=True, slots=True)
class BlobEntry:
    """What a listing says of a blob."""

    key: str
    size: int
    modified: datetime


class Blobs:
    """One place for blobs.

    `url` is `file:///folder` (or a plain path), `s3://bucket/prefix`, `gs://…`, `az://…`, or
    `memory://` for as long as the process lives. `options` are those of the object store: its
    endpoint, region and credentials.

    Keys are any text; nothing in a key leads out of the place. What `put` was given is whole
    and durable once it returns; until then a reader sees what was there before.
    """

    def __init__(self, url: str, options: Mapping[str, Any] | None = None) -> None:
        parts = urlsplit(url)
        self._folder: Path | None = None
        if parts.scheme in ("", "file"):
            self._folder = Path(unquote(parts.path)).absolute()
            self._store: ObjectStore = LocalStore(self._folder, mkdir=True, automatic_cleanup=True)
        else:
            url = "memory:///" if parts.scheme == "memory" else url
            self._store = from_url(url, **(options or {}))

    async def put(self, key: str, data: bytes) -> None:
        """Keep `data` under `key`, in place of what was there."""
        path = self._path(key)
        if self._folder is None:
            await obstore.put_async(self._store, path, data)
        else:
            await asyncio.to_thread(_put_file, self._folder / path, data)

    async def put_stream(self, key: str, pieces: AsyncIterator[bytes]) -> int:
        """Keep what comes in `pieces`; how many bytes that was.

        What `pieces` raises goes on, and nothing is kept then.
        """
        counted = _Counted(pieces)
        path = self._path(key)
        if self._folder is None:
            await obstore.put_async(self._store, path, counted, chunk_size=_PART)
        else:
            await _put_file_in_pieces(self._folder / path, counted)
        return counted.size

    async def get(self, key: str) -> bytes:
        """The whole blob."""
        try:
            found = await obstore.get_async(self._store, self._path(key))
        except (NotFoundError, FileNotFoundError) as fault:
            raise BlobNotFound(key) from fault
        return bytes(await found.bytes_async())

    async def get_range(self, key: str, start: int, length: int) -> bytes:
        """`length` bytes from `start` on; fewer where the blob ends, none after its end."""
        length = min(length, await self.size(key) - start)
        if length <= 0:
            return b""
        try:
            part = await obstore.get_range_async(
                self._store, self._path(key), start=start, length=length
            )
        except (NotFoundError, FileNotFoundError) as fault:
            raise BlobNotFound(key) from fault
        return bytes(part)

    async def stream(self, key: str, start: int, end: int) -> AsyncIterator[bytes]:
        """The bytes from `start` up to `end`, about a megabyte at a time.

        A blob that goes away meanwhile is still read to its end, in a folder.
        """
        if start >= end:
            return
        try:
            found = await obstore.get_async(
                self._store, self._path(key), options={"range": (start, end)}
            )
        except (NotFoundError, FileNotFoundError) as fault:
            raise BlobNotFound(key) from fault
        async for part in found.stream(min_chunk_size=PIECE):
            piece = bytes(part)
            for at in range(0, len(piece), PIECE):
                yield piece[at : at + PIECE]

    async def size(self, key: str) -> int:
        """How many bytes the blob has."""
        try:
            return int((await obstore.head_async(self._store, self._path(key)))["size"])
        except (NotFoundError, FileNotFoundError) as fault:
            raise BlobNotFound(key) from fault

    async def list(self, prefix: str = "") -> list[BlobEntry]:
        """The blobs whose key begins with `prefix`, in the order of their keys."""
        folder = prefix.rpartition("/")[0]
        within = _path(folder) if folder else None
        found = []
        async for chunk in obstore.list(self._store, prefix=within):
            found += [
                BlobEntry(_key(each["path"]), int(each["size"]), each["last_modified"])
                for each in chunk
                if self._folder is None or each["path"].endswith(_FILE)
            ]
        return sorted(
            (entry for entry in found if entry.key.startswith(prefix)),
            key=lambda entry: entry.key,
        )

    async def delete(self, key: str) -> None:
        """Forget the blob; nothing happens when there is none."""
        try:
            await obstore.delete_async(self._store, self._path(key))
        except (NotFoundError, FileNotFoundError):
            return

    def _path(self, key: str) -> str:
        return _path(key) if self._folder is None else _path(key) + _FILE


def _path(key: str) -> str:
    """Where a key lies: a path without empty, dotted, overlong or strange names.

    What is not plain is written as `%` and its bytes in hexadecimal. An empty name becomes `%_`,
    and a name too long for a file system goes on in the next one after `%+`. In a folder the last
    name ends in a bare `%`, so that there can be a blob `a` beside a blob `a/b`.
    """
    names = [name for part in key.split("/") for name in _names(part)]
    return "/".join(names)


def _names(part: str) -> Iterable[str]:
    if not part:
        return ("%_",)
    name = quote(part, safe=_PLAIN)
    pieces = re.findall(r"(?:%..|[^%]){1,60}", name) if len(name) > _LONGEST_NAME else [name]
    *going_on, last = pieces
    if set(last) == {"."}:
        last = "%2E" + last[1:]
    return [*(f"{piece}%+" for piece in going_on), last]


def _key(path: str) -> str:
    """The key that lies at a path."""
    return unquote(path.removesuffix(_FILE).replace("%+/", "").replace("%_", ""))


class _Counted:
    """Pieces, not too small, and how many bytes they have."""

    def __init__(self, pieces: AsyncIterator[bytes]) -> None:
        self._pieces = pieces
        self.size = 0

    async def __aiter__(self) -> AsyncIterator[bytes]:
        waiting = bytearray()
        async for piece in self._pieces:
            self.size += len(piece)
            waiting += piece
            if len(waiting) >= PIECE:
                yield bytes(waiting)
                waiting.clear()
        if waiting:
            yield bytes(waiting)


def _put_file(target: Path, data: bytes) -> None:
    draft = _Draft(target)
    try:
        draft.file.write(data)
        draft.keep()
    finally:
        draft.drop()


async def _put_file_in_pieces(target: Path, pieces: _Counted) -> None:
    draft = await asyncio.to_thread(_Draft, target)
    try:
        async for piece in pieces:
            await asyncio.to_thread(draft.file.write, piece)
        await asyncio.to_thread(draft.keep)
    finally:
        draft.drop()


class _Draft:
    """A file that is being written: a power failure leaves the old one or the new one, whole."""

    def __init__(self, target: Path) -> None:
        self._target = target
        while True:
            self._made = _make_folders(target.parent)
            self._path = target.with_name(secrets.token_hex(16))
            try:
                self.file = self._path.open("xb")
            except FileNotFoundError:
                continue  # somebody deleted the folder's last file, and the folder with it
            break

    def keep(self) -> None:
        """Put it in its place; it is durable afterwards."""
        self.file.flush()
        os.fsync(self.file.fileno())
        self._path.replace(self._target)
        for each in (self._target.parent, *self._made):
            _sync_folder(each)

    def drop(self) -> None:
        """Let go of it; nothing is left of one that was not kept."""
        self.file.close()
        self._path.unlink(missing_ok=True)


def _make_folders(folder: Path) -> list[Path]:
    """Make the folder; those whose entries are new."""
    if folder.is_dir():
        return []
    above = _make_folders(folder.parent)
    folder.mkdir(exist_ok=True)
    return [folder.parent, *above]


def _sync_folder(folder: Path) -> None:
    file = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(file)
    finally:
        os.close(file)
