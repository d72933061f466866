"""Documents by boto3: every operation, what it tells and what it refuses."""

import hashlib
import json
from collections.abc import Iterator
from typing import Any

import pytest
import yaml
from botocore.exceptions import ClientError

from tests.support.processes import ServerProcess, eventually

LIBRARY = {
    "AWS-ConfigureAWSPackage",
    "AWS-GatherSoftwareInventory",
    "AWS-InstallApplication",
    "AWS-Noop",
    "AWS-RefreshAssociation",
    "AWS-RunDocument",
    "AWS-RunPowerShellScript",
    "AWS-RunRemoteScript",
    "AWS-RunShellScript",
    "AWS-UpdateSSMAgent",
    "Ostler-EnsureCronJob",
    "Ostler-EnsureFile",
    "Ostler-EnsureLine",
    "Ostler-EnsurePackage",
    "Ostler-EnsureService",
    "Ostler-EnsureSysctl",
    "Ostler-EnsureUser",
}


def content(*lines: str, **more: Any) -> str:
    step = {"action": "aws:runShellScript", "name": "run", "inputs": {"runCommand": list(lines)}}
    return json.dumps({"schemaVersion": "2.2", **more, "mainSteps": [step]})


@pytest.fixture
def made(ssm: Any, request: pytest.FixtureRequest) -> Iterator[str]:
    """The name of a document of one version, which is gone after the test."""
    name = f"Journey.{request.function.__name__[5:40]}"
    ssm.create_document(Name=name, Content=content("date"), DocumentType="Command")
    yield name
    ssm.delete_document(Name=name)


def listed(ssm: Any, **filters: str) -> list[dict[str, Any]]:
    """The documents that pass the filters; a key's colon is written with two underscores."""
    pages = ssm.get_paginator("list_documents").paginate(
        Filters=[
            {"Key": key.replace("__", ":"), "Values": value.split(",")}
            for key, value in filters.items()
        ]
    )
    return [each for page in pages for each in page["DocumentIdentifiers"]]


def names(found: list[dict[str, Any]]) -> list[str]:
    return [each["Name"] for each in found]


def test_a_document_is_told_with_all_that_it_says(ssm: Any) -> None:
    text = content(
        "echo {{ word }}",
        description="Says a word.",
        parameters={"word": {"type": "String", "default": "hi", "description": "The word."}},
    )

    made = ssm.create_document(
        Name="Journey.Whole",
        Content=text,
        DocumentType="Command",
        DocumentFormat="JSON",
        DisplayName="A whole document",
        VersionName="first.draft",
        TargetType="/AWS::EC2::Instance",
        Tags=[{"Key": "Team", "Value": "red"}],
    )["DocumentDescription"]

    assert {
        "Name": "Journey.Whole",
        "DisplayName": "A whole document",
        "VersionName": "first.draft",
        "DocumentVersion": "1",
        "LatestVersion": "1",
        "DefaultVersion": "1",
        "Description": "Says a word.",
        "DocumentFormat": "JSON",
        "DocumentType": "Command",
        "SchemaVersion": "2.2",
        "Status": "Active",
        "Hash": hashlib.sha256(text.encode()).hexdigest(),
        "HashType": "Sha256",
        "PlatformTypes": ["Linux", "MacOS"],
        "TargetType": "/AWS::EC2::Instance",
        "Tags": [{"Key": "Team", "Value": "red"}],
        "Parameters": [
            {"Name": "word", "Type": "String", "Description": "The word.", "DefaultValue": "hi"}
        ],
    } == {
        name: value
        for name, value in made.items()
        if name not in ("CreatedDate", "Owner", "Author")
    }
    assert 12 == len(made["Owner"])
    assert "administrator" == made["Author"]
    assert made == ssm.describe_document(Name="Journey.Whole")["Document"]
    ssm.delete_document(Name="Journey.Whole")


