"""An execution: one job from its first step to its last reply, across crashes and reboots."""

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Protocol

from ostler.agent.handover import Handover
from ostler.agent.host import Host, HostFault, Leader
from ostler.agent.journal import (
    Closed,
    Ended,
    Entry,
    HandedOver,
    RebootAsked,
    Running,
    Started,
    Told,
)
from ostler.agent.orders import Order
from ostler.agent.outcomes import STOPPED, Outcome, failed
from ostler.agent.output import STREAMS, Label, Ring, StepOutput, file_name
from ostler.agent.plugins import Sources, Surroundings, Updates
from ostler.agent.replies import Reply, Words, status_of
from ostler.agent.steps import left_out, outcome_of, run_step
from ostler.agent.supervision import Interrupted, Stop
from ostler.foundation.clock import Clock
from ostler.foundation.ids import Ids
from ostler.wire.agent.jobs import ReplyStatus

UPLOAD_WAIT = timedelta(seconds=10)
REPLY_WAIT = timedelta(seconds=10)
"""How long a step's reply waits for its output to arrive, a reboot for its replies."""
INTERRUPTED = "interrupted: the agent stopped while this step ran\n"
INTERRUPTED_CODE = -1
"""There is no exit code: the script's is not known, and may never have been."""

GOES_ON = (ReplyStatus.SUCCESS_AND_REBOOT, ReplyStatus.IN_PROGRESS)
"""The step begins again after the next start, of the machine or of another version of the agent."""

log = logging.getLogger(__name__)


class Telling(Protocol):
    """Says replies until the server knows them."""

    def tell(self, reply: Reply, arrived: Callable[[str], None]) -> None: ...

    async def settled(self, message_ids: Iterable[str], within: timedelta) -> None: ...


class Stream(Protocol):
    """One stream of a step, on its way to the server."""

    def grew(self, size: int) -> None: ...

    def end(self) -> None: ...

    def hurry(self) -> None: ...

    async def settled(self, within: timedelta) -> None: ...


