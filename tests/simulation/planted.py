"""Planted bugs: what the simulation has to find, or its silence means nothing."""

import asyncio
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from typing import Any
from unittest import mock

from ostler.agent.journal import Accepted, Entry, Journal, Record, Running, Started, Told
from ostler.capabilities.commands.service import moves
from ostler.capabilities.commands.service.commands import Commands
from ostler.foundation.timers import Timers
from ostler.relay.mailbox import Mailbox
from ostler.relay.replies import Collector


def _nobody_asks_for_the_node() -> AbstractContextManager[Any]:
    """Lost wake-up: what waited for a node is not given to it when it comes."""

    async def collect(self: Mailbox, *whose: Any) -> None:
        return None

    return mock.patch.object(Mailbox, "collect", collect)


def _nobody_wakes_the_timers() -> AbstractContextManager[Any]:
    """Lost wake-up: a commit does not tell the loop that there is something to do."""
    return mock.patch.object(Timers, "_nudge", return_value=None)


def _one_too_many() -> AbstractContextManager[Any]:
    """Double dispatch: a wave has one node more than there is room for."""
    right = moves.next_wave
    return mock.patch.object(moves, "next_wave", lambda *given: right(*given) + 1)


def _finished_is_forgotten() -> AbstractContextManager[Any]:
    """Double dispatch: a job that has ended is done again when it comes again."""

    def knows(self: Journal, command: str) -> bool:
        return self.find(command) is not None

    return mock.patch.object(Journal, "knows", knows)


def _started_without_a_trace() -> AbstractContextManager[Any]:
    """Double dispatch: a step is begun before it is safe on the disk that it was."""
    return mock.patch.object(Entry, "write", _writing(Running, Told, Started))


def _acknowledged_before_the_commit() -> AbstractContextManager[Any]:
    """Ack before commit: a reply is acknowledged when it was heard, not when it is kept."""
    right = Collector.take

    def take(self: Collector, answer: Any) -> "asyncio.Future[bool]":
        right(self, answer)
        kept: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        kept.set_result(True)
        return kept

    return mock.patch.object(Collector, "take", take)


def _accepted_before_the_commit() -> AbstractContextManager[Any]:
    """Ack before commit: SendCommand answers while the command is still being written."""
    right = Commands.__init__

    def init(self: Commands, storage: Any, *rest: Any, **more: Any) -> None:
        right(self, _Hasty(storage), *rest, **more)  # type: ignore[arg-type]

    return mock.patch.object(Commands, "__init__", init)


def _acknowledged_before_the_disk() -> AbstractContextManager[Any]:
    """Ack before commit: a node acknowledges a job that a loss of power makes it forget."""
    right = Journal.append

    def append(self: Journal, name: str, record: Record, *, durable: bool = True) -> None:
        right(self, name, record, durable=durable and not isinstance(record, Accepted))

    return mock.patch.object(Journal, "append", append)


PLANTED: Mapping[str, Callable[[], AbstractContextManager[Any]]] = {
    "lost-wake-up-of-a-node": _nobody_asks_for_the_node,
    "lost-wake-up-of-timers": _nobody_wakes_the_timers,
    "double-dispatch-by-the-server": _one_too_many,
    "double-dispatch-after-the-end": _finished_is_forgotten,
    "double-dispatch-after-power-loss": _started_without_a_trace,
    "ack-of-a-reply-before-commit": _acknowledged_before_the_commit,
    "ack-of-a-command-before-commit": _accepted_before_the_commit,
    "ack-of-a-job-before-disk": _acknowledged_before_the_disk,
}


class _Hasty:
    """A storage that does not wait for what it writes."""

    def __init__(self, storage: Any) -> None:
        self._storage = storage
        self.read = storage.read

    async def write(self, *what: Any) -> None:
        asyncio.get_running_loop().create_task(self._storage.write(*what))


def _writing(*lightly: type) -> Callable[[Entry, Record], None]:
    """`Entry.write`, which does not wait for the disk with records of these kinds."""

    def write(self: Entry, record: Record) -> None:
        self._journal.append(self._name, record, durable=not isinstance(record, lightly))
        self.count(record)
        if self.finished:
            self._journal.finish(self._name, self)

    return write
