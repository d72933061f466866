"""A balancer: one address for several servers, as whoever runs several of them has it."""

import asyncio
import random
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress

PIECE = 64 * 1024


class Balancer:
    """Passes connections on to any server that takes them, and cuts them when it dies."""

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance
        self.ports: Sequence[int] = ()
        self.port = 0

    @asynccontextmanager
    async def open(self) -> AsyncIterator["Balancer"]:
        server = await asyncio.start_server(self._pass_on, "127.0.0.1", 0, backlog=2048)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            server.close()

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for port in self._chance.sample(self.ports, len(self.ports)):
            with suppress(OSError):
                to, back = await asyncio.open_connection("127.0.0.1", port)
                break
        else:
            writer.transport.abort()
            return
        ways = [asyncio.create_task(_pump(reader, back)), asyncio.create_task(_pump(to, writer))]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in ways:
                way.cancel()
            for end in (writer, back):
                end.transport.abort()


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while data := await reader.read(PIECE):
            writer.write(data)
            await writer.drain()