class Bringing(Protocol):
    """Brings to the server what steps write."""

    def stream(self, path: Path, command: str, step: str, *, resumed: bool = ...) -> Stream: ...

    def recover(self, ring: Ring) -> None: ...

    def stop(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Workshop:
    """What every execution of this agent works with."""

    host: Host
    clock: Clock
    ids: Ids
    ring: Ring
    uploads: Bringing
    reporter: Telling
    words: Words
    sources: Sources
    updates: Updates
    handover: Handover
    platform: str
    environment: Mapping[str, str]
    packages: Path
    here: Path
    home: Path
    refresh: Callable[[Sequence[str]], None] = lambda ids: None


class Execution:
    """One job under way."""

    def __init__(self, entry: Entry, order: Order, shop: Workshop) -> None:
        self.entry = entry
        self.stop = Stop()
        self._order = order
        self._shop = shop
        self._uploads: dict[str, Stream] = {}
        """Of the step that runs."""
        if entry.cancelled:
            self.stop.cancel()

    async def run(self) -> bool:
        """Do what is left to do; False when the rest has to wait for the next start."""
        with self._shop.handover.working():
            return await self._all_steps()

    async def _all_steps(self) -> bool:
        self._shop.ring.begin(self.entry.job.job_id)
        for index in range(len(self._order.document.steps)):
            if index not in self.entry.ended and not await self._step(index):
                return False
        self.close(status_of(self.entry))
        return True

    def close(self, status: ReplyStatus) -> None:
        """The job is over."""
        self._shop.ring.end(self.entry.job.job_id)
        closed = Closed(status, self._shop.ids.uuid())
        log.info("command_ended command=%s status=%s", self._order.command, status.value)
        self.entry.write(closed)
        now = self._shop.clock.now()
        self._shop.reporter.tell(
            self._shop.words.of_end(self.entry, self._order, closed, now), self._told
        )

    def say_again(self) -> None:
        """Tell what an earlier agent could not tell."""
        for reply in self._shop.words.said(self.entry, self._order, self._shop.clock.now()):
            self._shop.reporter.tell(reply, self._told)

    def abandon(self, words: str) -> None:
        """Something is wrong with the agent itself: what is left of the job cannot be done."""
        for index in range(len(self._order.document.steps)):
            if index not in self.entry.ended:
                self._tell_end(self._write_end(index, failed(words)))
        self.close(ReplyStatus.FAILED)

    async def _step(self, index: int) -> bool:
        """Bring one step to its end; False when it has to wait for the next start."""
        now = self._shop.clock.now()
        outcome = self._without_running(index)
        if outcome is None:
            outcome = await self._run(index)
        outcome = outcome.between(now, self._shop.clock.now())
        if outcome.status is ReplyStatus.IN_PROGRESS:
            self.entry.write(HandedOver(index))
            await self._settle_uploads()
            self._shop.handover.asked.set()
            return False
        if outcome.status is ReplyStatus.SUCCESS_AND_REBOOT:
            refused = await self._reboot(index, outcome)
            if refused is None:
                return False
            outcome = refused.between(now, self._shop.clock.now())
        # On disk at once; the server hears of it when the output is there, or is long in coming.
        ended = self._write_end(index, outcome)
        await self._settle_uploads()
        self._tell_end(ended)
        return True

    def _without_running(self, index: int) -> Outcome | None:
        """How a step ends that is not to run (again)."""
        if self.entry.damaged:
            return failed("interrupted: the agent's journal of this job is damaged\n")
        if index in self.entry.begun:
            return self._interrupted(index)
        if self.entry.cancelled:
            return Outcome(ReplyStatus.CANCELLED, 1)
        ended = [
            (before.outcome.status.value, before.outcome.reported_code)
            for _, before in sorted(self.entry.ended.items())
        ]
        order = self._order
        return left_out(order.document, index, order.values, ended, self._shop.platform)

    def _interrupted(self, index: int) -> Outcome:
        """The step was under way when an earlier agent ended: its program is ended as well."""
        leader = self.entry.leaders.get(index)
        if leader is not None:
            self._shop.host.end_leftovers(leader, f"SSM_COMMAND_ID={self._order.command}")
        if self.entry.cancelled:
            return self._ended_with(INTERRUPTED, index, ReplyStatus.CANCELLED, STOPPED)
        return self._ended_with(INTERRUPTED, index, ReplyStatus.FAILED, INTERRUPTED_CODE)

    def _ended_with(self, words: str, index: int, status: ReplyStatus, code: int) -> Outcome:
        """The step is over, for a reason that stands behind all it had said."""
        output = self._output(index)
        output.say("stderr", words)
        outcome = Outcome(status, code, output.head("stdout"), output.head("stderr"))
        self._close(output, ended=True)
        return outcome

    async def _run(self, index: int) -> Outcome:
        order = self._order
        if self.stop.shutdown:
            raise Interrupted
        try:
            self.entry.write(Started(index, self._shop.clock.now()))
        except OSError as fault:
            return failed(f"The step was not begun: the journal cannot be written: {fault}\n")
        output = self._output(index)
        ended = False
        try:
            at = self._surroundings(index, output)
            ending = await run_step(order.document, index, order.values, at)
            outcome = outcome_of(ending, output)
            ended = outcome.status not in GOES_ON
        finally:
            self._close(output, ended=ended)
        return outcome

    def _close(self, output: StepOutput, *, ended: bool) -> None:
        """The step writes no more: never, or not before the next start of agent or machine."""
        output.close(ended=ended)
        for upload in self._uploads.values():
            upload.end() if ended else upload.hurry()

    async def _settle_uploads(self) -> None:
        for upload in self._uploads.values():
            await upload.settled(UPLOAD_WAIT)

    async def _reboot(self, index: int, outcome: Outcome) -> Outcome | None:
        """Have the machine started anew; the outcome when it will not."""
        asked = RebootAsked(index, outcome, self._shop.ids.uuid(), self._shop.ids.uuid())
        self.entry.write(asked)
        await self._settle_uploads()
        for reply in self._shop.words.of_reboot(self.entry, self._order, asked):
            self._shop.reporter.tell(reply, self._told)
        await self._shop.reporter.settled([asked.reply, asked.document_reply], REPLY_WAIT)
        log.info("reboot_asked command=%s", self._order.command)
        try:
            await self._shop.host.reboot()
        except HostFault as fault:
            words = f"The step asked for a reboot (exit code 194), which failed: {fault}\n"
            return self._ended_with(words, index, ReplyStatus.FAILED, outcome.code)
        return None

    def _write_end(self, index: int, outcome: Outcome) -> Ended:
        ended = Ended(index, outcome, self._shop.ids.uuid())
        log.info(
            "step_ended command=%s step=%d status=%s code=%d",
            self._order.command,
            index,
            outcome.status.value,
            outcome.reported_code,
        )
        self.entry.write(ended)
        return ended

    def _tell_end(self, ended: Ended) -> None:
        reply = self._shop.words.of_step(self.entry, self._order, ended)
        self._shop.reporter.tell(reply, self._told)

    def _told(self, message_id: str) -> None:
        self.entry.write(Told(message_id))

    def _output(self, index: int) -> StepOutput:
        """Where a step writes; what it writes is brought to the server."""
        step = self._order.document.steps[index].name
        folder = self._shop.ring.folder(self.entry.job.job_id) / file_name(step)
        uploads = self._uploads = {}
        resumed = folder.exists()

        def grew(stream: str, size: int) -> None:
            if stream not in uploads:
                uploads[stream] = self._shop.uploads.stream(
                    folder / stream, self._order.command, step, resumed=resumed
                )
            uploads[stream].grew(size)

        label = Label(self._order.command, step)
        output = StepOutput(self._shop.ring, self.entry.job.job_id, folder, label, grew)
        for stream in STREAMS:
            if output.size(stream):
                grew(stream, output.size(stream))
        return output

    def _surroundings(self, index: int, output: StepOutput) -> Surroundings:
        step = self._order.document.steps[index].name

        def began(leader: Leader) -> None:
            self.entry.write(Running(index, leader))

        return Surroundings(
            host=self._shop.host,
            clock=self._shop.clock,
            sources=self._shop.sources,
            updates=self._shop.updates,
            output=output,
            stop=self.stop,
            platform=self._shop.platform,
            folder=self._shop.ring.folder(self.entry.job.job_id) / file_name(step),
            downloads=self._shop.ring.folder(self.entry.job.job_id) / "downloads",
            packages=self._shop.packages,
            here=self._shop.here,
            environment={**self._shop.environment, "SSM_COMMAND_ID": self._order.command},
            home=self._shop.home,
            began=began,
            room=self._shop.ring.budget,
            refresh=self._shop.refresh,
        )
