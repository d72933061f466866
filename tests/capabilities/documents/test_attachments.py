"""Attachments: brought in the background, checked, linked, and forgotten."""

import hashlib
import json
from contextlib import suppress
from datetime import timedelta

import pytest

from ostler.capabilities.documents import Unfetched
from ostler.capabilities.documents.errors import InvalidDocument
from ostler.foundation.errors import AccessDeniedException, NotYetImplemented, ValidationException
from tests.capabilities.documents.conftest import Office, script
from tests.support.calls import Customer, allowing

FILE = b"echo hello\n"
SUM = hashlib.sha256(FILE).hexdigest()


@pytest.fixture
def engine() -> str:
    """What differs between the databases is tested with the store."""
    return "sqlite"


def source(value: str, kind: str = "S3FileUrl", name: str = "") -> dict[str, object]:
    return {"Key": kind, "Values": [value]} | ({"Name": name} if name else {})


async def make(customer: Customer, *sources: dict[str, object], name: str = "Tool", **given):
    content = {"Content": json.dumps(script())} | given
    answer = await customer.ask("CreateDocument", Name=name, Attachments=list(sources), **content)
    return answer["DocumentDescription"]


async def describe(customer: Customer, name: str = "Tool"):
    return (await customer.ask("DescribeDocument", Name=name))["Document"]


async def test_a_document_is_active_once_its_attachments_are_here(office: Office, customer, scope):
    office.shelf.files["shelf://files/run.sh"] = FILE
    assert "Creating" == (await make(customer, source("shelf://files/run.sh")))["Status"]
    with pytest.raises(InvalidDocument, match="not active"):
        await office.documents.resolve(office.call(scope), "Tool")
    await office.timers.run_due()
    described = await describe(customer)

    assert ("Active", [{"Name": "run.sh"}]) == (
        described["Status"],
        described["AttachmentsInformation"],
    )
    assert [
        {
            "Name": "run.sh",
            "Size": len(FILE),
            "Hash": SUM,
            "HashType": "Sha256",
            "Url": f"https://blobs.test/{scope.account}/run.sh",
        }
    ] == (await customer.ask("GetDocument", Name="Tool"))["AttachmentsContent"]


async def test_a_network_that_fails_is_tried_again(office: Office, customer, clock):
    office.shelf.files["shelf://files/run.sh"] = FILE
    office.shelf.failures = 1
    await make(customer, source("shelf://files/run.sh"))
    with pytest.raises(Unfetched):
        await office.timers.run_due()
    assert "Creating" == (await describe(customer))["Status"]
    await clock.advance(timedelta(minutes=1))
    await office.timers.run_due()

    assert "Active" == (await describe(customer))["Status"]


async def test_a_source_that_is_not_there_fails_the_version_and_says_so(office: Office, customer):
    await make(customer, source("shelf://files/none.sh"))
    await office.timers.run_due()
    described = await describe(customer)

    assert ("Failed", "There is no shelf://files/none.sh.") == (
        described["Status"],
        described["StatusInformation"],
    )


async def test_a_network_that_stays_down_fails_the_version(office: Office, customer, clock):
    office.shelf.failures = 99
    await make(customer, source("shelf://files/run.sh"))
    for _ in range(5):
        with suppress(Unfetched):
            await office.timers.run_due()
        await clock.advance(timedelta(minutes=5))

    assert "Failed" == (await describe(customer))["Status"]


MANIFEST = {
    "schemaVersion": "2.0",
    "version": "1.0.0",
    "packages": {"ubuntu": {"_any": {"x86_64": {"file": "tool.zip"}}}},
    "files": {"tool.zip": {"checksums": {"sha256": SUM}}},
}


async def test_a_package_takes_its_files_from_a_folder_and_checks_them(office: Office, customer):
    office.shelf.files["shelf://packages/tool.zip"] = FILE
    manifest = {"Content": json.dumps(MANIFEST), "DocumentType": "Package"}
    await make(customer, source("shelf://packages/", "SourceUrl"), **manifest)
    office.shelf.files["shelf://other/tool.zip"] = b"something else"
    await make(customer, source("shelf://other", "SourceUrl"), name="Other", **manifest)
    await office.timers.run_due()

    assert ("Active", ["Linux"]) == (
        (await describe(customer))["Status"],
        (await describe(customer))["PlatformTypes"],
    )
    failed = await describe(customer, "Other")
    assert "Failed" == failed["Status"]
    assert "checksum of tool.zip" in failed["StatusInformation"]


