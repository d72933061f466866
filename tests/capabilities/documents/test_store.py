"""What is kept, on both engines: the tables are as declared, and lists keep their order."""

import asyncio
import json

import pytest

from ostler.capabilities.documents.errors import DocumentAlreadyExists
from ostler.capabilities.documents.migrations import MIGRATIONS
from ostler.capabilities.documents.store.tables import metadata
from tests.capabilities.documents.conftest import Office, script
from tests.support.databases import assert_schema_matches


def test_the_migrations_make_the_tables():
    assert_schema_matches(MIGRATIONS, metadata)


NAMES = ["A_b", "A.b", "Zebra", "a-b", "aBc", "abc", "zebra"]


async def test_everything_about_documents_on_this_engine(
    office: Office, customer, stranger, scope, other_scope
):
    """One walk through every statement: a database differs in statements, not in rules."""
    office.shelf.files["shelf://x/run.sh"] = b"date"
    for name in NAMES:
        await customer.ask(
            "CreateDocument",
            Name=name,
            Content=json.dumps(script(name)),
            VersionName="one",
            Tags=[{"Key": "Case", "Value": name}],
            Attachments=[{"Key": "S3FileUrl", "Values": ["shelf://x/run.sh"]}],
        )
    await office.timers.run_due()
    await customer.ask("UpdateDocument", Name="abc", Content=json.dumps(script("2")))
    await customer.ask("UpdateDocumentDefaultVersion", Name="abc", DocumentVersion="2")
    versions = await customer.every(
        "ListDocumentVersions", "DocumentVersions", Name="abc", MaxResults=1
    )
    assert ["2", "1"] == [page[0]["DocumentVersion"] for page in versions]

    filters = [
        {"Key": "Owner", "Values": ["Self"]},
        {"Key": "PlatformTypes", "Values": ["Linux"]},
        {"Key": "DocumentType", "Values": ["Command"]},
        {"Key": "SearchKeyword", "Values": ["b"]},
    ]
    pages = await customer.every(
        "ListDocuments", "DocumentIdentifiers", Filters=filters, MaxResults=2
    )
    assert sorted(NAMES) == [each["Name"] for page in pages for each in page]
    tagged = await customer.ask(
        "ListDocuments",
        Filters=[{"Key": "tag:Case", "Values": ["aBc"]}, {"Key": "Name", "Values": ["a"]}],
    )
    assert ["aBc"] == [each["Name"] for each in tagged["DocumentIdentifiers"]]

    for name in NAMES:
        await customer.ask(
            "ModifyDocumentPermission",
            Name=name,
            PermissionType="Share",
            AccountIdsToAdd=[other_scope.account],
            SharedDocumentVersion="$LATEST",
        )
    private = [{"Key": "Owner", "Values": ["Private"]}]
    pages = await stranger.every(
        "ListDocuments", "DocumentIdentifiers", Filters=private, MaxResults=3
    )
    prefix = f"arn:aws:ssm:{scope.region}:{scope.account}:document/"
    assert [prefix + name for name in sorted(NAMES)] == [
        each["Name"] for page in pages for each in page
    ]
    await customer.ask(
        "ModifyDocumentPermission",
        Name="abc",
        PermissionType="Share",
        AccountIdsToRemove=[other_scope.account],
    )

    for action in ("SendForReview", "UpdateReview", "Approve"):
        await customer.ask("UpdateDocumentMetadata", Name="abc", DocumentReviews={"Action": action})
    history = await customer.ask(
        "ListDocumentMetadataHistory", Name="abc", Metadata="DocumentReviews"
    )
    assert 2 == len(history["Metadata"]["ReviewerResponse"])
    described = (await customer.ask("DescribeDocument", Name="abc"))["Document"]
    assert "2" == described["ApprovedVersion"]
    await customer.ask("DeleteDocument", Name="abc", VersionName="one")
    await customer.ask("DeleteDocument", Name="abc")


async def test_one_of_many_who_create_at_once_succeeds(customer):
    content = json.dumps(script())
    answers = await asyncio.gather(
        *(customer.ask("CreateDocument", Name="Race", Content=content) for _ in range(8)),
        return_exceptions=True,
    )

    assert 7 == sum(isinstance(answer, DocumentAlreadyExists) for answer in answers)


async def test_many_who_update_at_once_get_a_number_each(customer):
    await customer.ask("CreateDocument", Name="Race", Content=json.dumps(script("0")))
    answers = await asyncio.gather(
        *(
            customer.ask("UpdateDocument", Name="Race", Content=json.dumps(script(str(number))))
            for number in range(1, 9)
        )
    )

    assert [str(number) for number in range(2, 10)] == sorted(
        (answer["DocumentDescription"]["DocumentVersion"] for answer in answers), key=int
    )


@pytest.mark.parametrize("line", ["ünïcode ✓ 𝄞", "a\\0b", "{{ x"])
async def test_content_is_kept_to_the_last_character(customer, line):
    content = json.dumps(script(line), ensure_ascii=False)
    await customer.ask("CreateDocument", Name="Text", Content=content)

    assert content == (await customer.ask("GetDocument", Name="Text"))["Content"]
