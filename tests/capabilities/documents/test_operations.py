"""The operations on documents, as a customer sees them."""

import hashlib
import json

import pytest

from ostler.capabilities.documents.errors import (
    AssociatedInstances,
    DocumentAlreadyExists,
    DuplicateDocumentContent,
    DuplicateDocumentVersionName,
    InvalidDocument,
    InvalidDocumentContent,
    InvalidDocumentOperation,
    InvalidDocumentSchemaVersion,
    InvalidDocumentVersion,
    MaxDocumentSizeExceeded,
)
from ostler.foundation.errors import (
    AccessDeniedException,
    InvalidNextToken,
    NotYetImplemented,
    ValidationException,
)
from ostler.foundation.storage import Scope
from tests.capabilities.documents.conftest import Office, script
from tests.support.calls import NOBODY, Customer, allowing


@pytest.fixture
def engine() -> str:
    """What differs between the databases is tested with the store."""
    return "sqlite"


MISSING = "Document with name Nope does not exist."


def content(line: str = "date", **members: object) -> str:
    return json.dumps(script(line, **members))


async def make(customer: Customer, name: str = "Hello", line: str = "date", **given: object):
    return (await customer.ask("CreateDocument", Name=name, Content=content(line), **given))[
        "DocumentDescription"
    ]


async def test_a_new_document_is_described(customer, clock, scope):
    text = content(
        description="Says hello.",
        parameters={
            "who": {"type": "String", "description": "Whom to greet."},
            "times": {"type": "Integer", "default": 3},
            "words": {"type": "StringList", "default": ["a", "b"]},
        },
    )
    answer = await customer.ask(
        "CreateDocument",
        Name="Hello",
        Content=text,
        DocumentType="Command",
        DocumentFormat="JSON",
        VersionName="Release1.1",
        DisplayName="Say hello",
        TargetType="/AWS::EC2::Instance",
        Tags=[{"Key": "Team", "Value": "red"}],
        Requires=[{"Name": "Other", "Version": "1"}],
    )
    expected = {
        "Name": "Hello",
        "Owner": scope.account,
        "Author": "tester",
        "CreatedDate": clock.now(),
        "Status": "Active",
        "DocumentVersion": "1",
        "DefaultVersion": "1",
        "LatestVersion": "1",
        "VersionName": "Release1.1",
        "DisplayName": "Say hello",
        "TargetType": "/AWS::EC2::Instance",
        "Description": "Says hello.",
        "DocumentType": "Command",
        "DocumentFormat": "JSON",
        "SchemaVersion": "2.2",
        "PlatformTypes": ["Linux", "MacOS"],
        "Hash": hashlib.sha256(text.encode()).hexdigest(),
        "HashType": "Sha256",
        "Parameters": [
            {"Name": "who", "Type": "String", "Description": "Whom to greet."},
            {"Name": "times", "Type": "Integer", "DefaultValue": "3"},
            {"Name": "words", "Type": "StringList", "DefaultValue": '["a","b"]'},
        ],
        "Tags": [{"Key": "Team", "Value": "red"}],
        "Requires": [{"Name": "Other", "Version": "1"}],
    }

    assert expected == answer["DocumentDescription"]
    assert expected == (await customer.ask("DescribeDocument", Name="Hello"))["Document"]


async def test_content_comes_back_as_it_was_given(customer, clock):
    text = "# a comment\nschemaVersion: '2.2'\nmainSteps:\n- action: aws:runShellScript\n"
    text += "  name: run\n  inputs:\n    runCommand: [date]\n"
    await customer.ask("CreateDocument", Name="Yaml", Content=text, DocumentFormat="YAML")

    assert {
        "Name": "Yaml",
        "CreatedDate": clock.now(),
        "DocumentVersion": "1",
        "Status": "Active",
        "Content": text,
        "DocumentType": "Command",
        "DocumentFormat": "YAML",
    } == await customer.ask("GetDocument", Name="Yaml", DocumentFormat="YAML")


async def test_content_is_converted_to_the_format_asked_for_json_by_default(customer):
    text = "# a comment\nschemaVersion: '2.2'\nmainSteps:\n- action: aws:runShellScript\n"
    text += "  name: run\n  inputs:\n    runCommand: [date]\n"
    await customer.ask("CreateDocument", Name="Yaml", Content=text, DocumentFormat="YAML")
    got = await customer.ask("GetDocument", Name="Yaml")

    assert "JSON" == got["DocumentFormat"]
    assert script() == json.loads(got["Content"])


