"""Executions: an association was applied to its nodes once, and what came of it on each."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from ostler.capabilities.associations.model.statuses import Status, Tally
from ostler.foundation.ids import NodeId

PATIENCE = timedelta(minutes=15)
"""How long a node that may begin keeps its place: stock agents ask every ten minutes."""
RUN_LIMIT = timedelta(hours=2)
"""When a run counts as hanging, as in the stock agent, if nobody says otherwise."""
LONGEST_SUMMARY = 510

BEGINS = "Executing association"
"""What agents say when a run begins; while it goes on they say how far it is."""
DRIFT = "OSTLER-DRIFT"
"""How what differs begins in the error output of a document that only looks."""

# What goes wrong before a run has begun (agent/contracts: AssociationErrorCode…).
_BEFORE = frozenset({"InvalidAssoc", "InvalidExpression", "ListAssocError", "SubmitAssocError"})


class Trigger(StrEnum):
    """Why an association was applied."""

    CREATED = "created"
    UPDATED = "updated"
    SCHEDULE = "schedule"
    ONCE = "once"
    DOCUMENT = "document"
    PARAMETER = "parameter"
    NODE = "node"
    """A node is new, or ran it by itself."""


@dataclass(frozen=True, slots=True)
class Execution:
    """The limits are numbers of nodes."""

    id: str
    association: str
    version: int
    trigger: Trigger
    created: datetime
    max_concurrency: int
    max_errors: int
    tally: Tally = field(default_factory=dict)
    status: Status = Status.PENDING
    last: datetime | None = None
    ended: datetime | None = None

    @property
    def errors(self) -> int:
        return sum(n for status, n in self.tally.items() if status.error)


@dataclass(frozen=True, slots=True)
class Run:
    """An execution's share on one node.

    `bound` runs take up room; those of nodes that were away when it was their turn do not.
    """

    execution: str
    association: str
    node: NodeId
    status: Status
    bound: bool = True
    deadline: datetime | None = None
    ended: datetime | None = None
    last: datetime | None = None
    version: int = 1
    summary: str = ""
    error_code: str = ""
    output_url: str = ""


@dataclass(frozen=True, slots=True)
class Member:
    """How an association stands on one of its nodes now.

    `overtaken` says that the node was still at work on an earlier run when another became due: what
    it says is about that one until it begins anew.
    """

    association: str
    node: NodeId
    status: Status = Status.ASSOCIATED
    version: int = 1
    execution: str | None = None
    overtaken: bool = False
    ran: datetime | None = None
    succeeded: datetime | None = None
    summary: str = ""
    error_code: str = ""
    output_url: str = ""
    drift: str = ""


@dataclass(frozen=True, slots=True)
class Report:
    """What a node says of an association."""

    node: NodeId
    association: str
    status: Status
    at: datetime
    summary: str = ""
    error_code: str = ""
    output_url: str = ""

    @property
    def begins(self) -> bool:
        """Whether a run begins, or fails before it could."""
        return (
            self.status is Status.PENDING
            or (self.status is Status.IN_PROGRESS and self.summary.startswith(BEGINS))
            or (self.status is Status.FAILED and self.error_code in _BEFORE)
        )

    @property
    def drift(self) -> str:
        """What differs, if the run only looked and found something."""
        if self.status is not Status.FAILED or DRIFT not in self.summary:
            return ""
        # The stock agent adds how the script ended.
        told = self.summary.partition(DRIFT)[2].partition("\nfailed to run commands")[0]
        return told.strip().removesuffix(".")


class Hearing(StrEnum):
    """What is to be done with a report."""

    TAKEN = "taken"
    IGNORED = "ignored"
    BY_ITSELF = "by itself"
    """The node applies the association though nobody asked it to, and there is no execution."""


def hear(member: Member, report: Report) -> Hearing:
    """What a report means, given how the association stands on the node."""
    if member.overtaken and not report.begins:
        return Hearing.IGNORED
    if member.status.final or member.status is Status.ASSOCIATED:
        # Said again, or too late: what has ended stays as it ended.
        return Hearing.BY_ITSELF if report.begins else Hearing.IGNORED
    if member.status is Status.WAITING and not report.begins:
        return Hearing.IGNORED
    return Hearing.TAKEN
