"""Lanes: threads that run functions in transactions, several functions to one commit.

What waits while a lane is busy shares the lane's next transaction. A function that fails takes
back its own changes only. On SQLite it has a savepoint for that, which costs next to nothing; on
PostgreSQL, where a savepoint would be two more journeys to the server, the transaction begins
anew without it. Where functions cannot share at all (the commit fails, the connection breaks)
they run again one by one, and each meets its own luck.
"""

import asyncio
import random
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from ostler.foundation.storage.engines import Backend
from ostler.foundation.storage.transaction import DueWork, Outbox, Scope, Transaction

_GROUP_SECONDS = 0.02
_GROUP_ATTEMPTS = 3
_PATIENCE = 20.0
"""Seconds for which a function alone is repeated: many servers may want to change one row."""
_LONGEST_PAUSE = 0.2


@dataclass(slots=True, eq=False)
class Job:
    """A function that waits for its turn, and whoever waits for the function."""

    scope: Scope | None
    function: Callable[[Transaction], Any]
    loop: asyncio.AbstractEventLoop
    waiter: asyncio.Future[Any]
    writes: bool = True
    value: Any = None
    fault: BaseException | None = None
    callbacks: Sequence[Callable[[], None]] = ()

    def settle(self) -> None:
        """Tell whoever waits; in the event loop, after the commit."""
        if self.fault is None:
            for callback in self.callbacks:
                self.loop.call_soon(callback)
        if self.waiter.done():
            return
        if self.fault is None:
            self.waiter.set_result(self.value)
        else:
            self.waiter.set_exception(self.fault)


class _Apart(Exception):
    """A function failed and its changes cannot be taken back alone."""

    def __init__(self, index: int) -> None:
        super().__init__()
        self.index = index


class _NotBegun(Exception):
    """There is no transaction to be had: nobody's function is at fault."""

    def __init__(self, fault: DBAPIError) -> None:
        super().__init__()
        self.fault = fault


class Lane:
    """One connection, and the transactions that run on it one after the other."""

    def __init__(self, backend: Backend, begin: str, outbox: Outbox, due_work: DueWork) -> None:
        self._backend = backend
        self._begin = begin
        self._outbox = outbox
        self._due_work = due_work
        self._connection: Connection | None = None
        self._raw: Any = None
        self._committing = False

    def run(self, jobs: Sequence[Job], settle: Callable[[Sequence[Job]], None]) -> None:
        """Give every job its value or its fault, and settle it once that is durable."""
        together, attempt, began = True, 0, 0.0
        while jobs:
            batch = jobs if together else jobs[:1]
            attempt += 1
            if attempt == 1:
                began = time.monotonic()
            try:
                done = self._transaction(batch)
            except _NotBegun as never:
                if attempt == 1 and self._backend.lost(never.fault):
                    continue
                done = _fail(jobs, never.fault)
            except _Apart as apart:
                self.run(jobs[: apart.index], settle)
                self.run(jobs[apart.index : apart.index + 1], settle)
                jobs, attempt = jobs[apart.index + 1 :], 0
                continue
            except BaseException as fault:  # noqa: BLE001 - whoever waits for the function gets it
                if self._worth_another(fault, attempt, began if len(batch) == 1 else None):
                    continue
                if len(batch) > 1 and not self._uncertain(fault):
                    together, attempt = False, 0
                    continue
                done = _fail(batch, fault)
            settle(jobs[:done])
            jobs, attempt = jobs[done:], 0

    def close(self) -> None:
        """Let go of the connection; the next transaction makes a new one."""
        connection, self._connection, self._raw = self._connection, None, None
        if connection is not None:
            connection.close()

    def _worth_another(self, fault: BaseException, attempt: int, began: float | None) -> bool:
        """Whether the transaction left no trace, and may succeed when it is repeated.

        A function alone is repeated for a while since it `began`, a group a few times.
        """
        if self._backend.conflict(fault):
            if began is None and attempt >= _GROUP_ATTEMPTS:
                return False
            if began is not None and time.monotonic() - began > _PATIENCE:
                return False
            longest = min(_LONGEST_PAUSE, 0.001 * 2 ** min(attempt, 10))
            threading.Event().wait(random.uniform(0, longest))
            return True
        return attempt == 1 and self._backend.lost(fault) and not self._uncertain(fault)

    def _uncertain(self, fault: BaseException) -> bool:
        """Whether what failed may be durable all the same."""
        return self._committing and self._backend.lost(fault) and not self._backend.full(fault)

    def _transaction(self, jobs: Sequence[Job]) -> int:
        """Run jobs in one transaction and commit; how many the time sufficed for."""
        self._committing = False
        enough = time.monotonic() + _GROUP_SECONDS
        count = 0
        told: list[tuple[Scope, Any]] = []
        connection = self._begun()
        try:
            for job in jobs:
                told += self._function(connection, job, None if len(jobs) == 1 else count)
                count += 1
                if time.monotonic() > enough:
                    break
            if told:
                self._write_down(connection, told, jobs[:count])
            self._committing = True
            self._say("COMMIT")
        except BaseException:
            self._abandon()
            raise
        return count

    def _function(
        self, connection: Connection, job: Job, index: int | None
    ) -> list[tuple[Scope, Any]]:
        """Run one function, the `index`th of several; what it told."""
        job.fault, job.callbacks = None, ()
        saved = self._backend.savepoints and index is not None
        tx = self._tx(connection, job.scope, self._save if saved else _nothing)
        if not job.writes:
            tx.forbid_changes()
        try:
            job.value = job.function(tx)
            if tx.changed and job.scope is not None and job.scope.witness is not None:
                job.scope.witness(tx)
        except BaseException as fault:
            if index is None or self._backend.lost(fault) or self._backend.conflict(fault):
                raise
            if saved and tx.changed:
                self._say("ROLLBACK TO SAVEPOINT one")
                self._say("RELEASE SAVEPOINT one")
            elif tx.changed or tx.spoiled:
                raise _Apart(index) from fault
            job.fault = fault
            return []
        if saved and tx.changed:
            self._say("RELEASE SAVEPOINT one")
        job.callbacks = tx.callbacks
        return tx.told

    def _write_down(
        self, connection: Connection, told: Sequence[tuple[Scope, Any]], jobs: Sequence[Job]
    ) -> None:
        tx = self._tx(connection, None, _nothing)
        self._outbox.write(tx, told)
        heard = next(job for job in jobs if job.fault is None)
        heard.callbacks = (*heard.callbacks, *tx.callbacks)

    def _tx(
        self, connection: Connection, scope: Scope | None, before_change: Callable[[], None]
    ) -> Transaction:
        return Transaction(
            connection,
            scope,
            outbox=self._outbox,
            due_work=self._due_work,
            before_change=before_change,
        )

    def _say(self, command: str) -> None:
        """Run a command that is about the transaction, with the driver, which is quicker."""
        try:
            self._raw.execute(command)
        except self._backend.driver_faults as fault:
            raise self._backend.wrapped(command, fault) from fault

    def _save(self) -> None:
        self._say("SAVEPOINT one")

    def _begun(self) -> Connection:
        """The connection, in a new transaction."""
        try:
            connection = self._open()
            self._say(self._begin)
        except DBAPIError as fault:
            self._abandon()
            raise _NotBegun(fault) from fault
        return connection

    def _open(self) -> Connection:
        if self._connection is None or self._connection.invalidated:
            self.close()
            self._connection = self._backend.engine.connect()
            self._raw = self._connection.connection.driver_connection
        return self._connection

    def _abandon(self) -> None:
        """Leave the transaction; a connection that cannot even do that is given up."""
        if self._raw is None:
            return
        try:
            if getattr(self._raw, "in_transaction", True):
                self._say("ROLLBACK")
        except DBAPIError:
            self.close()


