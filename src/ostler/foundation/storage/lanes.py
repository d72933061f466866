"""Lanes: threads that run functions in transactions, several functions to one commit."""

import asyncio
import random
import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from ostler.foundation.storage.engines import Backend
from ostler.foundation.storage.transaction import DueWork, Outbox, Scope, Transaction

_GROUP_SECONDS = 0.02
_ATTEMPTS = 10
_GROUP_ATTEMPTS = 3


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


class _Together(Exception):
    """The functions cannot share this transaction; each has to have its own."""


@dataclass(slots=True)
class Lane:
    """One connection, and the transactions that run on it one after the other."""

    backend: Backend
    begin: str
    outbox: Outbox
    due_work: DueWork
    _connection: Connection | None = None
    _committing: bool = False
    _savepoint: bool = field(default=False)

    def run(self, jobs: Sequence[Job]) -> None:
        """Give every job its value or its fault."""
        if len(jobs) > 1 and self._run_together(jobs):
            return
        for job in jobs:
            self._run_alone(job)

    def close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def _run_together(self, jobs: Sequence[Job]) -> bool:
        for attempt in range(_GROUP_ATTEMPTS):
            try:
                self._transaction(jobs)
            except _Together:
                return False
            except DBAPIError as fault:
                if not self._again(fault, attempt, _GROUP_ATTEMPTS):
                    return False
            except Exception:  # noqa: BLE001 - each function meets its own fault alone
                return False
            else:
                return True
        return False

    def _run_alone(self, job: Job) -> None:
        for attempt in range(_ATTEMPTS):
            try:
                self._transaction([job])
            except DBAPIError as fault:
                job.fault = fault
                if not self._again(fault, attempt, _ATTEMPTS):
                    return
            except BaseException as fault:  # noqa: BLE001 - whoever waits for it gets it
                job.fault = fault
                return
            else:
                return

    def _again(self, fault: DBAPIError, attempt: int, attempts: int) -> bool:
        """Whether the transaction left no trace and may succeed if it is repeated."""
        if attempt + 1 == attempts:
            return False
        if self.backend.conflict(fault):
            pause = random.uniform(0, 0.002 * 2 ** min(attempt, 6))
            threading.Event().wait(pause)
            return True
        return fault.connection_invalidated and not self._committing and attempt == 0

    def _transaction(self, jobs: Sequence[Job]) -> None:
        """Run the jobs in one transaction, and commit."""
        self._committing = False
        connection = self._open()
        try:
            self._say(self.begin)
            told: list[tuple[Scope, Any]] = []
            for job in jobs:
                told += self._function(connection, job, sole=len(jobs) == 1)
            if told:
                whole = self._whole(connection)
                self.outbox.write(whole, told)
                heard = next(job for job in jobs if job.fault is None)
                heard.callbacks = (*heard.callbacks, *whole.callbacks)
            self._committing = True
            self._say("COMMIT")
        except BaseException:
            self._abandon()
            raise

    def _function(self, connection: Connection, job: Job, *, sole: bool) -> list[tuple[Scope, Any]]:
        job.fault = None
        before = (_nothing if sole else self._save) if job.writes else None
        tx = Transaction(
            connection,
            job.scope,
            outbox=self.outbox,
            due_work=self.due_work,
            before_change=before,
        )
        try:
            job.value = job.function(tx)
            if tx.changed and job.scope is not None and job.scope.witness is not None:
                job.scope.witness(tx)
        except BaseException as fault:
            if sole or (isinstance(fault, DBAPIError) and self._lost(fault)):
                raise
            if tx.changed:
                self._say("ROLLBACK TO SAVEPOINT f")
                self._say("RELEASE SAVEPOINT f")
            elif tx.spoiled:
                raise _Together from fault
            job.fault = fault
            return []
        if tx.changed and not sole:
            self._say("RELEASE SAVEPOINT f")
        job.callbacks = tx.callbacks
        return tx.told

    def _lost(self, fault: DBAPIError) -> bool:
        """Whether the whole transaction is gone, not only the statement."""
        return fault.connection_invalidated or self.backend.conflict(fault) or not self._inside()

    def _inside(self) -> bool:
        assert self._connection is not None
        raw: Any = self._connection.connection.driver_connection
        return bool(getattr(raw, "in_transaction", True))

    def _save(self) -> None:
        self._say("SAVEPOINT f")

    def _whole(self, connection: Connection) -> Transaction:
        return Transaction(
            connection, None, outbox=self.outbox, due_work=self.due_work, before_change=_nothing
        )

    def _open(self) -> Connection:
        if self._connection is None or self._connection.closed or self._connection.invalidated:
            self.close()
            self._connection = self.backend.engine.connect()
        return self._connection

    def _say(self, command: str) -> None:
        assert self._connection is not None
        self._connection.exec_driver_sql(command)

    def _abandon(self) -> None:
        """Leave the transaction; a connection that cannot even do that is given up."""
        try:
            if self._connection is not None and self._inside():
                self._say("ROLLBACK")
        except DBAPIError:
            self.close()


def _nothing() -> None:
    pass


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
                lane.run(jobs)
                _settle(jobs)
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
    loops = {job.loop for job in jobs}
    for loop in loops:
        mine = [job for job in jobs if job.loop is loop]
        if not loop.is_closed():
            loop.call_soon_threadsafe(_settle_all, mine)


def _settle_all(jobs: Sequence[Job]) -> None:
    for job in jobs:
        job.settle()
