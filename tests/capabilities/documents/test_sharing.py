"""Sharing: what other accounts may use, and how they find it."""

import json

import pytest

from ostler.capabilities.documents.errors import (
    DocumentPermissionLimit,
    InvalidDocument,
    InvalidDocumentOperation,
    InvalidDocumentVersion,
)
from ostler.foundation.errors import AccessDeniedException, ValidationException
from ostler.foundation.storage import Scope
from tests.capabilities.documents.conftest import Office, script
from tests.support.calls import Customer, allowing

GUESTS = [f"{number:012}" for number in range(1, 31)]


@pytest.fixture
def engine() -> str:
    """What differs between the databases is tested with the store."""
    return "sqlite"


@pytest.fixture
def arn(scope: Scope) -> str:
    return f"arn:aws:ssm:{scope.region}:{scope.account}:document/Hello"


async def make(customer: Customer, name: str = "Hello", lines: str = "a") -> None:
    first, *more = lines
    await customer.ask("CreateDocument", Name=name, Content=json.dumps(script(first)))
    for line in more:
        await customer.ask("UpdateDocument", Name=name, Content=json.dumps(script(line)))


async def share(customer: Customer, name: str = "Hello", *, take: object = (), **given: object):
    if take:
        given["AccountIdsToRemove"] = take
    return await customer.ask(
        "ModifyDocumentPermission", Name=name, PermissionType="Share", **given
    )


async def shares(customer: Customer, name: str = "Hello") -> dict[str, str]:
    answer = await customer.ask("DescribeDocumentPermission", Name=name, PermissionType="Share")
    found = {
        each["AccountId"]: each["SharedDocumentVersion"]
        for each in answer["AccountSharingInfoList"]
    }
    assert answer["AccountIds"] == list(found)
    return found


async def test_a_guest_uses_the_document_by_its_arn(customer, stranger, other_scope, arn):
    await make(customer)
    with pytest.raises(InvalidDocument, match="does not exist"):
        await stranger.ask("GetDocument", Name=arn)
    await share(customer, AccountIdsToAdd=[other_scope.account])
    got = await stranger.ask("GetDocument", Name=arn)

    assert (arn, "1") == (got["Name"], got["DocumentVersion"])
    assert script("a") == json.loads(got["Content"])


async def test_a_bare_name_never_means_somebody_elses_document(customer, stranger):
    """Otherwise a stranger could put a document under a name that one trusts."""
    await make(customer)
    await share(customer, AccountIdsToAdd=["all"])

    with pytest.raises(InvalidDocument):
        await stranger.ask("GetDocument", Name="Hello")


async def test_a_guest_needs_permission_on_the_owners_arn(
    office: Office, customer, other_scope, arn
):
    await make(customer)
    await share(customer, AccountIdsToAdd=[other_scope.account])
    reader = office.customer(other_scope, allowing("ssm:GetDocument", arn))
    await reader.ask("GetDocument", Name=arn)

    own_only = allowing("ssm:GetDocument", f"arn:aws:ssm:*:{other_scope.account}:document/*")
    with pytest.raises(AccessDeniedException, match=arn):
        await office.customer(other_scope, own_only).ask("GetDocument", Name=arn)


@pytest.mark.parametrize(
    ("shared", "asked", "version"),
    [
        (None, None, "1"),
        (None, "$DEFAULT", "1"),
        (None, "$LATEST", None),
        (None, "1", None),
        ("$LATEST", None, "3"),
        ("$LATEST", "$LATEST", "3"),
        ("$LATEST", "1", None),
        ("$ALL", None, "1"),
        ("$ALL", "$LATEST", "3"),
        ("$ALL", "2", "2"),
    ],
)
async def test_a_guest_gets_the_version_that_is_shared(
    customer, stranger, other_scope, arn, shared, asked, version
):
    await make(customer, lines="abc")
    which = {"SharedDocumentVersion": shared} if shared else {}
    await share(customer, AccountIdsToAdd=[other_scope.account], **which)
    given = {"DocumentVersion": asked} if asked else {}

    if version is None:
        with pytest.raises(InvalidDocumentVersion):
            await stranger.ask("GetDocument", Name=arn, **given)
        return
    assert version == (await stranger.ask("GetDocument", Name=arn, **given))["DocumentVersion"]
    listed = await stranger.ask("ListDocumentVersions", Name=arn)
    assert 1 == len(listed["DocumentVersions"])


async def test_a_guest_changes_nothing(customer, stranger, other_scope):
    await make(customer)
    await share(customer, AccountIdsToAdd=[other_scope.account])

    with pytest.raises(InvalidDocument):
        await stranger.ask("DeleteDocument", Name="Hello")
    with pytest.raises(InvalidDocument):
        await stranger.ask("UpdateDocument", Name="Hello", Content=json.dumps(script("x")))
    with pytest.raises(InvalidDocument):
        await share(stranger, AccountIdsToAdd=[other_scope.account])


async def test_shares_are_described(customer):
    await make(customer)
    await share(customer, AccountIdsToAdd=GUESTS[:2], SharedDocumentVersion="$LATEST")
    await share(customer, AccountIdsToAdd=[GUESTS[2]])

    assert {
        GUESTS[0]: "$LATEST",
        GUESTS[1]: "$LATEST",
        GUESTS[2]: "$DEFAULT",
    } == await shares(customer)