def _nothing() -> None:
    pass


def _fail(jobs: Sequence[Job], fault: BaseException) -> int:
    for job in jobs:
        job.fault = fault
    return len(jobs)


class Lanes:
    """A queue of jobs, and as many lanes as are needed to work on it."""

    def __init__(self, name: str, most: int, group: int, make: Callable[[], Lane]) -> None:
        self._name = name
        self._most = most
        self._group = group
        self._make = make
        self._jobs: deque[Job] = deque()
        self._changed = threading.Condition()
        self._threads: list[threading.Thread] = []
        self._idle = 0
        self._closed = False

    def put(self, job: Job) -> None:
        """Have a lane run the job soon."""
        with self._changed:
            if self._closed:
                raise RuntimeError("the storage is closed")
            self._jobs.append(job)
            if self._idle:
                self._changed.notify()
            elif len(self._threads) < self._most:
                name = f"storage-{self._name}-{len(self._threads)}"
                thread = threading.Thread(target=self._work, name=name, daemon=True)
                self._threads.append(thread)
                thread.start()

    def close(self) -> None:
        """Finish what waits, then stop."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        for thread in self._threads:
            thread.join()

    def _work(self) -> None:
        lane = self._make()
        try:
            while jobs := self._take():
                lane.run(jobs, _settle)
        finally:
            lane.close()

    def _take(self) -> list[Job]:
        """This lane's share of what waits; nothing when there will be no more."""
        with self._changed:
            while not self._jobs:
                if self._closed:
                    return []
                self._idle += 1
                self._changed.wait()
                self._idle -= 1
            share = min(self._group, -(-len(self._jobs) // self._most))
            return [self._jobs.popleft() for _ in range(share)]


def _settle(jobs: Sequence[Job]) -> None:
    for loop in {job.loop for job in jobs}:
        if not loop.is_closed():
            loop.call_soon_threadsafe(_settle_all, [job for job in jobs if job.loop is loop])


def _settle_all(jobs: Sequence[Job]) -> None:
    for job in jobs:
        job.settle()
