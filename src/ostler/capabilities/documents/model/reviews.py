"""Reviews: who asked for one, and what the reviewers answered."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from ostler.capabilities.documents.errors import InvalidDocumentOperation
from ostler.capabilities.documents.model.documents import ReviewStatus


class Action(StrEnum):
    """What can be done about a review."""

    SEND = "SendForReview"
    UPDATE = "UpdateReview"
    APPROVE = "Approve"
    REJECT = "Reject"


@dataclass(frozen=True, slots=True)
class Review:
    """One response: asking for a review is the first of them."""

    number: int
    status: ReviewStatus
    reviewer: str
    comment: str | None
    created: datetime
    updated: datetime


def outcome(action: Action, status: ReviewStatus) -> ReviewStatus:
    """What a version's review becomes; InvalidDocumentOperation when it cannot."""
    match action:
        case Action.SEND if status is not ReviewStatus.PENDING:
            return ReviewStatus.PENDING
        case Action.SEND:
            raise InvalidDocumentOperation("This version is in review already.")
        case Action.APPROVE | Action.REJECT if status is not ReviewStatus.PENDING:
            raise InvalidDocumentOperation("This version was not sent for review.")
        case Action.APPROVE:
            return ReviewStatus.APPROVED
        case Action.REJECT:
            return ReviewStatus.REJECTED
        case Action.UPDATE:
            return status
