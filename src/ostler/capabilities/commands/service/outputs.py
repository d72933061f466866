"""Whole output: kept in pieces as it comes, in one blob once it is whole.

The pieces lie beside the place of the whole, in the folder `<key>.pieces`, each named by where it
begins. What a node sends twice it sends with the same bytes, so that pieces may overlap.
"""

import asyncio
from collections.abc import AsyncIterator
from functools import partial

from ostler.capabilities.commands.errors import InvalidPluginName, InvocationDoesNotExist
from ostler.capabilities.commands.model import STREAMS, Command, Step, blob_of
from ostler.capabilities.commands.service.destinations import Destinations, Written
from ostler.capabilities.commands.store import commands as command_store
from ostler.capabilities.commands.store import invocations as store
from ostler.capabilities.commands.store import streams
from ostler.capabilities.commands.store.streams import Extent, Stream
from ostler.foundation.blobs import BlobNotFound, Blobs
from ostler.foundation.call import Call
from ostler.foundation.ids import CommandId, NodeId
from ostler.foundation.storage import Scope, Storage, Transaction

MEGABYTE = 1024 * 1024
LARGEST_OUTPUT = 256 * MEGABYTE
"""Bytes of one invocation, all steps and streams together; what is more is cut."""
LARGEST_ASSEMBLED = 64 * 1024 * 1024
"""What is longer stays in its pieces: it would not fit into memory beside other work."""


class Outputs:
    """Keeps what steps wrote, all of it, and gives it back."""

    def __init__(
        self,
        storage: Storage,
        blobs: Blobs,
        destinations: Destinations,
        *,
        largest: int = LARGEST_OUTPUT,
    ) -> None:
        self._storage = storage
        self._blobs = blobs
        self._destinations = destinations
        self._largest = largest
        self._assembling = asyncio.Lock()

    async def append(
        self,
        scope: Scope,
        node: NodeId,
        command: str,
        step: str,
        stream: str,
        offset: int,
        data: bytes,
    ) -> Extent:
        """Put `data` at `offset` if so many bytes are kept; tell how much is kept afterwards.

        When the invocation has no room for all of it, it is cut there, and says so; nothing
        follows then.
        """
        which = Stream(CommandId(command), node, step, stream)
        blob, kept, used = await self._look(scope, which)
        if kept.cut and not kept.finished:
            await self.finish(scope, node, command, step, stream)
        if kept.cut or kept.length != offset or not data:
            return kept
        cut = used + len(data) > self._largest
        if cut:
            data = data[: max(0, self._largest - used)] + self._mark
        if kept.finished and 0 < kept.length <= LARGEST_ASSEMBLED:
            # It goes on after all: what was whole is the first piece again.
            whole = await self._blobs.get(blob)
            await self._blobs.put(_piece(blob, 0, len(whole)), whole)
        # First the bytes, then the word that they are there; of two who bring the same piece
        # one finds the stream longer already.
        await self._blobs.put(_piece(blob, offset, len(data)), data)
        lengthened = await self._storage.write(
            scope, partial(streams.lengthen, stream=which, by=len(data), at=offset, cut=cut)
        )
        if lengthened.cut:
            await self.finish(scope, node, command, step, stream)
        return lengthened

    @property
    def _mark(self) -> bytes:
        most = f"{self._largest / MEGABYTE:g} MB"
        return f"\n--output truncated: {most} of an invocation are kept--\n".encode()

    async def length(self, scope: Scope, node: NodeId, command: str, step: str, stream: str) -> int:
        """How many bytes are kept."""
        _, kept, _ = await self._look(scope, Stream(CommandId(command), node, step, stream))
        return kept.length

    async def extent(
        self, scope: Scope, command: CommandId, node: NodeId, step: str, stream: str
    ) -> Extent:
        """How far the stream has come, and whether that is all of it."""
        _, kept, _ = await self._look(scope, Stream(command, node, step, stream))
        return kept

    async def finish(
        self, scope: Scope, node: NodeId, command: str, step: str, stream: str
    ) -> None:
        """Nothing will follow: what came in pieces becomes whole."""
        which = Stream(CommandId(command), node, step, stream)
        blob, kept, _ = await self._look(scope, which)
        if kept.finished:
            return
        # As S3 has it from agents: a stream on which nothing was written has no object.
        if 0 < kept.length <= LARGEST_ASSEMBLED:
            try:
                async with self._assembling:
                    pieces = self._from_pieces(blob, 0, kept.length)
                    await self._blobs.put_stream(blob, pieces)
            except BlobNotFound:
                _, now, _ = await self._look(scope, which)
                if now.finished:
                    return  # The node said so twice; the other one put it together meanwhile.
                raise
        await self._storage.write(scope, partial(streams.finish, stream=which))
        if kept.length <= LARGEST_ASSEMBLED:
            await self._drop_pieces(blob)

    async def deliver(self, call: Call, node: NodeId, command: str, step: str, stream: str) -> None:
        """Bring what is whole to where the order says, in the name of the node that calls."""
        which = Stream(CommandId(command), node, step, stream)

        def look(tx: Transaction) -> tuple[Command, Step, Extent, int]:
            found, its_step = _step(tx, which)
            return found, its_step, streams.extent(tx, which), streams.logged(tx, which)

        ordered, its_step, kept, logged = await self._storage.read(call.scope, look)
        if not kept.finished or not kept.length:
            return
        blob = blob_of(ordered, node, its_step, stream)
        written = Written(
            ordered,
            node,
            its_step,
            stream,
            lambda start: self._content(blob, kept, start, kept.length),
            logged,
        )
        await self._destinations.to_bucket(call, written)
        if logged < kept.length and await self._destinations.to_log(call, written):
            note = partial(streams.log, stream=which, length=kept.length)
            await self._storage.write(call.scope, note)

    async def whole_output(
        self,
        call: Call,
        command: CommandId,
        node: NodeId,
        step: str,
        stream: str,
        *,
        start: int = 0,
        length: int = LARGEST_ASSEMBLED,
    ) -> bytes:
        """What the step wrote on the stream, as far as it has come, from `start` on."""
        await call.allow(action="ssm:GetCommandInvocation")
        blob, kept, _ = await self._look(call.scope, Stream(command, node, step, stream))
        end = min(kept.length, start + length)
        if start >= end:
            return b""
        try:
            return b"".join([part async for part in self._content(blob, kept, start, end)])
        except BlobNotFound:
            # It was put together in this very moment.
            return await self._blobs.get_range(blob, start, end - start)

    async def forget(self, scope: Scope, command: CommandId) -> None:
        """Drop what the house keeps; what lies in a bucket is its owner's."""
        blobs = await self._storage.read(scope, partial(_blobs_of, command=command))
        for blob in blobs:
            await self._blobs.delete(blob)
            await self._drop_pieces(blob)

    async def _look(self, scope: Scope, which: Stream) -> tuple[str, Extent, int]:
        """Where the stream lies, how much of it there is, and how much of its invocation."""
        return await self._storage.read(scope, partial(_find, which=which))

    def _content(self, blob: str, kept: Extent, start: int, end: int) -> AsyncIterator[bytes]:
        if kept.finished and kept.length <= LARGEST_ASSEMBLED:
            return self._blobs.stream(blob, start, end)
        return self._from_pieces(blob, start, end)

    async def _from_pieces(self, blob: str, start: int, end: int) -> AsyncIterator[bytes]:
        at = start
        for entry in await self._blobs.list(_folder(blob)):
            first, size = _extent(entry.key)
            if first <= at < first + size and at < end:
                part = await self._blobs.get_range(
                    entry.key, at - first, min(end, first + size) - at
                )
                at += len(part)
                yield part
        if at < end:
            raise BlobNotFound(f"{blob} from {at}")

    async def _drop_pieces(self, blob: str) -> None:
        for entry in await self._blobs.list(_folder(blob)):
            await self._blobs.delete(entry.key)


