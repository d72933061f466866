"""Uploads: the whole output of steps, brought to the server while it grows."""

import asyncio
import logging
from datetime import timedelta
from pathlib import Path
from typing import Protocol

from ostler.agent.network import NetworkFault
from ostler.agent.output import STREAMS, Ring
from ostler.agent.retries import Retries
from ostler.agent.waiting import first
from ostler.foundation.clock import Clock
from ostler.foundation.ids import Ids
from ostler.wire.agent.channels import SERVICE, UPLOAD_OFFSET, output_path
from ostler.wire.http import Request, Response

CHUNK = 256 * 1024
EAGER = 64 * 1024
LIVE = timedelta(seconds=1)
"""A piece is sent when so many bytes wait, or when the first of them has waited so long."""
AT_ONCE = 4
TRIES = 20
STRUGGLING = 2
"""After so many failures in a row nobody waits for an upload; after many it is given up."""

log = logging.getLogger(__name__)


class Sender(Protocol):
    """Sends requests in the node's name."""

    async def send(self, request: Request, *, service: str) -> Response: ...


class Upload:
    """One stream on its way."""

    def __init__(self, uploads: "Uploads", path: Path, target: str, *, resumed: bool) -> None:
        self._uploads = uploads
        self._path = path
        self._target = target
        self._known = not resumed
        self._retries = Retries(uploads.ids)
        self._size = 0
        self._offset = 0
        self._ended = False
        self._changed = asyncio.Event()
        self._urgent = asyncio.Event()
        self._settled = asyncio.Event()
        self._done = False

    def grew(self, size: int) -> None:
        """There are so many bytes now."""
        self._size = size
        self._settled.clear()
        self._changed.set()
        if size - self._offset >= EAGER:
            self._urgent.set()

    def end(self) -> None:
        """There will be no more."""
        self._ended = True
        self._settled.clear()
        self.hurry()

    def hurry(self) -> None:
        """What there is shall be sent at once; more may come later."""
        self._changed.set()
        self._urgent.set()

    async def settled(self, within: timedelta) -> None:
        """Wait until all that there is has arrived, or will not so soon."""
        await first(self._settled.wait(), self._uploads.clock.sleep(within))

    async def run(self) -> None:
        """Bring everything, until the end is there or the server does not want it."""
        while not self._done:
            await self._changed.wait()
            self._changed.clear()
            if not self._urgent.is_set():
                await first(self._urgent.wait(), self._uploads.clock.sleep(LIVE))
            self._urgent.clear()
            while not self._done and (self._offset < self._size or self._ended):
                await self._bring()
            self._settled.set()

    async def _bring(self) -> None:
        """Send one piece, or learn where the next one belongs."""
        last, data = self._piece()
        if data is None or not (self._size or self._offset):
            self._finish()
            return
        query = f"offset={self._offset}" + ("&final=true" if last else "")
        request = Request("PUT", self._target, query, _BINARY, data)
        if not self._known:
            request = Request("HEAD", self._target)
        try:
            async with self._uploads.turn:
                answer = await self._uploads.sender.send(request, service=SERVICE)
        except NetworkFault as fault:
            await self._failed(str(fault))
            return
        kept = answer.headers.get(UPLOAD_OFFSET, "")
        match answer.status:
            case 404 | 405 | 413 | 501:
                # This server keeps no whole outputs, or not this one, or no more of it.
                self._finish()
            case 200 | 201 | 204 if self._known:
                self._retries.reset()
                self._offset += len(data)
                if last:
                    self._finish()
            case 200 | 204 | 409 if kept.isdecimal() and int(kept) <= self._size:
                if self._known and int(kept) == self._offset:
                    await self._failed("the server contradicts itself")
                self._known = True
                self._offset = int(kept)
            case status:
                await self._failed(f"the server answered {status}")

    def _piece(self) -> tuple[bool, bytes | None]:
        """Whether it is the last one, and the next piece, or None when the file is gone."""
        try:
            with self._path.open("rb") as file:
                file.seek(self._offset)
                data = file.read(min(CHUNK, self._size - self._offset))
        except OSError:
            return True, None
        return self._ended and self._offset + len(data) >= self._size, data

    async def _failed(self, why: str) -> None:
        wait = self._retries.next()
        if self._retries.failures >= STRUGGLING:
            self._settled.set()
        log.info("upload_waits target=%s why=%s retry_in=%s", self._target, why, wait)
        if self._retries.failures >= TRIES:
            self._finish()
            return
        await self._uploads.clock.sleep(wait)

    def _finish(self) -> None:
        self._done = True
        self._settled.set()
        if self._ended and self._path.parent.is_dir():
            _mark(self._path).touch()
        self._uploads.forget(self._path)


class Uploads:
    """All streams on their way."""

    def __init__(self, sender: Sender, clock: Clock, ids: Ids) -> None:
        self.sender = sender
        self.clock = clock
        self.ids = ids
        self.turn = asyncio.Semaphore(AT_ONCE)
        self._under_way: dict[Path, tuple[Upload, asyncio.Task[None]]] = {}

    def stream(self, path: Path, command: str, step: str, *, resumed: bool = False) -> Upload:
        """Begin to bring the stream in a file, or go on with it."""
        if path in self._under_way:
            return self._under_way[path][0]
        target = output_path(command, step, path.name)
        upload = Upload(self, path, target, resumed=resumed)
        _mark(path).unlink(missing_ok=True)
        self._under_way[path] = upload, asyncio.create_task(upload.run())
        return upload

    def recover(self, ring: Ring) -> None:
        """Go on with what an earlier agent did not bring to its end."""
        for folder, label in ring.labels():
            for name in STREAMS:
                path = folder / name
                size = path.stat().st_size if path.exists() else 0
                if size and not _mark(path).exists() and path not in self._under_way:
                    upload = self.stream(path, label.command, label.step, resumed=True)
                    upload.grew(size)
                    upload.end()

    def forget(self, path: Path) -> None:
        """That stream is dealt with."""
        self._under_way.pop(path, None)

    def stop(self) -> None:
        """Send nothing more; what is missing is on disk."""
        for _, task in self._under_way.values():
            task.cancel()
        self._under_way.clear()


_BINARY = {"content-type": "application/octet-stream"}


def _mark(path: Path) -> Path:
    return path.with_name(f"{path.name}.sent")
