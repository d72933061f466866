"""What nodes answer, collected from all connections and kept in few, large transactions."""

import asyncio
from collections.abc import Callable, Coroutine, Iterable, Sequence
from datetime import timedelta
from typing import Any, TypeVar

import structlog

from ostler.foundation.clock import Clock
from ostler.relay.ports import Acked, Heard, Replies

T = TypeVar("T")

log = structlog.get_logger()

WINDOW = timedelta(milliseconds=3)
LARGEST_BATCH = 500


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
        """Hand over all of `answers` at once; the faults in the same order."""
        replies = [answer for answer in answers if isinstance(answer, Heard)]
        acks = [answer for answer in answers if isinstance(answer, Acked)]
        of_replies, of_acks = map(
            iter,
            await asyncio.gather(
                _offer(self._replies.record, replies), _offer(self._replies.acknowledged, acks)
            ),
        )
        return [next(of_replies if isinstance(answer, Heard) else of_acks) for answer in answers]


async def _offer(
    keep: Callable[[Sequence[T]], Coroutine[Any, Any, None]], answers: Sequence[T]
) -> list[BaseException | None]:
    """Have answers kept, one by one if need be; for each what went wrong, or None."""
    if not answers:
        return []
    [fault] = await _faults([keep(answers)])
    if fault is None or len(answers) == 1:
        return [fault] * len(answers)
    # One that cannot be kept must not take the others with it.
    return await _faults(keep([answer]) for answer in answers)


async def _faults(deeds: Iterable[Coroutine[Any, Any, None]]) -> list[BaseException | None]:
    """Do all of `deeds`; for each what went wrong, or None."""
    return await asyncio.gather(*deeds, return_exceptions=True)
