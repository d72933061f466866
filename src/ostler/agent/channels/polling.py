"""Polling: jobs fetched and replies brought by ordinary calls, where no channel can be had."""

import asyncio
import logging
from collections.abc import Mapping
from contextlib import suppress
from datetime import timedelta
from typing import Any

from ostler.agent.calls import EC2_MESSAGES, Calls, Refused
from ostler.agent.network import NetworkFault
from ostler.agent.replies import Reply, Words
from ostler.agent.reporter import Reporter
from ostler.agent.retries import Retries
from ostler.agent.worker import Worker
from ostler.foundation.clock import Clock
from ostler.foundation.ids import Ids
from ostler.wire.agent.jobs import AckCode, Job

SOON = timedelta(seconds=1)
PAUSE = timedelta(seconds=2)
"""An answer that came sooner than that was not waited for by the server: we wait instead."""
VISIBILITY_SECONDS = 10

log = logging.getLogger(__name__)


class Polling:
    """Asks for messages while it is switched on."""

    def __init__(
        self,
        calls: Calls,
        worker: Worker,
        reporter: Reporter,
        words: Words,
        clock: Clock,
        ids: Ids,
    ) -> None:
        self._calls = calls
        self._worker = worker
        self._reporter = reporter
        self._words = words
        self._clock = clock
        self._ids = ids
        self._tasks: list[asyncio.Task[None]] = []

    @property
    def active(self) -> bool:
        return bool(self._tasks)

    def start(self) -> None:
        """Begin to ask, unless it is done already."""
        if not self._tasks:
            self._tasks = [asyncio.create_task(self._ask_on()), asyncio.create_task(self._tell())]

    async def stop(self) -> None:
        """Ask no more."""
        tasks, self._tasks = self._tasks, []
        for task in tasks:
            task.cancel()
        for task in tasks:
            with suppress(asyncio.CancelledError):
                await task

    async def reply(self, reply: Reply) -> bool:
        """Bring a reply."""
        given = {
            "MessageId": reply.job_id,
            "Payload": reply.content,
            "ReplyId": reply.message_id,
        }
        try:
            await self._calls.ask("SendReply", given, service=EC2_MESSAGES)
        except Refused as refusal:
            if refusal.code != "InvalidMessageIdException":
                raise
            # The server knows of no such job: there is nobody whom the reply could reach.
            log.warning("reply_unwanted job=%s", reply.job_id)
        return True

    async def _ask_on(self) -> None:
        retries = Retries(self._ids)
        while True:
            asked = self._clock.now()
            try:
                for message in await self._messages():
                    await self._take(message)
            except (Refused, NetworkFault) as fault:
                log.warning("polling_failed because=%s", fault)
                await self._clock.sleep(retries.next())
                continue
            retries.reset()
            if self._clock.now() - asked < SOON:
                await self._clock.sleep(PAUSE)

    async def _messages(self) -> list[Mapping[str, Any]]:
        given = {
            "Destination": self._calls.node,
            "MessagesRequestId": self._ids.uuid(),
            "VisibilityTimeoutInSeconds": VISIBILITY_SECONDS,
        }
        answer = await self._calls.ask("GetMessages", given, service=EC2_MESSAGES)
        return [message for message in answer.get("Messages") or [] if isinstance(message, dict)]

    async def _take(self, message: Mapping[str, Any]) -> None:
        job = Job(
            str(message.get("MessageId", "")),
            str(message.get("Topic", "")),
            str(message.get("Payload", "")),
        )
        code = self._worker.receive(job)
        log.info("job_received job=%s answered=%s", job.job_id, code.value)
        try:
            await self._answer(job, code)
        finally:
            self._worker.begin_waiting()

    async def _answer(self, job: Job, code: AckCode) -> None:
        given: dict[str, Any] = {"MessageId": job.job_id}
        match code:
            case AckCode.FULL | AckCode.CLOSED:
                return  # not acknowledged, it will be seen again
            case AckCode.UNTRANSLATABLE:
                failure = {**given, "FailureType": "NoHandlerExists"}
                await self._calls.ask("FailMessage", failure, service=EC2_MESSAGES)
                return
            case AckCode.ACCEPTED:
                content = self._words.under_way(self._clock.now())
                await self.reply(Reply(self._ids.uuid(), job.job_id, job.topic, content))
            case _:
                pass
        await self._calls.ask("AcknowledgeMessage", given, service=EC2_MESSAGES)

    async def _tell(self) -> None:
        retries = Retries(self._ids)
        while True:
            try:
                await self._reporter.carry(self)
            except (Refused, NetworkFault) as fault:
                log.warning("reply_failed because=%s", fault)
                await self._clock.sleep(retries.next())