def _find(tx: Transaction, which: Stream) -> tuple[str, Extent, int]:
    command, step = _step(tx, which)
    blob = blob_of(command, which.node, step, which.stream)
    return blob, streams.extent(tx, which), streams.written(tx, which)


def _step(tx: Transaction, which: Stream) -> tuple[Command, Step]:
    """The command, if the node has a part in it, and the step that the stream is of."""
    command = command_store.find(tx, which.command)
    if command is None or store.find(tx, which.command, which.node) is None:
        raise InvocationDoesNotExist(f"Invocation not found for {which.command}, {which.node}")
    return command, _step_of(command, which)


def _step_of(command: Command, which: Stream) -> Step:
    for step in command.steps:
        if step.id == which.step and which.stream in STREAMS:
            return step
    raise InvalidPluginName(
        f"The command {which.command} has no step {which.step} with a stream {which.stream}."
    )


def _blobs_of(tx: Transaction, command: CommandId) -> list[str]:
    found = command_store.find(tx, command)
    if found is None:
        return []
    return [
        blob_of(found, which.node, _step_of(found, which), which.stream)
        for which in streams.of_command(tx, command)
    ]


def _folder(blob: str) -> str:
    return f"{blob}.pieces/"


def _piece(blob: str, offset: int, size: int) -> str:
    return f"{_folder(blob)}{offset:012d}-{size}"


def _extent(piece: str) -> tuple[int, int]:
    offset, _, size = piece.rpartition("/")[2].partition("-")
    return int(offset), int(size)
