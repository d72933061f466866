"""Dispatch: sees that nodes are told what they must be told, and that times run out."""

import asyncio
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import Protocol

from ostler.capabilities.commands.events import CancelAsked, CommandSent
from ostler.capabilities.commands.jobs.letters import cancel_job, content_of, run_job
from ostler.capabilities.commands.model import Event
from ostler.capabilities.commands.service import Errand, Outputs, Progress
from ostler.capabilities.nodes.events import NodeDeregistered
from ostler.foundation.clock import Clock
from ostler.foundation.ids import CommandId, NodeId
from ostler.foundation.storage import Scope
from ostler.foundation.timers import Due
from ostler.wire.agent.jobs import Job

_REMEMBERED = 64
_PROMPTED = 1000
_LATE = timedelta(seconds=5)
"""A timer that comes so late comes from a server that was away."""


class Courier(Protocol):
    """Brings a job to a node, now or when it next calls."""

    async def bring(self, scope: Scope, node: NodeId, job: Job) -> None: ...


class Dispatcher:
    """Tells nodes. What it tells stands in the database: told twice, it is the same job."""

    def __init__(
        self, progress: Progress, outputs: Outputs, courier: Courier, clock: Clock
    ) -> None:
        self._progress = progress
        self._clock = clock
        self._outputs = outputs
        self._courier = courier
        self._contents: OrderedDict[CommandId, str] = OrderedDict()
        self._telling: OrderedDict[CommandId, asyncio.Task[None]] = OrderedDict()

    def tell_at_once(self, scope: Scope, command: CommandId, errands: Sequence[Errand]) -> None:
        """The command has just been kept: tell its first nodes, before its event comes by."""
        where = Scope(scope.account, scope.region)
        self._telling[command] = asyncio.create_task(self.tell(where, errands))
        if len(self._telling) > _PROMPTED:
            # Another process took their events.
            self._telling.popitem(last=False)

    # What others tell of.

    async def start(self, scope: Scope, sent: CommandSent) -> None:
        """A command was accepted: its first nodes are told, unless this process has done it."""
        command = CommandId(sent.command)
        telling = self._telling.pop(command, None)
        if telling is not None:
            [fault] = await asyncio.gather(telling, return_exceptions=True)
            if fault is None:
                return
        await self.tell(scope, await self._progress.start(scope, command))

    async def stop(self, scope: Scope, asked: CancelAsked) -> None:
        """A command shall stop: tell the nodes that run it."""
        command = CommandId(asked.command)
        await self.tell(scope, await self._progress.owed(scope, command=command))

    async def lose(self, scope: Scope, gone: NodeDeregistered) -> None:
        """A node is none any more."""
        await self.tell_all(await self._progress.lose(scope, NodeId(gone.node)))

    # Times.

    async def find_silent(self, due: Due) -> None:
        """Nodes had their time to answer."""
        await self._progress.find_silent(due.scope, CommandId(due.key))

    async def expire_delivery(self, due: Due) -> None:
        """Who has not received the command by now shall not run it."""
        await self._happen(due, Event.DELIVERY_EXPIRED)

    async def expire(self, due: Due) -> None:
        """The command's whole time is up."""
        late = self._clock.now() - due.due_at > _LATE
        if late and not due.payload.get("waited"):
            await self._progress.wait_for_words(due.scope, CommandId(due.key))
            return
        await self._happen(due, Event.EXPIRED)

    async def give_up_cancelling(self, due: Due) -> None:
        """Nodes had their time to stop."""
        await self._happen(due, Event.CANCEL_UNANSWERED)

    async def forget(self, due: Due) -> None:
        """The command is history for long enough."""
        command = CommandId(due.key)
        await self._outputs.forget(due.scope, command)
        await self._progress.forget(due.scope, command)
        self._contents.pop(command, None)

    # Telling.

    async def pending(self, scope: Scope, node: NodeId) -> Sequence[Job]:
        """All that the node must be told, made anew from what is kept."""
        return await self._jobs(scope, await self._progress.owed(scope, node=node))

    async def tell(self, scope: Scope, errands: Iterable[Errand]) -> None:
        """Bring each node its job."""
        for job, errand in await self._letters(scope, errands):
            await self._courier.bring(scope, errand.node, job)

    async def tell_all(self, errands: Iterable[tuple[Scope, Errand]]) -> None:
        """Bring each node its job, wherever it belongs."""
        by_scope: dict[Scope, list[Errand]] = {}
        for scope, errand in errands:
            by_scope.setdefault(scope, []).append(errand)
        for scope, own in by_scope.items():
            await self.tell(scope, own)

    async def _happen(self, due: Due, event: Event) -> None:
        command = CommandId(due.key)
        await self.tell(due.scope, await self._progress.happen(due.scope, command, event))

    async def _jobs(self, scope: Scope, errands: Iterable[Errand]) -> list[Job]:
        return [job for job, _ in await self._letters(scope, errands)]

    async def _letters(self, scope: Scope, errands: Iterable[Errand]) -> list[tuple[Job, Errand]]:
        letters = []
        for errand in errands:
            if errand.cancel:
                letters.append((cancel_job(errand.command, errand.node), errand))
                continue
            content = await self._content(scope, errand.command)
            if content is not None:
                letters.append((run_job(errand.command, errand.node, content), errand))
        return letters

    async def _content(self, scope: Scope, command: CommandId) -> str | None:
        """What the command's nodes are sent; it never changes, so the last ones are kept."""
        if command in self._contents:
            self._contents.move_to_end(command)
            return self._contents[command]
        payload = await self._progress.payload(scope, command)
        if payload is None:
            return None
        self._contents[command] = content = content_of(payload)
        if len(self._contents) > _REMEMBERED:
            self._contents.popitem(last=False)
        return content
