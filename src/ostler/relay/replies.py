"""What nodes answer, collected from all connections and kept in few, large transactions."""

import asyncio
from collections.abc import Coroutine, Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import structlog

from ostler.foundation.clock import Clock
from ostler.foundation.ids import NodeId
from ostler.foundation.storage import Scope
from ostler.relay.ports import Heard, Replies

log = structlog.get_logger()

WINDOW = timedelta(milliseconds=3)
LARGEST_BATCH = 500


@dataclass(frozen=True, slots=True)
class Acked:
    """A node's first answer to a job."""

    scope: Scope
    node: NodeId
    job_id: str
    code: str
    message: str = ""


class Collector:
    """Gathers answers for some milliseconds and hands them to `Replies` together.

    Each answer has a future: True once it is kept for good, False when it could not be. Nobody
    is told before; a node repeats what was not acknowledged.
    """

    def __init__(self, replies: Replies, clock: Clock, *, window: timedelta = WINDOW) -> None:
        self._replies = replies
        self._clock = clock
        self._window = window
        self._waiting: list[tuple[Heard | Acked, asyncio.Future[bool]]] = []
        self._handing_over: asyncio.Task[None] | None = None

    def take(self, answer: Heard | Acked) -> asyncio.Future[bool]:
        """Whether `answer` will have been kept."""
        kept: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._waiting.append((answer, kept))
        if self._handing_over is None or self._handing_over.done():
            self._handing_over = asyncio.create_task(self._hand_over())
        return kept

    async def _hand_over(self) -> None:
        while self._waiting:
            await self._clock.sleep(self._window)
            batch = self._waiting[:LARGEST_BATCH]
            del self._waiting[:LARGEST_BATCH]
            faults = await self._keep([answer for answer, _ in batch])
            for (answer, kept), fault in zip(batch, faults, strict=True):
                if fault is not None:
                    log.error(
                        "answer_not_kept",
                        node_id=answer.node,
                        job_id=answer.job_id,
                        exc_info=fault,
                    )
                if not kept.done():
                    kept.set_result(fault is None)

    async def _keep(self, answers: Sequence[Heard | Acked]) -> list[BaseException | None]:
        """Hand over all of `answers`; the faults in the same order."""
        replies = [answer for answer in answers if isinstance(answer, Heard)]
        acks = [answer for answer in answers if isinstance(answer, Acked)]
        faults_of_acks = iter(
            await _faults(
                self._replies.acknowledged(ack.scope, ack.node, ack.job_id, ack.code, ack.message)
                for ack in acks
            )
        )
        faults_of_replies = iter(await self._record(replies))
        return [
            next(faults_of_replies if isinstance(answer, Heard) else faults_of_acks)
            for answer in answers
        ]

    async def _record(self, replies: Sequence[Heard]) -> list[BaseException | None]:
        if not replies:
            return []
        [fault] = await _faults([self._replies.record(replies)])
        if fault is None or len(replies) == 1:
            return [fault] * len(replies)
        # One reply that cannot be kept must not take the others with it.
        return await _faults(self._replies.record([heard]) for heard in replies)


async def _faults(deeds: Iterable[Coroutine[Any, Any, None]]) -> list[BaseException | None]:
    """Do all of `deeds`; for each what went wrong, or None."""
    return await asyncio.gather(*deeds, return_exceptions=True)
