"""The storage itself: runs functions of a transaction where the engine wants them run."""

import asyncio
import time
from collections.abc import Callable, Sequence
from typing import TypeVar

from ostler.foundation.storage.engines import open_backend
from ostler.foundation.storage.lanes import Job, Lane, Lanes
from ostler.foundation.storage.migrations import Migration, begun, migrate, untaken
from ostler.foundation.storage.transaction import DueWork, Outbox, Scope, Transaction

R = TypeVar("R")


class Storage:
    """One database.

    A function given to `write` or `read` is plain: it cannot wait, it has no effect but through
    its transaction, and it may be run more than once before it counts. What `write` returned is
    durable, and is seen by every read that starts later.

    With `inline` functions run at once in the caller's thread, one to a commit: for simulations
    that must be the same every time. `timed` is told how many seconds a function took, from the
    wish for it to its end, and whether it might write.
    """

    def __init__(
        self,
        url: str,
        *,
        outbox: Outbox,
        due_work: DueWork,
        inline: bool = False,
        timed: Callable[[float, bool], None] | None = None,
    ) -> None:
        self._backend = backend = open_backend(url)
        self._migrations: Sequence[Migration] = ()
        self._timed = timed
        self.dialect: str = backend.engine.dialect.name
        self.engine = backend.engine

        def lane(begin: str) -> Callable[[], Lane]:
            return lambda: Lane(backend, begin, outbox, due_work)

        writing, reading = lane(backend.begin_write), lane(backend.begin_read)
        self._inline = writing() if inline else None
        self._writers = Lanes("writer", backend.writers, backend.group, writing)
        self._readers = Lanes("reader", backend.readers, backend.read_group, reading)
        self._claimers = Lanes("claimer", 1, 1, lane(backend.begin_claim))
        if backend.one_connection:
            self._readers = self._writers
        if self.dialect == "sqlite":
            self._claimers = self._writers

    async def write(self, scope: Scope | None, function: Callable[[Transaction], R]) -> R:
        """Run `function` in a transaction of `scope`; None is the whole house."""
        return await self._run(self._writers, scope, function, writes=True)

    async def read(self, scope: Scope | None, function: Callable[[Transaction], R]) -> R:
        """Run `function` on one moment's state of the rows of `scope`; it may change nothing."""
        return await self._run(self._readers, scope, function, writes=False)

    async def claim(self, function: Callable[[Transaction], R]) -> R:
        """Run `function`, which takes work from a queue that other processes take from, too.

        It sees each row as it is and not as it was when the transaction began, so that it can
        step over rows that are being taken; what it reads besides may change under it.
        """
        return await self._run(self._claimers, None, function, writes=True)

    async def migrate(self, migrations: Sequence[Migration]) -> list[Migration]:
        """Bring the tables up to date; the steps that were taken now."""
        self._migrations = migrations
        if self._inline is not None:
            return migrate(self.engine, migrations)
        return await asyncio.to_thread(migrate, self.engine, migrations)

    async def begun(self) -> bool:
        """Whether the database has tables of ours already."""
        if self._inline is not None:
            return begun(self.engine)
        return await asyncio.to_thread(begun, self.engine)

    async def untaken(self) -> list[Migration]:
        """The steps that the tables lack; an exception when we cannot read or cannot write."""
        await self.write(None, lambda tx: None)
        return await self.read(None, lambda tx: untaken(tx, self._migrations))

    def close(self) -> None:
        """Finish what waits, and let go of the database."""
        for lanes in (self._writers, self._readers, self._claimers):
            lanes.close()
        if self._inline is not None:
            self._inline.close()
        self.engine.dispose()

    async def _run(
        self,
        lanes: Lanes,
        scope: Scope | None,
        function: Callable[[Transaction], R],
        *,
        writes: bool,
    ) -> R:
        loop = asyncio.get_running_loop()
        waiter: asyncio.Future[R] = loop.create_future()
        job = Job(scope, function, loop, waiter, writes)
        if self._inline is None:
            lanes.put(job)
        else:
            self._inline.run([job], lambda jobs: job.settle())
        if self._timed is None:
            return await waiter
        began = time.perf_counter()
        try:
            return await waiter
        finally:
            self._timed(time.perf_counter() - began, writes)
