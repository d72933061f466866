"""Invocations: a command on one node, and what the node has said of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from ostler.capabilities.commands.model.statuses import DELIVERED, Event, Status
from ostler.foundation.ids import CommandId, NodeId

NOT_STARTED = -1
"""The response code of what has not run."""


@dataclass(frozen=True, slots=True)
class StepResult:
    """What an agent says of a step, without the output."""

    status: Status
    code: int = NOT_STARTED
    started: datetime | None = None
    ended: datetime | None = None


@dataclass(frozen=True, slots=True)
class StepOutput:
    """What a step wrote, as much of it as the API shows.

    `combined` is standard output and standard error together, the shortest of the three.
    """

    standard_output: str = ""
    standard_error: str = ""
    combined: str = ""


@dataclass(frozen=True, slots=True)
class StepReport:
    """What a reply says of one step."""

    result: StepResult
    output: StepOutput = field(default_factory=StepOutput)


@dataclass(frozen=True, slots=True)
class Report:
    """What a node says of its invocation: an acknowledgement or a reply."""

    event: Event
    steps: Mapping[str, StepReport] = field(default_factory=dict)
    trace: str = ""

    @property
    def bare(self) -> bool:
        """Whether it says no more than that the node has the job."""
        return self.event in _HAS_IT and not self.steps and not self.trace


@dataclass(frozen=True, slots=True)
class Invocation:
    """One node's share of a command.

    `steps` has the steps that the node has spoken of. `closed` is true of what ended without the
    node's word: nothing that it says later counts. `cancel_owed` is true while the node must be
    told to stop, if it comes.
    """

    command: CommandId
    node: NodeId
    requested: datetime
    position: int = 0
    name: str = ""
    status: Status = Status.WAITING
    sent: datetime | None = None
    received: datetime | None = None
    ended: datetime | None = None
    steps: Mapping[str, StepResult] = field(default_factory=dict)
    trace: str = ""
    closed: bool = False
    cancel_owed: bool = False

    def after(self, event: Event, at: datetime) -> "Invocation":
        """What somebody other than the node did to it."""
        status = self.status.after(event)
        if status is self.status:
            return self
        return replace(
            self,
            status=status,
            sent=at if event is Event.SENT else self.sent,
            ended=at if status.final else None,
            closed=status.final,
            cancel_owed=owes_cancel(event, self.status),
        )

    def heard(self, report: Report, at: datetime) -> "Invocation":
        """What the node said of it, once, again, or in the wrong order.

        Replies overtake each other: the last word on the document may come before that on a
        step, so that a step is still taken in when the invocation has ended.
        """
        if self.status is Status.WAITING:
            return self
        if self.closed:
            # A node that gets the job now, or comes back to it, shall not go on with it.
            running = report.event not in _LAST_WORDS
            owed = running and (self.cancel_owed or self.received is None)
            return replace(self, cancel_owed=owed, received=self.received or at)
        status = self.status.after(report.event)
        return replace(
            self,
            status=status,
            received=self.received or at,
            ended=self.ended or (at if status.final else None),
            steps=merged(self.steps, report.steps),
            trace=report.trace or self.trace,
            cancel_owed=self.cancel_owed and not status.final,
        )

    def new_output(self, report: Report) -> Mapping[str, StepOutput]:
        """The output in `report` that is to be kept: that of steps that had not ended before."""
        if self.closed or self.status is Status.WAITING:
            return {}
        return {
            step: told.output
            for step, told in report.steps.items()
            if told.result.status.final and not _ended(self.steps.get(step))
        }

    def step(self, step: str, *, first: bool, at: datetime, expires: datetime) -> StepResult:
        """How `step` stands; one that the node has not spoken of stands like the invocation.

        While the agent's last word on it may still be on its way, it is not over.
        """
        result = self.steps.get(step)
        if result is not None and (result.status.final or not self.closed):
            return result
        if self.status.final and not self.closed and at < expires:
            return result or StepResult(Status.IN_PROGRESS)
        if self.status in DELIVERED and not first:
            return StepResult(Status.PENDING)
        return StepResult(self.status, started=result.started if result else None)


_HAS_IT = (Event.RECEIVED, Event.PROGRESSED)
_LAST_WORDS = (Event.SUCCEEDED, Event.FAILED, Event.TIMED_OUT, Event.STOPPED, Event.REFUSED)
_CANCELS = (Event.CANCEL_ASKED, Event.CANCEL_UNANSWERED, Event.EXPIRED)


def owes_cancel(event: Event, former: Status) -> bool:
    """Whether the node must be told to stop, `event` having happened to what stood so.

    A node that has not said that it has the job is told as soon as it does.
    """
    return event in _CANCELS and former in DELIVERED


def merged(
    known: Mapping[str, StepResult], told: Mapping[str, StepReport]
) -> Mapping[str, StepResult]:
    """What is known of the steps once a reply was heard; what has ended stays as it ended."""
    news = {step: report.result for step, report in told.items() if not _ended(known.get(step))}
    return {**known, **news} if news else known


def _ended(result: StepResult | None) -> bool:
    return result is not None and result.status.final