def test_versions_follow_each_other_and_one_is_the_default(ssm: Any, made: str) -> None:
    newer = ssm.update_document(
        Name=made, Content=content("uptime"), DocumentVersion="1", VersionName="second"
    )["DocumentDescription"]
    assert ("2", "2", "1") == (
        newer["DocumentVersion"],
        newer["LatestVersion"],
        newer["DefaultVersion"],
    )
    assert "1" == ssm.get_document(Name=made)["DocumentVersion"]
    assert "2" == ssm.get_document(Name=made, DocumentVersion="$LATEST")["DocumentVersion"]
    assert "2" == ssm.get_document(Name=made, VersionName="second")["DocumentVersion"]

    chosen = ssm.update_document_default_version(Name=made, DocumentVersion="2")["Description"]

    assert {"Name": made, "DefaultVersion": "2", "DefaultVersionName": "second"} == chosen
    assert "uptime" in ssm.get_document(Name=made)["Content"]
    versions = ssm.list_document_versions(Name=made)["DocumentVersions"]
    assert [("2", True), ("1", False)] == [
        (each["DocumentVersion"], each["IsDefaultVersion"]) for each in versions
    ]
    paged = ssm.get_paginator("list_document_versions").paginate(
        Name=made, PaginationConfig={"PageSize": 1}
    )
    assert ["2", "1"] == [
        each["DocumentVersion"] for page in paged for each in page["DocumentVersions"]
    ]


def test_a_version_is_deleted_by_itself(ssm: Any, made: str) -> None:
    ssm.update_document(
        Name=made, Content=content("one"), DocumentVersion="$LATEST", VersionName="one"
    )
    ssm.update_document(Name=made, Content=content("two"), DocumentVersion="$LATEST")

    ssm.delete_document(Name=made, VersionName="one")

    versions = ssm.list_document_versions(Name=made)["DocumentVersions"]
    assert ["3", "1"] == [each["DocumentVersion"] for each in versions]
    with pytest.raises(ssm.exceptions.InvalidDocumentOperation, match="Default version"):
        ssm.delete_document(Name=made, DocumentVersion="1")
    with pytest.raises(ssm.exceptions.InvalidDocumentVersion):
        ssm.get_document(Name=made, DocumentVersion="2")


def test_a_document_is_read_in_either_format(ssm: Any) -> None:
    text = "# a comment\n" + yaml.safe_dump(json.loads(content("date")))
    ssm.create_document(
        Name="Journey.Yaml", Content=text, DocumentType="Command", DocumentFormat="YAML"
    )

    assert text == ssm.get_document(Name="Journey.Yaml", DocumentFormat="YAML")["Content"]
    read = ssm.get_document(Name="Journey.Yaml", DocumentFormat="JSON")
    assert ("JSON", json.loads(content("date"))) == (
        read["DocumentFormat"],
        json.loads(read["Content"]),
    )
    ssm.delete_document(Name="Journey.Yaml")


def test_documents_that_come_with_the_house_are_everybodys(ssm: Any) -> None:
    assert LIBRARY == set(names(listed(ssm, Owner="Amazon")))

    told = ssm.describe_document(Name="AWS-RunShellScript")["Document"]

    assert ("Amazon", "1.2", "Command") == (
        told["Owner"],
        told["SchemaVersion"],
        told["DocumentType"],
    )
    assert ["commands", "workingDirectory", "executionTimeout"] == [
        each["Name"] for each in told["Parameters"]
    ]
    for name in LIBRARY:
        assert ssm.get_document(Name=name)["Content"]


def test_lists_are_filtered_and_paged(ssm: Any) -> None:
    for number in range(3):
        ssm.create_document(
            Name=f"Listed-{number}",
            Content=content(f"echo {number}"),
            DocumentType="Command",
            Tags=[{"Key": "Parity", "Value": str(number % 2)}],
        )

    assert ["Listed-0", "Listed-1", "Listed-2"] == names(listed(ssm, Name="Listed-"))
    assert ["Listed-0", "Listed-2"] == names(listed(ssm, tag__Parity="0"))
    assert ["Listed-1"] == names(listed(ssm, Owner="Self", tag__Parity="1"))
    assert ["Listed-1"] == names(listed(ssm, SearchKeyword="isted-1"))
    assert [] == names(listed(ssm, Name="Listed-", PlatformTypes="Windows"))
    assert "AWS-RunPowerShellScript" in names(listed(ssm, PlatformTypes="Windows"))
    assert {"Command"} == {each["DocumentType"] for each in listed(ssm, DocumentType="Command")}
    legacy = ssm.list_documents(DocumentFilterList=[{"key": "Name", "value": "Listed-1"}])
    assert ["Listed-1"] == names(legacy["DocumentIdentifiers"])
    pages = ssm.get_paginator("list_documents").paginate(
        Filters=[{"Key": "Name", "Values": ["Listed-"]}], PaginationConfig={"PageSize": 2}
    )
    assert [2, 1] == [len(page["DocumentIdentifiers"]) for page in pages]
    with pytest.raises(ssm.exceptions.InvalidFilterKey):
        ssm.list_documents(Filters=[{"Key": "Colour", "Values": ["red"]}])
    for number in range(3):
        ssm.delete_document(Name=f"Listed-{number}")


