"""Reviews as they are kept: every response to every version's review."""

from collections.abc import Sequence

from sqlalchemy import func, insert, select, update

from ostler.capabilities.documents.model.documents import ReviewStatus
from ostler.capabilities.documents.model.reviews import Review
from ostler.capabilities.documents.store.tables import reviews
from ostler.foundation.storage import Transaction


def of(tx: Transaction, name: str, version: int) -> Sequence[Review]:
    """The responses, the newest first."""
    return page(tx, name, version, None, None)


def page(
    tx: Transaction, name: str, version: int, before: int | None, limit: int | None
) -> Sequence[Review]:
    """Some of the responses, the newest first."""
    query = select(reviews).where(reviews.c.name == name, reviews.c.version == version)
    if before is not None:
        query = query.where(reviews.c.number < before)
    if limit is not None:
        query = query.limit(limit)
    return [
        Review(
            row.number,
            ReviewStatus(row.status),
            row.reviewer,
            row.comment,
            row.created,
            row.updated,
        )
        for row in tx.all(query.order_by(reviews.c.number.desc()))
    ]


def next_number(tx: Transaction, name: str, version: int) -> int:
    """The number of the response that comes next."""
    last = tx.scalar(
        select(func.max(reviews.c.number)).where(
            reviews.c.name == name, reviews.c.version == version
        )
    )
    return (last or 0) + 1


def add(tx: Transaction, name: str, version: int, review: Review) -> None:
    """Keep a response."""
    tx.execute(
        insert(reviews).values(
            name=name,
            version=version,
            number=review.number,
            status=review.status,
            reviewer=review.reviewer,
            comment=review.comment,
            created=review.created,
            updated=review.updated,
        )
    )


def change(tx: Transaction, name: str, version: int, review: Review) -> None:
    """Replace a response's comment."""
    tx.execute(
        update(reviews)
        .where(
            reviews.c.name == name,
            reviews.c.version == version,
            reviews.c.number == review.number,
        )
        .values(comment=review.comment, updated=review.updated)
    )