async def test_a_name_can_be_an_arn(customer, scope):
    await make(customer)
    arn = f"arn:aws:ssm:{scope.region}:{scope.account}:document/Hello"

    assert "Hello" == (await customer.ask("GetDocument", Name=arn))["Name"]


async def test_a_document_lives_in_one_region(customer, elsewhere, scope):
    await make(customer)
    arn = f"arn:aws:ssm:{scope.region}:{scope.account}:document/Hello"

    for name in ("Hello", arn):
        with pytest.raises(InvalidDocument, match="does not exist"):
            await elsewhere.ask("GetDocument", Name=name)


@pytest.mark.parametrize(
    ("operation", "given"),
    [
        ("GetDocument", {}),
        ("DescribeDocument", {}),
        ("DeleteDocument", {}),
        ("ListDocumentVersions", {}),
        ("UpdateDocument", {"Content": content()}),
        ("UpdateDocumentDefaultVersion", {"DocumentVersion": "1"}),
        ("DescribeDocumentPermission", {"PermissionType": "Share"}),
        ("ModifyDocumentPermission", {"PermissionType": "Share", "AccountIdsToAdd": ["all"]}),
        ("UpdateDocumentMetadata", {"DocumentReviews": {"Action": "Approve"}}),
        ("ListDocumentMetadataHistory", {"Metadata": "DocumentReviews"}),
    ],
)
async def test_what_there_is_not_is_said_in_words_that_clients_look_for(
    office: Office, customer, scope, operation, given
):
    with pytest.raises(InvalidDocument) as refused:
        await customer.ask(operation, Name="Nope", **given)
    assert MISSING == refused.value.message

    with pytest.raises(AccessDeniedException, match="document/Nope"):
        await office.customer(scope, NOBODY).ask(operation, Name="Nope", **given)


async def test_a_name_is_taken_once(customer):
    await make(customer)

    with pytest.raises(DocumentAlreadyExists) as refused:
        await make(customer)
    assert "Document with same name Hello already exists" == refused.value.message


@pytest.mark.parametrize("name", ["AWS-Mine", "aws_mine", "Amazon.Mine", "AMZN-Mine"])
async def test_some_prefixes_are_the_houses_own(customer, name):
    with pytest.raises(ValidationException, match="reserved"):
        await make(customer, name)


async def test_unsound_content_changes_nothing(customer):
    with pytest.raises(InvalidDocumentContent, match="Line: 1, Column: 6"):
        await customer.ask("CreateDocument", Name="Bad", Content="https://x.test/doc.json")
    with pytest.raises(InvalidDocumentSchemaVersion, match=r"0\.3"):
        await customer.ask("CreateDocument", Name="Bad", Content='{"schemaVersion": "0.3"}')
    with pytest.raises(MaxDocumentSizeExceeded):
        await customer.ask("CreateDocument", Name="Bad", Content=content("x" * 70_000))
    with pytest.raises(InvalidDocumentContent, match="JSON or YAML"):
        await make(customer, "Bad", DocumentFormat="TEXT")

    with pytest.raises(InvalidDocument):
        await customer.ask("GetDocument", Name="Bad")


async def test_types_that_no_capability_uses_yet_are_named(customer):
    with pytest.raises(NotYetImplemented, match="Automation"):
        await make(customer, DocumentType="Automation")


async def test_a_session_document_is_kept(customer):
    text = json.dumps(
        {
            "schemaVersion": "1.0",
            "description": "Preferences",
            "sessionType": "Standard_Stream",
            "inputs": {"runAsEnabled": True, "idleSessionTimeout": "20"},
        }
    )
    name = "SSM-SessionManagerRunShell"
    await customer.ask("CreateDocument", Name=name, Content=text, DocumentType="Session")
    described = (await customer.ask("DescribeDocument", Name=name))["Document"]

    assert ("Session", "1.0") == (described["DocumentType"], described["SchemaVersion"])


async def test_an_update_is_a_new_version_and_not_the_default(customer):
    await make(customer, VersionName="one", DisplayName="Hello", TargetType="/")
    answer = await customer.ask(
        "UpdateDocument", Name="Hello", Content=content("uptime"), DocumentVersion="$LATEST"
    )
    newer = answer["DocumentDescription"]

    assert ("2", "1", "2") == (
        newer["DocumentVersion"],
        newer["DefaultVersion"],
        newer["LatestVersion"],
    )
    assert ("Hello", "/") == (newer["DisplayName"], newer["TargetType"])
    assert "1" == (await customer.ask("GetDocument", Name="Hello"))["DocumentVersion"]


