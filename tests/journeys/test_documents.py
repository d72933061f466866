"""Documents by boto3: every operation, on a running server of each engine."""

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

NAME = "Journey-Document"


def content(line: str) -> str:
    step = {"action": "aws:runShellScript", "name": "run", "inputs": {"runCommand": [line]}}
    return json.dumps({"schemaVersion": "2.2", "mainSteps": [step]})


def test_every_operation_on_documents(ssm: Any) -> None:
    created = ssm.create_document(
        Name=NAME,
        Content=content("date"),
        DocumentType="Command",
        VersionName="one",
        Tags=[{"Key": "Team", "Value": "red"}],
    )["DocumentDescription"]
    assert ("Active", ["Linux", "MacOS"]) == (created["Status"], created["PlatformTypes"])

    ssm.update_document(Name=NAME, Content=content("uptime"), DocumentVersion="$LATEST")
    ssm.update_document_default_version(Name=NAME, DocumentVersion="2")
    got = ssm.get_document(Name=NAME, DocumentFormat="YAML")
    assert ("2", "YAML") == (got["DocumentVersion"], got["DocumentFormat"])
    assert "- uptime" in got["Content"]

    described = ssm.describe_document(Name=NAME, DocumentVersion="1")["Document"]
    assert created["CreatedDate"] == described["CreatedDate"]
    versions = ssm.list_document_versions(Name=NAME)["DocumentVersions"]
    assert ["2", "1"] == [version["DocumentVersion"] for version in versions]

    filters = [{"Key": "tag:Team", "Values": ["red"]}, {"Key": "Owner", "Values": ["Self"]}]
    pages = ssm.get_paginator("list_documents").paginate(Filters=filters)
    assert [NAME] == [each["Name"] for page in pages for each in page["DocumentIdentifiers"]]

    guest = "444455556666"
    ssm.modify_document_permission(Name=NAME, PermissionType="Share", AccountIdsToAdd=[guest])
    shared = ssm.describe_document_permission(Name=NAME, PermissionType="Share")
    assert [guest] == shared["AccountIds"]
    with pytest.raises(ClientError, match="InvalidDocumentOperation"):
        ssm.delete_document(Name=NAME)
    ssm.modify_document_permission(Name=NAME, PermissionType="Share", AccountIdsToRemove=[guest])

    review = {"Action": "SendForReview", "Comment": [{"Type": "Comment", "Content": "Look."}]}
    ssm.update_document_metadata(Name=NAME, DocumentReviews=review)
    history = ssm.list_document_metadata_history(Name=NAME, Metadata="DocumentReviews")
    assert "PENDING" == history["Metadata"]["ReviewerResponse"][0]["ReviewStatus"]

    ssm.delete_document(Name=NAME, VersionName="one")
    ssm.delete_document(Name=NAME)
    with pytest.raises(ClientError, match=f"Document with name {NAME} does not exist"):
        ssm.describe_document(Name=NAME)
