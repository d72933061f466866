"""The worker: takes jobs on, five at a time, and lets none be lost nor begun twice."""

import asyncio
import logging
from collections import deque
from datetime import timedelta
from functools import partial

from ostler.agent.execution import Execution, Workshop
from ostler.agent.journal import KEPT_FOR, Cancelled, Closed, Entry, Journal, Told
from ostler.agent.orders import BrokenOrder, order_of
from ostler.agent.supervision import Interrupted
from ostler.agent.waiting import first
from ostler.wire.agent.jobs import (
    CANCEL_COMMAND,
    SEND_COMMAND,
    AckCode,
    BrokenMessage,
    CancelContent,
    Job,
    ReplyStatus,
    command_of,
    decode,
)

RUNNING = 5
WAITING = 5

log = logging.getLogger(__name__)


class Worker:
    """All jobs of this node."""

    def __init__(self, journal: Journal, shop: Workshop) -> None:
        self._journal = journal
        self._shop = shop
        self._waiting: deque[Execution] = deque()
        self._running: dict[Execution, asyncio.Task[bool]] = {}
        self._closed = False
        self._rebooting = False

    def resume(self) -> None:
        """Go on where an earlier agent was stopped."""
        for entry in self._journal.open():
            execution = self._execution(entry)
            if execution is None:
                self._say_end_again(entry)
                continue
            execution.say_again()
            if entry.closed is None:
                self._waiting.append(execution)
            elif entry.at < self._shop.clock.now() - KEPT_FOR:
                self._journal.drop(entry)
        self._shop.uploads.recover(self._shop.ring)
        self.begin_waiting()

    def receive(self, job: Job) -> AckCode:
        """Take a job on, or say why not; what is taken on waits for `begin_waiting`."""
        if job.topic.startswith(CANCEL_COMMAND):
            return self._receive_cancel(job)
        if not job.topic.startswith(SEND_COMMAND):
            return AckCode.UNTRANSLATABLE
        try:
            command = command_of(job.job_id)
        except BrokenMessage as fault:
            log.warning("job_unreadable fault=%s", fault)
            return AckCode.UNREADABLE
        if self._journal.knows(command):
            return AckCode.DUPLICATE
        if self._closed:
            return AckCode.CLOSED
        full = len(self._running) + len(self._waiting) >= RUNNING + WAITING
        if full or self._rebooting or self._held:
            return AckCode.FULL
        return self._accept(job)

    def begin_waiting(self) -> None:
        """Begin as many of the waiting jobs as may run at once."""
        while self._waiting and len(self._running) < RUNNING and not self._held:
            execution = self._waiting.popleft()
            task = asyncio.create_task(execution.run())
            self._running[execution] = task
            task.add_done_callback(partial(self._over, execution))

    async def stop(self, grace: timedelta) -> None:
        """Take nothing on any more, give what runs a little time, then end it.

        What was ended so is told by the next agent, as after a crash: there is one way only.
        """
        self._closed = True
        self._waiting.clear()
        tasks = list(self._running.values())
        if tasks:
            await first(asyncio.wait(tasks), self._shop.clock.sleep(grace))
        for execution in list(self._running):
            execution.stop.shut_down()
        if tasks:
            await asyncio.wait(tasks)
        self._shop.uploads.stop()

    @property
    def _held(self) -> bool:
        """Whether nothing may begin now."""
        return self._closed or self._shop.handover.holding

    def _receive_cancel(self, job: Job) -> AckCode:
        try:
            target = command_of(decode(job.content, CancelContent).cancel_message_id)
        except BrokenMessage as fault:
            log.warning("cancel_unreadable fault=%s", fault)
            return AckCode.UNREADABLE
        entry = self._journal.find(target)
        if entry is not None and entry.closed is None and not entry.cancelled:
            entry.write(Cancelled())
            for execution in [*self._running, *self._waiting]:
                if execution.entry is entry:
                    execution.stop.cancel()
        return AckCode.ACCEPTED

    def _accept(self, job: Job) -> AckCode:
        try:
            entry = self._journal.accept(job)
        except OSError as fault:
            log.error("job_not_written job=%s fault=%s", job.job_id, fault)
            return AckCode.FULL
        execution = self._execution(entry)
        if execution is None:
            return AckCode.UNREADABLE
        self._waiting.append(execution)
        return AckCode.ACCEPTED

    def _execution(self, entry: Entry) -> Execution | None:
        """What does a job; None when the job cannot be done, which is told then."""
        try:
            return Execution(entry, order_of(entry.job), self._shop)
        except BrokenOrder as fault:
            log.warning("job_unreadable job=%s fault=%s", entry.job.job_id, fault)
            if entry.closed is None:
                entry.write(Closed(ReplyStatus.FAILED, self._shop.ids.uuid(), str(fault)))
                self._say_end_again(entry)
            return None

    def _say_end_again(self, entry: Entry) -> None:
        for reply in self._shop.words.said(entry, None, self._shop.clock.now()):
            self._shop.reporter.tell(reply, lambda told: entry.write(Told(told)))

    def _over(self, execution: Execution, task: asyncio.Task[bool]) -> None:
        self._running.pop(execution, None)
        fault = None if task.cancelled() else task.exception()
        if fault is not None and not isinstance(fault, Interrupted):
            log.error("job_broke job=%s", execution.entry.job.job_id, exc_info=fault)
            execution.abandon(f"The agent failed: {type(fault).__name__}: {fault}\n")
        if fault is None and not task.cancelled() and not task.result():
            # The machine is about to go down: new jobs shall come again afterwards.
            self._rebooting = True
        self.begin_waiting()
