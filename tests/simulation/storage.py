"""The server's storage in a simulation: SQLite without threads, slow, and deadly at commits."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import nullcontext
from functools import partial
from random import Random
from typing import Any, TypeVar

from sqlalchemy.exc import OperationalError

from ostler.foundation.blobs import BlobEntry, BlobNotFound, Blobs
from ostler.foundation.storage import Scope, Storage, Transaction
from tests.simulation.loop import Life, VirtualLoop
from tests.simulation.trace import Trace
from tests.simulation.weather import CALM, Weather

R = TypeVar("R")


class Basement:
    """What lies under the server and stays when the server dies: disks, and what ails them."""

    def __init__(self, loop: VirtualLoop, chance: Random, trace: Trace) -> None:
        self.loop = loop
        self.chance = chance
        self.trace = trace
        self.weather: Weather = CALM
        self.away_until = 0.0
        self.blobs: dict[str, bytes] = {}
        self.committed: Callable[[], None] = lambda: None
        """Is told when something was committed, before anybody else learns of it."""
        self.fatal_commit: int | None = None
        """After so many commits the server dies, just before the next one or just after it."""
        self.dies_before = False

    def happens(self, chance: float) -> bool:
        return chance > 0 and self.chance.random() < chance

    def delay(self) -> float:
        if self.happens(self.weather.storage_slow):
            return self.chance.uniform(0.1, 3)
        return self.chance.uniform(0.0001, 0.002)


class SimulatedStorage(Storage):
    """The real storage on its real database, which takes its time and knows the day to die."""

    def __init__(self, url: str, *, basement: Basement, life: Life, **more: Any) -> None:
        super().__init__(url, inline=True, **more)
        self._base = basement
        self._life = life
        self._turn = asyncio.Lock()
        life.on_end(self.close)

    async def write(self, scope: Scope | None, function: Callable[[Transaction], R]) -> R:
        return await self._change(partial(Storage.write, self, scope), function)

    async def claim(self, function: Callable[[Transaction], R]) -> R:
        return await self._change(partial(Storage.claim, self), function)

    async def read(self, scope: Scope | None, function: Callable[[Transaction], R]) -> R:
        await self._sleep()
        self._check()
        value = await super().read(scope, function)
        await self._sleep()
        return value

    async def _change(self, run: Callable[[Any], Any], function: Callable[[Transaction], R]) -> R:
        # Whoever asked may be cancelled: what was asked happens all the same.
        task = asyncio.create_task(self._in_turn(run, function))
        task.add_done_callback(lambda task: task.cancelled() or task.exception())
        return await asyncio.shield(task)

    async def _in_turn(self, run: Callable[[Any], Any], function: Callable[[Transaction], R]) -> R:
        base = self._base
        async with nullcontext() if base.weather.writes_overtake else self._turn:
            await self._sleep()
            value: R = await self._commit(run, function)
        await self._sleep()
        return value

    async def _commit(self, run: Callable[[Any], Any], function: Callable[[Transaction], R]) -> R:
        base = self._base
        self._check()
        fatal = False
        if base.fatal_commit is not None:
            base.fatal_commit -= 1
            fatal = base.fatal_commit <= 0
        if fatal and base.dies_before:
            base.trace.note(self._life.name, "dies before a commit")
            await self._life.die_waiting()
        if base.happens(base.weather.run_twice):
            await self._run_in_vain(run, function)
        value: R = await run(function)
        base.committed()
        if fatal:
            base.trace.note(self._life.name, "dies after a commit")
            await self._life.die_waiting()
        return value

    async def _run_in_vain(
        self, run: Callable[[Any], Any], function: Callable[[Transaction], R]
    ) -> None:
        """Run the function in a transaction that comes to nothing."""

        def in_vain(tx: Transaction) -> None:
            function(tx)
            raise _Conflict

        try:
            await run(in_vain)
        except _Conflict:
            await self._sleep()

    def _check(self) -> None:
        if self._base.away_until > self._base.loop.time():
            raise OperationalError("simulated", {}, OSError("the database is away"))

    async def _sleep(self) -> None:
        await asyncio.sleep(self._base.delay())


class _Conflict(Exception):
    """The transaction has to be run again."""


class SimulatedBlobs(Blobs):
    """Blobs in memory that outlive the server; what was put is there wholly or not at all."""

    def __init__(self, basement: Basement) -> None:
        self._base = basement

    async def put(self, key: str, data: bytes) -> None:
        await self._sleep()
        self._base.blobs[key] = bytes(data)
        await self._sleep()

    async def put_stream(self, key: str, pieces: AsyncIterator[bytes]) -> int:
        data = b"".join([piece async for piece in pieces])
        await self.put(key, data)
        return len(data)

    async def get(self, key: str) -> bytes:
        await self._sleep()
        return self._found(key)

    async def stream(self, key: str, start: int, end: int) -> AsyncIterator[bytes]:
        await self._sleep()
        yield self._found(key)[start:end]

    async def get_range(self, key: str, start: int, length: int) -> bytes:
        await self._sleep()
        return self._found(key)[start : start + length]

    async def size(self, key: str) -> int:
        await self._sleep()
        return len(self._found(key))

    async def list(self, prefix: str = "") -> list[BlobEntry]:
        await self._sleep()
        return [
            BlobEntry(key, len(data), self._base.loop.instant())
            for key, data in sorted(self._base.blobs.items())
            if key.startswith(prefix)
        ]

    async def delete(self, key: str) -> None:
        await self._sleep()
        self._base.blobs.pop(key, None)

    def _found(self, key: str) -> bytes:
        if key not in self._base.blobs:
            raise BlobNotFound(key)
        return self._base.blobs[key]

    async def _sleep(self) -> None:
        await asyncio.sleep(self._base.delay())
