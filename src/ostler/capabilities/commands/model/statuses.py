"""Statuses: how an invocation stands, what can happen to it, and what a command makes of them all.

AWS tells of two words, Status and StatusDetails. Ours is one: the details, which are finer; what
is coarser follows from it.
"""

from collections.abc import Mapping
from enum import StrEnum


class WrongTurn(Exception):
    """That cannot happen to an invocation that stands so."""


class Event(StrEnum):
    """What can happen to an invocation."""

    PLATFORM_UNFIT = "PlatformUnfit"
    ACCESS_REFUSED = "AccessRefused"
    SENT = "Sent"
    SILENT = "Silent"
    RECEIVED = "Received"
    REFUSED = "Refused"
    PROGRESSED = "Progressed"
    SUCCEEDED = "Succeeded"
    FAILED = "Failed"
    TIMED_OUT = "TimedOut"
    STOPPED = "Stopped"
    CANCEL_ASKED = "CancelAsked"
    CANCEL_UNANSWERED = "CancelUnanswered"
    ERRORS_EXCEEDED = "ErrorsExceeded"
    DELIVERY_EXPIRED = "DeliveryExpired"
    EXPIRED = "Expired"
    NODE_GONE = "NodeGone"


class Status(StrEnum):
    """How an invocation stands: AWS's status details, and WAITING, which AWS calls Pending too."""

    WAITING = "Waiting"
    """Not sent yet: others run first."""
    PENDING = "Pending"
    """Sent; the node has not said that it has it."""
    DELAYED = "Delayed"
    """Sent, and the node stays silent; it is tried again."""
    IN_PROGRESS = "InProgress"
    CANCELLING = "Cancelling"
    SUCCESS = "Success"
    FAILED = "Failed"
    EXECUTION_TIMED_OUT = "ExecutionTimedOut"
    DELIVERY_TIMED_OUT = "DeliveryTimedOut"
    CANCELLED = "Cancelled"
    UNDELIVERABLE = "Undeliverable"
    TERMINATED = "Terminated"
    """Never sent, because too many others had failed."""
    INVALID_PLATFORM = "InvalidPlatform"
    ACCESS_DENIED = "AccessDenied"

    @property
    def final(self) -> bool:
        return self not in OPEN

    @property
    def details(self) -> str:
        """AWS's StatusDetails."""
        return "Pending" if self is Status.WAITING else self.value

    @property
    def coarse(self) -> str:
        """AWS's Status of an invocation."""
        return _COARSE.get(self, self.details)

    @property
    def coarse_of_step(self) -> str:
        """AWS's Status of a step, for which there is neither Delayed nor Cancelling."""
        return _COARSE_OF_STEP.get(self, self.coarse)

    @property
    def counts_as_error(self) -> bool:
        """Whether MaxErrors and ErrorCount count it; what never ran is no error."""
        return self in (Status.FAILED, Status.EXECUTION_TIMED_OUT)

    def after(self, event: Event) -> "Status":
        """How it stands once `event` has happened; what has ended stays as it ended."""
        if self.final:
            return self
        turned = _AFTER[event].get(self)
        if turned is None:
            raise WrongTurn(f"{event.value} cannot happen while {self.value}")
        return turned


UNSENT = (Status.WAITING,)
UNDELIVERED = (Status.PENDING, Status.DELAYED)
DELIVERED = (Status.IN_PROGRESS, Status.CANCELLING)
SENT = (*UNDELIVERED, *DELIVERED)
OPEN = (*UNSENT, *SENT)

_COARSE = {
    Status.EXECUTION_TIMED_OUT: "TimedOut",
    Status.DELIVERY_TIMED_OUT: "TimedOut",
    Status.UNDELIVERABLE: "Failed",
    Status.TERMINATED: "Failed",
    Status.INVALID_PLATFORM: "Failed",
    Status.ACCESS_DENIED: "Failed",
}
_COARSE_OF_STEP = {Status.DELAYED: "Pending", Status.CANCELLING: "InProgress"}


