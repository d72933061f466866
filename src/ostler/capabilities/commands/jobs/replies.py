"""The desk where nodes' answers arrive, and where the relay asks what waits for a node."""

import asyncio
from collections.abc import Sequence
from typing import Protocol

import structlog

from ostler.capabilities.commands.jobs.dispatch import Dispatcher
from ostler.capabilities.commands.jobs.letters import (
    ACCEPTED,
    cancel_id,
    is_cancel,
    report_of_ack,
    report_of_reply,
    told_command,
)
from ostler.capabilities.commands.service import Progress, Word
from ostler.foundation.ids import NodeId
from ostler.foundation.storage import Scope
from ostler.wire.agent.jobs import CANCEL_COMMAND, Job, ReplyContent

log = structlog.get_logger()


class Heard(Protocol):
    """One reply of a node, as the relay hands it over."""

    @property
    def scope(self) -> Scope: ...
    @property
    def node(self) -> NodeId: ...
    @property
    def job_id(self) -> str: ...
    @property
    def topic(self) -> str: ...
    @property
    def reply(self) -> ReplyContent: ...


class Acked(Protocol):
    """One node's first answer to a job, likewise."""

    @property
    def scope(self) -> Scope: ...
    @property
    def node(self) -> NodeId: ...
    @property
    def job_id(self) -> str: ...
    @property
    def code(self) -> str: ...
    @property
    def message(self) -> str: ...


class Desk:
    """Keeps what nodes answer; whoever may start in consequence is told at once.

    What comes while something is being written is written together afterwards: one transaction
    for many nodes, and never two of this process that wait for each other.
    """

    def __init__(self, progress: Progress, dispatcher: Dispatcher) -> None:
        self._progress = progress
        self._dispatcher = dispatcher
        self._waiting: list[tuple[Sequence[Word], asyncio.Future[None]]] = []
        self._writing: asyncio.Task[None] | None = None

    async def record(self, replies: Sequence[Heard]) -> None:
        """Keep all of `replies`; one that was heard before changes nothing."""
        await self._keep([word for word in map(_word, replies) if word is not None])

    async def acknowledged(self, acks: Sequence[Acked]) -> None:
        """Keep that jobs reached their nodes, or why not."""
        words = []
        for ack in acks:
            about = told_command(ack.job_id, ack.node)
            if about is None:
                continue
            if is_cancel(about):
                await self._settle_cancel(ack.scope, ack.node, about, ack.code)
            elif report := report_of_ack(ack.code, ack.message):
                words.append(Word(ack.scope, ack.node, about, report))
        await self._keep(words)

    async def pending(self, scope: Scope, node: NodeId) -> Sequence[Job]:
        """Every job that the node has not acknowledged and may start, cancellations too."""
        return await self._dispatcher.pending(scope, node)

    async def rest(self) -> None:
        """Return once all that is kept has been told, too."""
        if self._writing is not None:
            await self._writing

    async def _settle_cancel(self, scope: Scope, node: NodeId, about: str, code: str) -> None:
        if code not in ACCEPTED:
            return
        for errand in await self._progress.owed(scope, node=node):
            if errand.cancel and cancel_id(errand.command) == about:
                await self._progress.settle_cancel(scope, node, errand.command)

    async def _keep(self, words: Sequence[Word]) -> None:
        if not words:
            return
        kept: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((words, kept))
        if self._writing is None or self._writing.done():
            self._writing = asyncio.create_task(self._write())
        await kept

    async def _write(self) -> None:
        while self._waiting:
            batch, self._waiting = self._waiting, []
            if await self._write_together(batch) is not None and len(batch) > 1:
                # What cannot be kept must not take with it what others said.
                for one in batch:
                    await self._write_together([one])

    async def _write_together(
        self, batch: Sequence[tuple[Sequence[Word], asyncio.Future[None]]]
    ) -> BaseException | None:
        """Keep it all, or tell why not; alone, whoever waits is told, too."""
        together = [word for words, _ in batch for word in words]
        [kept] = await asyncio.gather(self._progress.record(together), return_exceptions=True)
        if isinstance(kept, BaseException):
            if len(batch) == 1:
                _settle(batch[0][1], kept)
            return kept
        for _, waiter in batch:
            _settle(waiter, None)
        # It is kept; a node that cannot be told now will ask.
        [fault] = await asyncio.gather(self._dispatcher.tell_all(kept), return_exceptions=True)
        if fault is not None:
            log.error("nodes_not_told", exc_info=fault)
        return None


def _settle(waiter: asyncio.Future[None], fault: BaseException | None) -> None:
    if waiter.done():
        return
    if fault is None:
        waiter.set_result(None)
    else:
        waiter.set_exception(fault)


def _word(heard: Heard) -> Word | None:
    about = told_command(heard.job_id, heard.node)
    if about is None or heard.topic.startswith(CANCEL_COMMAND):
        return None
    return Word(heard.scope, heard.node, about, report_of_reply(heard.reply))
