"""The bell: tells nodes that there is something to apply, so that they need not wait to ask."""

import asyncio
import uuid
from collections.abc import Sequence
from contextlib import suppress
from datetime import timedelta
from typing import Protocol

from ostler.capabilities.associations.service import Untold
from ostler.foundation.clock import Clock
from ostler.foundation.ids import NodeId
from ostler.foundation.storage import Scope
from ostler.wire.agent.jobs import (
    SEND_COMMAND,
    AckCode,
    BrokenMessage,
    Job,
    SendCommandContent,
    command_of,
    job_id,
    text,
)

_AT_ONCE = 50
_PAUSE = timedelta(milliseconds=250)
_REFRESHES = uuid.UUID("6b3a1c5c-4a39-4d0e-9d55-0b9f7c2d8e11")
_HEARD = (AckCode.ACCEPTED, AckCode.DUPLICATE)


class Courier(Protocol):
    """Brings a job to a node, now or when it next calls."""

    async def bring(self, scope: Scope, node: NodeId, job: Job) -> None: ...


class Bell:
    """Rings at nodes, 200 a second: a fleet does not come all at once.

    What it rings is the job that AWS-RefreshAssociation makes, which both agents know. Nothing is
    lost when it does not ring: nodes ask every ten minutes, and what is untold stands in the
    database. The job's id follows from what it is about, so that told twice is told once.
    """

    def __init__(self, untold: Untold, courier: Courier, clock: Clock) -> None:
        self._untold = untold
        self._courier = courier
        self._clock = clock
        self._waiting: dict[tuple[Scope, NodeId], None] = {}
        self._ringing: asyncio.Task[None] | None = None

    def tell(self, scope: Scope, nodes: Sequence[NodeId]) -> None:
        """Let these nodes know, soon."""
        self._waiting.update(dict.fromkeys((scope, node) for node in nodes))
        if self._waiting and (self._ringing is None or self._ringing.done()):
            self._ringing = asyncio.create_task(self._ring())

    async def pending(self, scope: Scope, node: NodeId) -> Sequence[Job]:
        """The job that tells the node what it may begin; none when it knows."""
        untold = await self._untold.of(scope, node)
        return [_job(node, untold)] if untold else []

    async def acknowledged(self, scope: Scope, node: NodeId, job: str, code: str) -> None:
        """A job reached its node, which said `code`."""
        try:
            about = uuid.UUID(command_of(job))
        except (BrokenMessage, ValueError):
            return
        # Commands have ids of another kind: the database need not be asked about each.
        if code not in _HEARD or about.version != 5:
            return
        untold = await self._untold.of(scope, node)
        if untold and _refresh(node, untold) == str(about):
            await self._untold.told(scope, node, [association for association, _ in untold])

    async def rest(self) -> None:
        """Ring no more."""
        if self._ringing is not None:
            self._ringing.cancel()
            with suppress(asyncio.CancelledError):
                await self._ringing

    async def _ring(self) -> None:
        while self._waiting:
            some = list(self._waiting)[:_AT_ONCE]
            for scope, node in some:
                del self._waiting[scope, node]
                for job in await self.pending(scope, node):
                    await self._courier.bring(scope, node, job)
            if self._waiting:
                await self._clock.sleep(_PAUSE)


def _refresh(node: NodeId, untold: Sequence[tuple[str, str]]) -> str:
    return str(uuid.uuid5(_REFRESHES, f"{node} {untold}"))


def _job(node: NodeId, untold: Sequence[tuple[str, str]]) -> Job:
    about = _refresh(node, untold)
    step = {
        "action": "aws:refreshAssociation",
        "name": "refreshAssociation",
        # No association has this id. Agents apply those that are named whether it is time or not
        # (agent/association/processor/refreshassociation.go), and what is pending in any case: so
        # what was applied meanwhile is not applied again.
        "inputs": {"associationIds": [about]},
    }
    document = {"schemaVersion": "2.2", "mainSteps": [step]}
    content = SendCommandContent(about, "AWS-RefreshAssociation", document)
    return Job(job_id(about, node), SEND_COMMAND, text(content))