def _from(statuses: tuple[Status, ...], to: Status) -> dict[Status, Status]:
    return dict.fromkeys(statuses, to)


_HEARD = _from(UNDELIVERED, Status.IN_PROGRESS) | {status: status for status in DELIVERED}
_UNDELIVERED_ENDS = _from((*UNSENT, *UNDELIVERED), Status.DELIVERY_TIMED_OUT)

_AFTER: Mapping[Event, Mapping[Status, Status]] = {
    Event.PLATFORM_UNFIT: _from(UNSENT, Status.INVALID_PLATFORM),
    Event.ACCESS_REFUSED: _from(UNSENT, Status.ACCESS_DENIED),
    Event.SENT: _from(UNSENT, Status.PENDING),
    Event.SILENT: _from(UNDELIVERED, Status.DELAYED),
    Event.RECEIVED: _HEARD,
    Event.PROGRESSED: _HEARD,
    Event.REFUSED: _from(SENT, Status.FAILED),
    Event.SUCCEEDED: _from(SENT, Status.SUCCESS),
    Event.FAILED: _from(SENT, Status.FAILED),
    Event.TIMED_OUT: _from(SENT, Status.EXECUTION_TIMED_OUT),
    Event.STOPPED: _from(SENT, Status.CANCELLED),
    Event.CANCEL_ASKED: _from((*UNSENT, *UNDELIVERED), Status.CANCELLED)
    | _from(DELIVERED, Status.CANCELLING),
    Event.CANCEL_UNANSWERED: _from((Status.CANCELLING,), Status.CANCELLED),
    Event.ERRORS_EXCEEDED: _from(UNSENT, Status.TERMINATED),
    Event.DELIVERY_EXPIRED: _UNDELIVERED_ENDS,
    # AWS: without a last word from the agent it counts as not delivered, even if it ran.
    Event.EXPIRED: _UNDELIVERED_ENDS
    | {
        Status.IN_PROGRESS: Status.DELIVERY_TIMED_OUT,
        Status.CANCELLING: Status.CANCELLED,
    },
    Event.NODE_GONE: _from(OPEN, Status.UNDELIVERABLE) | {Status.CANCELLING: Status.CANCELLED},
}


def possible(event: Event) -> tuple[Status, ...]:
    """The statuses in which `event` can happen and changes something."""
    return tuple(status for status, turned in _AFTER[event].items() if turned is not status)


class Outcome(StrEnum):
    """How a command stands: AWS's status details of a command."""

    PENDING = "Pending"
    DELAYED = "Delayed"
    IN_PROGRESS = "InProgress"
    CANCELLING = "Cancelling"
    SUCCESS = "Success"
    NO_INSTANCES_IN_TAG = "NoInstancesInTag"
    CANCELLED = "Cancelled"
    FAILED = "Failed"
    ACCESS_DENIED = "AccessDenied"
    DELIVERY_TIMED_OUT = "DeliveryTimedOut"
    INCOMPLETE = "Incomplete"

    @property
    def final(self) -> bool:
        return self not in OPEN_OUTCOMES

    @property
    def details(self) -> str:
        """AWS's StatusDetails."""
        return self.value

    @property
    def coarse(self) -> str:
        """AWS's Status of a command."""
        return _COARSE_OUTCOME.get(self, self.value)


OPEN_OUTCOMES = (Outcome.PENDING, Outcome.DELAYED, Outcome.IN_PROGRESS, Outcome.CANCELLING)

_COARSE_OUTCOME = {
    Outcome.DELAYED: "Pending",
    # Seen at AWS: a tag that no node has ends a command with Success.
    Outcome.NO_INSTANCES_IN_TAG: "Success",
    Outcome.ACCESS_DENIED: "Failed",
    Outcome.DELIVERY_TIMED_OUT: "TimedOut",
    Outcome.INCOMPLETE: "Failed",
}