def test_a_document_is_shared_with_another_account(
    server: ServerProcess, ssm: Any, guest: dict[str, Any], made: str
) -> None:
    theirs = server.client_of(guest)
    owner = ssm.describe_document(Name=made)["Document"]["Owner"]
    arn = f"arn:aws:ssm:us-east-1:{owner}:document/{made}"
    share = {"Name": made, "PermissionType": "Share"}
    with pytest.raises(theirs.exceptions.InvalidDocument):
        theirs.get_document(Name=arn)

    ssm.modify_document_permission(**share, AccountIdsToAdd=[guest["Account"]])

    assert content("date") == theirs.get_document(Name=arn)["Content"]
    assert [arn] == [name for name in names(listed(theirs, Owner="Private")) if name.endswith(made)]
    told = ssm.describe_document_permission(**share)
    assert [guest["Account"]] == told["AccountIds"]
    assert [{"AccountId": guest["Account"], "SharedDocumentVersion": "$DEFAULT"}] == told[
        "AccountSharingInfoList"
    ]
    for changing in (
        lambda: theirs.update_document(Name=arn, Content=content("mine now")),
        lambda: theirs.delete_document(Name=arn),
        lambda: theirs.delete_document(Name=made),
    ):
        with pytest.raises(ClientError):
            changing()
    with pytest.raises(ssm.exceptions.InvalidDocumentOperation, match="unshare"):
        ssm.delete_document(Name=made)

    ssm.modify_document_permission(**share, AccountIdsToRemove=[guest["Account"]])

    with pytest.raises(theirs.exceptions.InvalidDocument):
        theirs.get_document(Name=arn)


def test_a_public_document_is_everybodys_by_its_arn(
    server: ServerProcess, ssm: Any, guest: dict[str, Any], made: str
) -> None:
    theirs = server.client_of(guest)
    owner = ssm.describe_document(Name=made)["Document"]["Owner"]
    share = {"Name": made, "PermissionType": "Share"}

    ssm.modify_document_permission(**share, AccountIdsToAdd=["all"])

    arn = f"arn:aws:ssm:us-east-1:{owner}:document/{made}"
    assert arn == theirs.describe_document(Name=arn)["Document"]["Name"]
    assert arn in names(listed(theirs, Owner="Public"))
    with pytest.raises(theirs.exceptions.InvalidDocument):
        theirs.get_document(Name=made)
    with pytest.raises(ssm.exceptions.DocumentPermissionLimit):
        ssm.modify_document_permission(**share, AccountIdsToAdd=[guest["Account"]])
    ssm.modify_document_permission(**share, AccountIdsToRemove=["all"])


def test_a_version_is_reviewed(ssm: Any, made: str) -> None:
    def respond(action: str, comment: str) -> None:
        ssm.update_document_metadata(
            Name=made,
            DocumentVersion="1",
            DocumentReviews={
                "Action": action,
                "Comment": [{"Type": "Comment", "Content": comment}],
            },
        )

    respond("SendForReview", "Please look.")
    described = ssm.describe_document(Name=made)["Document"]
    assert ("PENDING", "1") == (described["ReviewStatus"], described["PendingReviewVersion"])
    respond("Approve", "Looks good.")

    history = ssm.list_document_metadata_history(
        Name=made, DocumentVersion="1", Metadata="DocumentReviews"
    )
    responses = history["Metadata"]["ReviewerResponse"]
    assert [("APPROVED", "Looks good."), ("PENDING", "Please look.")] == [
        (each["ReviewStatus"], each["Comment"][0]["Content"]) for each in responses
    ]
    assert "1" == ssm.describe_document(Name=made)["Document"]["ApprovedVersion"]
    with pytest.raises(ssm.exceptions.InvalidDocumentOperation):
        respond("Reject", "Too late.")
    first = ssm.list_document_metadata_history(Name=made, Metadata="DocumentReviews", MaxResults=1)
    rest = ssm.list_document_metadata_history(
        Name=made, Metadata="DocumentReviews", NextToken=first["NextToken"]
    )
    assert 1 == len(rest["Metadata"]["ReviewerResponse"])