async def test_an_attachment_of_another_document_is_used_again(office: Office, customer, scope):
    office.shelf.files["shelf://files/run.sh"] = FILE
    await make(customer, source("shelf://files/run.sh"))
    await office.timers.run_due()
    reference = source("Tool/1/run.sh", "AttachmentReference", "again.sh")
    await make(customer, reference, name="Second")
    await office.timers.run_due()
    await customer.ask("DeleteDocument", Name="Tool")
    await office.timers.run_due()
    [attachment] = (await customer.ask("GetDocument", Name="Second"))["AttachmentsContent"]

    assert ("again.sh", SUM) == (attachment["Name"], attachment["Hash"])
    assert [FILE] == [await office.blobs.get(each.key) for each in await office.blobs.list()]


async def test_an_attachment_of_a_shared_document_is_named_by_arn(
    office: Office, customer, stranger, scope, other_scope
):
    office.shelf.files["shelf://files/run.sh"] = FILE
    await make(customer, source("shelf://files/run.sh"))
    await office.timers.run_due()
    arn = f"arn:aws:ssm:{scope.region}:{scope.account}:document/Tool"
    reference = source(f"{arn}/1/run.sh", "AttachmentReference")
    with pytest.raises(ValidationException, match="does not exist"):
        await make(stranger, reference)
    await customer.ask(
        "ModifyDocumentPermission",
        Name="Tool",
        PermissionType="Share",
        AccountIdsToAdd=[other_scope.account],
        SharedDocumentVersion="$ALL",
    )
    await make(stranger, reference)
    await office.timers.run_due()

    assert "Active" == (await describe(stranger))["Status"]


async def test_to_use_an_attachment_one_must_be_allowed_to_read_its_document(
    office: Office, customer, scope
):
    office.shelf.files["shelf://files/run.sh"] = FILE
    await make(customer, source("shelf://files/run.sh"))
    await office.timers.run_due()
    author = office.customer(scope, allowing("ssm:CreateDocument"))

    with pytest.raises(AccessDeniedException, match="ssm:GetDocument"):
        await make(author, source("Tool/1/run.sh", "AttachmentReference"), name="Second")


async def test_what_is_deleted_takes_its_attachments_along(office: Office, customer):
    office.shelf.files["shelf://files/run.sh"] = FILE
    await make(customer, source("shelf://files/run.sh"))
    await office.timers.run_due()
    await customer.ask("DeleteDocument", Name="Tool")
    await office.timers.run_due()

    assert [] == await office.blobs.list()


async def test_what_is_deleted_before_its_attachments_came_leaves_none(office: Office, customer):
    office.shelf.files["shelf://files/run.sh"] = FILE
    await make(customer, source("shelf://files/run.sh"))
    await customer.ask("DeleteDocument", Name="Tool")
    await office.timers.run_due()

    assert [] == await office.blobs.list()


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (source("shelf://files/x y.sh"), "not a name"),
        (source("shelf://files/", "SourceUrl"), "is a folder"),
        (source("Tool/1", "AttachmentReference"), "NAME/3/FILE"),
    ],
)
async def test_unclear_sources_are_refused(customer, given, message):
    with pytest.raises(ValidationException, match=message):
        await make(customer, given)


async def test_a_reference_to_a_file_that_is_not_there(customer):
    await customer.ask("CreateDocument", Name="Plain", Content=json.dumps(script()))

    with pytest.raises(ValidationException, match=r"no attachment run\.sh"):
        await make(customer, source("Plain/1/run.sh", "AttachmentReference"))


async def test_two_attachments_of_one_name_are_refused(customer):
    with pytest.raises(ValidationException, match="twice"):
        await make(customer, source("shelf://a/run.sh"), source("shelf://b/run.sh"))


async def test_a_scheme_that_nobody_reads_is_not_yet(customer):
    with pytest.raises(NotYetImplemented, match=r"s3://bucket/run\.sh"):
        await make(customer, source("s3://bucket/run.sh"))
