"""Reviews: asked for, answered, and remembered."""

import json
from datetime import timedelta

import pytest

from ostler.capabilities.documents.errors import InvalidDocumentOperation, InvalidDocumentVersion
from tests.capabilities.documents.conftest import script
from tests.support.calls import Customer


@pytest.fixture
def engine() -> str:
    """What differs between the databases is tested with the store."""
    return "sqlite"


async def make(customer: Customer, lines: str = "ab") -> None:
    first, *more = lines
    await customer.ask("CreateDocument", Name="Plan", Content=json.dumps(script(first)))
    for line in more:
        await customer.ask("UpdateDocument", Name="Plan", Content=json.dumps(script(line)))


async def review(customer: Customer, action: str, comment: str = "", version: str = "") -> None:
    given: dict[str, object] = {"Action": action}
    if comment:
        given["Comment"] = [{"Type": "Comment", "Content": comment}]
    which = {"DocumentVersion": version} if version else {}
    await customer.ask("UpdateDocumentMetadata", Name="Plan", DocumentReviews=given, **which)


async def describe(customer: Customer, version: str) -> dict[str, object]:
    asked = await customer.ask("DescribeDocument", Name="Plan", DocumentVersion=version)
    members = ("ReviewStatus", "ApprovedVersion", "PendingReviewVersion")
    return {name: asked["Document"].get(name) for name in members}


async def test_a_version_is_sent_for_review_and_approved(customer):
    await make(customer)
    await review(customer, "SendForReview", "Please look.")
    assert {
        "ReviewStatus": "PENDING",
        "ApprovedVersion": None,
        "PendingReviewVersion": "2",
    } == await describe(customer, "2")
    await review(customer, "Approve", "Good.")

    assert {
        "ReviewStatus": "APPROVED",
        "ApprovedVersion": "2",
        "PendingReviewVersion": None,
    } == await describe(customer, "2")
    assert None is (await describe(customer, "1"))["ReviewStatus"]


async def test_the_version_approved_before_becomes_rejected(customer):
    await make(customer)
    for version in "12":
        await review(customer, "SendForReview", version=version)
        await review(customer, "Approve", version=version)

    assert "REJECTED" == (await describe(customer, "1"))["ReviewStatus"]
    assert "2" == (await describe(customer, "1"))["ApprovedVersion"]


async def test_one_version_is_in_review_at_a_time(customer):
    await make(customer)
    await review(customer, "SendForReview", version="1")

    with pytest.raises(InvalidDocumentOperation, match="Version 1"):
        await review(customer, "SendForReview", version="2")
    with pytest.raises(InvalidDocumentOperation, match="already"):
        await review(customer, "SendForReview", version="1")


async def test_only_what_was_sent_is_answered(customer):
    await make(customer)

    for action in ("Approve", "Reject"):
        with pytest.raises(InvalidDocumentOperation, match="not sent"):
            await review(customer, action)
    with pytest.raises(InvalidDocumentVersion):
        await review(customer, "SendForReview", version="9")


async def test_what_was_rejected_can_be_sent_again(customer):
    await make(customer)
    await review(customer, "SendForReview")
    await review(customer, "Reject", "No.")
    await review(customer, "SendForReview")

    assert "PENDING" == (await describe(customer, "2"))["ReviewStatus"]


async def history(customer: Customer, **given: object) -> list[list[object]]:
    pages = []
    while True:
        answer = await customer.ask(
            "ListDocumentMetadataHistory", Name="Plan", Metadata="DocumentReviews", **given
        )
        pages.append(answer["Metadata"]["ReviewerResponse"])
        if "NextToken" not in answer:
            return pages
        given["NextToken"] = answer["NextToken"]


async def test_the_history_tells_who_answered_what_and_when(customer, clock):
    await make(customer)
    asked = clock.now()
    await review(customer, "SendForReview", "Please look.")
    await clock.advance(timedelta(hours=1))
    await review(customer, "Approve")
    told = {"Reviewer": "tester"}

    assert [
        [
            {
                "CreateTime": clock.now(),
                "UpdatedTime": clock.now(),
                "ReviewStatus": "APPROVED",
                "Comment": [],
                **told,
            },
            {
                "CreateTime": asked,
                "UpdatedTime": asked,
                "ReviewStatus": "PENDING",
                "Comment": [{"Type": "Comment", "Content": "Please look."}],
                **told,
            },
        ]
    ] == await history(customer)
    assert [[]] == await history(customer, DocumentVersion="1")


async def test_a_comment_is_amended_in_place(customer, clock):
    await make(customer)
    await review(customer, "SendForReview", "Plaese look.")
    await clock.advance(timedelta(hours=1))
    await review(customer, "UpdateReview", "Please look.")
    [[response]] = await history(customer)

    assert [{"Type": "Comment", "Content": "Please look."}] == response["Comment"]
    assert timedelta(hours=1) == response["UpdatedTime"] - response["CreateTime"]
    assert "PENDING" == response["ReviewStatus"]


async def test_the_history_comes_in_pages_newest_first(customer):
    await make(customer)
    for number in range(2):
        await review(customer, "SendForReview", f"Look {number}.")
        await review(customer, "Reject", f"No {number}.")
    pages = await history(customer, MaxResults=3)

    assert [["No 1.", "Look 1.", "No 0."], ["Look 0."]] == [
        [response["Comment"][0]["Content"] for response in page] for page in pages
    ]