def test_an_attachment_that_cannot_be_had_fails_the_document(ssm: Any) -> None:
    """Whoever creates documents must not make the server read what only the server can reach."""
    made = ssm.create_document(
        Name="Journey.Attached",
        Content=content("date"),
        DocumentType="Command",
        Attachments=[
            {"Key": "S3FileUrl", "Values": ["https://127.0.0.1:1/a.zip"], "Name": "a.zip"}
        ],
    )["DocumentDescription"]
    assert "Creating" == made["Status"]

    def failed() -> dict[str, Any] | None:
        told: dict[str, Any] = ssm.describe_document(Name="Journey.Attached")["Document"]
        return told if told["Status"] == "Failed" else None

    assert "not a public host" in eventually("its failure", failed)["StatusInformation"]
    ssm.delete_document(Name="Journey.Attached")


BOMB = "a: &a [x, x]\n" + "".join(
    f"{b}: &{b} [*{a}, *{a}]\n"
    for a, b in zip("abcdefghijklmnopqrst", "bcdefghijklmnopqrstu", strict=True)
)


@pytest.mark.parametrize(
    ("given", "code", "text"),
    [
        ({"Content": "{"}, "InvalidDocumentContent", "Line: 1"),
        ({"Content": "[]"}, "InvalidDocumentContent", ""),
        ({"Content": "{}"}, "InvalidDocumentContent", "schemaVersion"),
        ({"Content": '{"schemaVersion": "9.9"}'}, "InvalidDocumentSchemaVersion", "9.9"),
        ({"Content": content("{{ missing }}")}, "InvalidDocumentContent", "missing"),
        ({"Content": BOMB, "DocumentFormat": "YAML"}, "InvalidDocumentContent", ""),
        ({"Content": content("x" * 70_000)}, "MaxDocumentSizeExceeded", "64"),
        ({"Name": "AWS-Mine"}, "ValidationException", "reserved"),
        ({"Name": "a b"}, "ValidationException", "'a b' at 'name'"),
        ({"Content": ""}, "ValidationException", "'content'"),
        ({"DocumentType": "Automation"}, "NotYetImplemented", "Automation"),
        ({"DocumentType": "Poem"}, "ValidationException", "enum value set: ["),
        (
            {"Attachments": [{"Key": "SourceUrl", "Values": ["s3://bucket/folder"]}]},
            "ValidationException",
            "folder",
        ),
    ],
)
def test_what_cannot_be_a_document_is_refused(
    unchecked: Any, given: dict[str, Any], code: str, text: str
) -> None:
    order = {"Name": "Journey.Refused", "Content": content("date"), "DocumentType": "Command"}

    with pytest.raises(ClientError) as refused:
        unchecked.create_document(**(order | given))

    assert code == refused.value.response["Error"]["Code"]
    assert text in refused.value.response["Error"]["Message"]
    with pytest.raises(ClientError, match="InvalidDocument"):
        unchecked.describe_document(Name="Journey.Refused")


def test_what_changes_nothing_or_clashes_is_refused(ssm: Any, made: str) -> None:
    ssm.update_document(Name=made, Content=content("two"), DocumentVersion="1", VersionName="taken")

    def update(**given: Any) -> None:
        ssm.update_document(**({"Name": made, "Content": content("three")} | given))

    with pytest.raises(ssm.exceptions.DocumentAlreadyExists, match="same name"):
        ssm.create_document(Name=made, Content=content("x"), DocumentType="Command")
    with pytest.raises(ssm.exceptions.DuplicateDocumentContent):
        update(Content=content("two"))
    with pytest.raises(ssm.exceptions.DuplicateDocumentVersionName):
        update(VersionName="taken")
    with pytest.raises(ssm.exceptions.InvalidDocumentVersion):
        update(DocumentVersion="1")
    with pytest.raises(ssm.exceptions.InvalidDocumentVersion):
        ssm.update_document_default_version(Name=made, DocumentVersion="9")
    assert 2 == len(ssm.list_document_versions(Name=made)["DocumentVersions"])


def test_every_operation_says_when_there_is_no_such_document(ssm: Any) -> None:
    name = {"Name": "No.Such.Document"}
    calls: dict[str, dict[str, Any]] = {
        "get_document": {},
        "describe_document": {},
        "update_document": {"Content": content("x")},
        "delete_document": {},
        "list_document_versions": {},
        "update_document_default_version": {"DocumentVersion": "1"},
        "describe_document_permission": {"PermissionType": "Share"},
        "modify_document_permission": {
            "PermissionType": "Share",
            "AccountIdsToAdd": ["111122223333"],
        },
        "update_document_metadata": {"DocumentReviews": {"Action": "Approve"}},
        "list_document_metadata_history": {"Metadata": "DocumentReviews"},
    }

    for call, given in calls.items():
        with pytest.raises(ssm.exceptions.InvalidDocument, match="does not exist"):
            getattr(ssm, call)(**name, **given)