async def test_shares_are_described_in_pages(customer):
    await make(customer)
    await share(customer, AccountIdsToAdd=GUESTS[:20])
    await share(customer, AccountIdsToAdd=GUESTS[20:])
    pages = await customer.every(
        "DescribeDocumentPermission",
        "AccountIds",
        Name="Hello",
        PermissionType="Share",
        MaxResults=16,
    )

    assert [GUESTS[:16], GUESTS[16:]] == pages


async def test_removing_weighs_more_than_adding(customer):
    await make(customer)
    await share(customer, AccountIdsToAdd=GUESTS[:2], take=GUESTS[1:2])

    assert [GUESTS[0]] == list(await shares(customer))


async def test_everybody_is_written_in_any_case_and_goes_with_nobody_else(customer):
    await make(customer)
    with pytest.raises(DocumentPermissionLimit, match="either be all or a group"):
        await share(customer, AccountIdsToAdd=["All", GUESTS[0]])
    await share(customer, AccountIdsToAdd=["All"])
    assert ["all"] == list(await shares(customer))

    with pytest.raises(DocumentPermissionLimit):
        await share(customer, AccountIdsToAdd=[GUESTS[0]])
    await share(customer, AccountIdsToAdd=[GUESTS[0]], take=["ALL"])
    assert [GUESTS[0]] == list(await shares(customer))


async def test_five_documents_may_be_public(customer):
    for number in range(6):
        await customer.ask(
            "CreateDocument", Name=f"Public{number}", Content=json.dumps(script("date"))
        )
    for number in range(5):
        await share(customer, f"Public{number}", AccountIdsToAdd=["all"])

    with pytest.raises(DocumentPermissionLimit, match="5 documents"):
        await share(customer, "Public5", AccountIdsToAdd=["all"])
    assert {} == await shares(customer, "Public5")


async def test_nothing_to_change_is_refused(customer):
    await make(customer)

    with pytest.raises(ValidationException):
        await share(customer)


async def test_a_shared_document_is_not_deleted(customer, other_scope):
    await make(customer)
    await share(customer, AccountIdsToAdd=[other_scope.account])
    with pytest.raises(InvalidDocumentOperation, match="unshare"):
        await customer.ask("DeleteDocument", Name="Hello")
    await share(customer, take=[other_scope.account])

    await customer.ask("DeleteDocument", Name="Hello")


async def names(customer: Customer, **given: object) -> list[str]:
    pages = await customer.every("ListDocuments", "DocumentIdentifiers", MaxResults=3, **given)
    assert all(len(page) == 3 for page in pages[:-1])
    return [each["Name"] for page in pages for each in page]


def owner(value: str) -> dict[str, object]:
    return {"Filters": [{"Key": "Owner", "Values": [value]}]}


async def test_lists_show_whose_documents_are_asked_for(customer, stranger, other_scope, arn):
    for name in ("Hello", "Open", "Secret"):
        await make(customer, name)
    await share(customer, AccountIdsToAdd=[other_scope.account])
    await share(customer, "Open", AccountIdsToAdd=["all"])
    await make(stranger, "Mine")
    shipped = await names(stranger, **owner("Amazon"))
    public = arn.replace("Hello", "Open")

    assert "AWS-RunShellScript" in shipped
    assert ["Mine"] == await names(stranger, **owner("Self"))
    assert [arn] == await names(stranger, **owner("Private"))
    assert [*shipped, public] == await names(stranger, **owner("Public"))
    assert [] == await names(stranger, **owner("ThirdParty"))
    assert [*sorted([*shipped, "Mine"]), arn] == await names(stranger)
    assert ["Hello", "Open", "Secret"] == await names(customer, **owner("Self"))
    with pytest.raises(ValidationException, match="not an owner"):
        await names(stranger, **owner("Nobody"))


async def test_a_list_shows_guests_the_version_that_is_theirs(customer, stranger, other_scope):
    await make(customer, lines="ab")
    await share(customer, AccountIdsToAdd=[other_scope.account], SharedDocumentVersion="$LATEST")
    [found] = (await stranger.ask("ListDocuments", **owner("Private")))["DocumentIdentifiers"]

    assert "2" == found["DocumentVersion"]
    assert [] == found["Tags"]


async def test_a_setting_keeps_documents_from_everybody(customer):
    """What is shared already stays so; nothing more is."""
    await make(customer, "Early")
    await make(customer, "Late")
    await share(customer, "Early", AccountIdsToAdd=["all"])
    setting = {"SettingId": "/ssm/documents/console/public-sharing-permission"}
    await customer.ask("UpdateServiceSetting", SettingValue="Disable", **setting)

    with pytest.raises(AccessDeniedException, match="public-sharing-permission"):
        await share(customer, "Late", AccountIdsToAdd=["all"])
    await share(customer, "Late", AccountIdsToAdd=["444455556666"])
    assert ["all"] == list(await shares(customer, "Early"))

    await customer.ask("ResetServiceSetting", **setting)
    await share(customer, "Late", AccountIdsToRemove=["444455556666"])
    await share(customer, "Late", AccountIdsToAdd=["all"])
