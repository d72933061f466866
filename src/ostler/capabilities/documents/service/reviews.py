"""Reviews: asking for one, answering, and what was answered so far."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from ostler.capabilities.documents.errors import (
    InvalidDocument,
    InvalidDocumentOperation,
    InvalidDocumentVersion,
)
from ostler.capabilities.documents.model.documents import (
    DocumentVersion,
    ReviewStatus,
    Selection,
)
from ostler.capabilities.documents.model.reviews import Action, Review, outcome
from ostler.capabilities.documents.service.authoring import author_of
from ostler.capabilities.documents.store import documents, reviews
from ostler.foundation.call import Call
from ostler.foundation.clock import Clock
from ostler.foundation.paging import Page, PageRequest
from ostler.foundation.storage import Storage, Transaction


@dataclass(frozen=True, slots=True)
class History:
    """A version, and a page of the responses to its review, the newest first."""

    version: DocumentVersion
    responses: Page[Review]


class Reviews:
    """What people think of a version before others use it."""

    def __init__(self, storage: Storage, clock: Clock) -> None:
        self._storage = storage
        self._clock = clock

    async def respond(
        self,
        call: Call,
        name: str,
        version: str | None,
        action: Action,
        comment: str | None,
    ) -> None:
        """Ask for a review, or answer one; the version is the latest unless one is named."""
        await call.allow(call.arn("document", name))
        reviewer = author_of(call)

        def change(tx: Transaction) -> None:
            found = _version(tx, name, version)
            number = int(found.version)
            status = outcome(action, found.review_status)
            if action is Action.UPDATE and self._amend(tx, found, reviewer, comment):
                return
            if action is Action.SEND:
                _expect_none_pending(tx, name)
            if action is Action.APPROVE:
                _replace_approved(tx, name)
            now = self._clock.now()
            documents.change_version(tx, name, number, review_status=status)
            following = reviews.next_number(tx, name, number)
            response = Review(following, status, reviewer, comment, now, now)
            reviews.add(tx, name, number, response)

        await self._storage.write(call.scope, change)

    async def history(
        self, call: Call, name: str, version: str | None, asked: PageRequest
    ) -> History:
        """The responses to a version's review."""
        await call.allow(call.arn("document", name))
        before = asked.after[0] if asked.after else None

        def look(tx: Transaction) -> History:
            found = _version(tx, name, version)
            some = reviews.page(tx, name, int(found.version), before, asked.limit + 1)
            return History(found, Page.cut(some, asked.limit, lambda review: (review.number,)))

        return await self._storage.read(call.scope, look)

    def _amend(
        self, tx: Transaction, version: DocumentVersion, reviewer: str, comment: str | None
    ) -> bool:
        """Change the reviewer's own last comment on the version, if there is one."""
        number = int(version.version)
        own: Sequence[Review] = [
            review for review in reviews.of(tx, version.name, number) if review.reviewer == reviewer
        ]
        if own:
            amended = replace(own[0], comment=comment, updated=self._clock.now())
            reviews.change(tx, version.name, number, amended)
        return bool(own)


def _version(tx: Transaction, name: str, version: str | None) -> DocumentVersion:
    head = documents.find(tx, name)
    if head is None:
        raise InvalidDocument(f"Document with name {name} does not exist.")
    found = documents.read(tx, head, Selection(version or "$LATEST"))
    if found is None:
        raise InvalidDocumentVersion("The document version is not valid or does not exist.")
    return found


def _expect_none_pending(tx: Transaction, name: str) -> None:
    pending = documents.reviewed(tx, name, ReviewStatus.PENDING)
    if pending is not None:
        raise InvalidDocumentOperation(f"Version {pending} of the document is in review.")


def _replace_approved(tx: Transaction, name: str) -> None:
    """As AWS has it: one version is approved at a time, and the one before becomes rejected."""
    approved = documents.reviewed(tx, name, ReviewStatus.APPROVED)
    if approved is not None:
        documents.change_version(tx, name, approved, review_status=ReviewStatus.REJECTED)