@pytest.mark.parametrize(
    ("given", "version"),
    [
        ({}, "2"),
        ({"DocumentVersion": "$DEFAULT"}, "2"),
        ({"DocumentVersion": "$LATEST"}, "3"),
        ({"DocumentVersion": "1"}, "1"),
        ({"VersionName": "one"}, "1"),
        ({"VersionName": "one", "DocumentVersion": "1"}, "1"),
    ],
)
async def test_versions_are_selected_by_number_variable_and_name(customer, given, version):
    await make(customer, VersionName="one")
    await customer.ask("UpdateDocument", Name="Hello", Content=content("b"))
    await customer.ask("UpdateDocument", Name="Hello", Content=content("c"))
    await customer.ask("UpdateDocumentDefaultVersion", Name="Hello", DocumentVersion="2")

    assert version == (await customer.ask("GetDocument", Name="Hello", **given))["DocumentVersion"]


@pytest.mark.parametrize(
    "given",
    [
        {"DocumentVersion": "2"},
        {"DocumentVersion": "99999999999999999999"},
        {"VersionName": "two"},
        {"VersionName": "one", "DocumentVersion": "2"},
    ],
)
async def test_a_version_that_there_is_not(customer, given):
    await make(customer, VersionName="one")

    for operation in ("GetDocument", "DescribeDocument"):
        with pytest.raises(InvalidDocumentVersion):
            await customer.ask(operation, Name="Hello", **given)


async def test_an_update_must_know_the_latest_version(customer):
    await make(customer)
    await customer.ask("UpdateDocument", Name="Hello", Content=content("b"), DocumentVersion="1")

    with pytest.raises(InvalidDocumentVersion):
        await customer.ask(
            "UpdateDocument", Name="Hello", Content=content("c"), DocumentVersion="1"
        )


async def test_no_version_says_what_another_says_nor_has_its_name(customer):
    await make(customer, VersionName="one")
    await customer.ask("UpdateDocument", Name="Hello", Content=content("b"))

    with pytest.raises(DuplicateDocumentContent):
        await customer.ask("UpdateDocument", Name="Hello", Content=content())
    with pytest.raises(DuplicateDocumentVersionName):
        await customer.ask("UpdateDocument", Name="Hello", Content=content("c"), VersionName="one")


async def test_documents_of_the_first_schema_have_one_version(customer):
    old = {"runtimeConfig": {"aws:runShellScript": {"properties": [{"runCommand": ["date"]}]}}}
    text = json.dumps({"schemaVersion": "1.2", **old})
    await customer.ask("CreateDocument", Name="Old", Content=text)

    with pytest.raises(InvalidDocumentSchemaVersion, match=r"1\.2"):
        await customer.ask("UpdateDocument", Name="Old", Content=content())


async def test_the_default_version_is_named_when_it_changes(customer):
    await make(customer)
    await customer.ask("UpdateDocument", Name="Hello", Content=content("b"), VersionName="two")

    assert {
        "Description": {"Name": "Hello", "DefaultVersion": "2", "DefaultVersionName": "two"}
    } == await customer.ask("UpdateDocumentDefaultVersion", Name="Hello", DocumentVersion="2")
    with pytest.raises(InvalidDocumentVersion):
        await customer.ask("UpdateDocumentDefaultVersion", Name="Hello", DocumentVersion="3")


async def test_versions_are_listed_newest_first_in_pages(customer):
    await make(customer)
    for line in "bcd":
        await customer.ask("UpdateDocument", Name="Hello", Content=content(line))
    pages = await customer.every(
        "ListDocumentVersions", "DocumentVersions", Name="Hello", MaxResults=3
    )

    assert [["4", "3", "2"], ["1"]] == [
        [version["DocumentVersion"] for version in page] for page in pages
    ]
    assert [[False, False, False], [True]] == [
        [version["IsDefaultVersion"] for version in page] for page in pages
    ]


async def test_a_token_is_good_for_its_own_question(customer):
    await make(customer)
    await customer.ask("UpdateDocument", Name="Hello", Content=content("b"))
    page = await customer.ask("ListDocumentVersions", Name="Hello", MaxResults=1)

    with pytest.raises(InvalidNextToken):
        await customer.ask("ListDocumentVersions", Name="Other", NextToken=page["NextToken"])


async def test_a_version_is_deleted_alone_and_its_number_never_used_again(customer):
    await make(customer)
    await customer.ask("UpdateDocument", Name="Hello", Content=content("b"))
    await customer.ask("DeleteDocument", Name="Hello", DocumentVersion="2")
    described = (await customer.ask("DescribeDocument", Name="Hello"))["Document"]
    assert "1" == described["LatestVersion"]

    newer = await customer.ask("UpdateDocument", Name="Hello", Content=content("b"))
    assert "3" == newer["DocumentDescription"]["DocumentVersion"]


async def test_the_default_version_is_not_deleted_alone(customer):
    await make(customer, VersionName="one")

    for given in (
        {"DocumentVersion": "1"},
        {"DocumentVersion": "$DEFAULT"},
        {"VersionName": "one"},
    ):
        with pytest.raises(InvalidDocumentOperation, match="Default version"):
            await customer.ask("DeleteDocument", Name="Hello", **given)
    with pytest.raises(InvalidDocument, match="version"):
        await customer.ask("DeleteDocument", Name="Hello", DocumentVersion="7")


async def test_a_deleted_document_is_gone_with_its_tags(customer):
    await make(customer, Tags=[{"Key": "Team", "Value": "red"}])
    await customer.ask("DeleteDocument", Name="Hello")
    with pytest.raises(InvalidDocument):
        await customer.ask("GetDocument", Name="Hello")

    again = await make(customer)
    assert ("1", []) == (again["DocumentVersion"], again["Tags"])
    listed = await customer.ask("ListTagsForResource", ResourceType="Document", ResourceId="Hello")
    assert [] == listed["TagList"]


async def test_a_document_in_use_is_not_deleted(office: Office, customer):
    await make(customer)
    office.used.names.add("Hello")

    with pytest.raises(AssociatedInstances):
        await customer.ask("DeleteDocument", Name="Hello")


async def test_permission_is_asked_for_the_document_and_its_tags(office: Office, customer, scope):
    await make(customer, Tags=[{"Key": "Team", "Value": "red"}])
    await make(customer, "Other")
    arn = f"arn:aws:ssm:{scope.region}:{scope.account}:document/"
    reader = office.customer(scope, allowing("ssm:GetDocument", f"{arn}Hello"))

    await reader.ask("GetDocument", Name="Hello")
    with pytest.raises(AccessDeniedException, match="document/Other"):
        await reader.ask("GetDocument", Name="Other")


async def test_tags_at_birth_need_the_permission_to_tag(office: Office, scope):
    author = office.customer(scope, allowing("ssm:CreateDocument"))
    await make(author)

    with pytest.raises(AccessDeniedException, match="ssm:AddTagsToResource"):
        await make(author, "Tagged", Tags=[{"Key": "Team", "Value": "red"}])


async def test_a_reserved_tag_is_refused_and_nothing_is_made(customer):
    with pytest.raises(ValidationException, match="reserved"):
        await make(customer, Tags=[{"Key": "aws:x", "Value": ""}])
    many = [{"Key": f"k{number}", "Value": ""} for number in range(51)]
    with pytest.raises(ValidationException, match="50"):
        await make(customer, Tags=many)

    with pytest.raises(InvalidDocument):
        await customer.ask("GetDocument", Name="Hello")


async def test_documents_of_accounts_are_apart(customer, stranger):
    await make(customer)
    await make(stranger, line="uptime")

    assert "uptime" in (await stranger.ask("GetDocument", Name="Hello"))["Content"]
    assert "date" in (await customer.ask("GetDocument", Name="Hello"))["Content"]


async def test_limits(office: Office, customer, scope: Scope):
    authoring = office.capability.operations[0]._authoring
    authoring._most_documents, authoring._most_versions = 1, 1
    await make(customer)

    with pytest.raises(Exception, match="1 documents") as refused:
        await make(customer, "Second")
    assert "DocumentLimitExceeded" == type(refused.value).__name__
    with pytest.raises(Exception, match="1 versions") as refused:
        await customer.ask("UpdateDocument", Name="Hello", Content=content("b"))
    assert "DocumentVersionLimitExceeded" == type(refused.value).__name__
