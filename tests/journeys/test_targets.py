"""Whom a command is meant for: ids, tags, keys of tags, everybody, nobody."""

from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.journeys.commands import answer, ended, invocations, send


@pytest.fixture(scope="module")
def tagged(ssm: Any, fleet: list[str]) -> list[str]:
    """The fleet, its nodes with tags of their own."""
    for node, stage in zip(fleet, ("test", "test", "live"), strict=True):
        ssm.add_tags_to_resource(
            ResourceType="ManagedInstance",
            ResourceId=node,
            Tags=[{"Key": "stage", "Value": stage}, {"Key": f"only-{stage}", "Value": ""}],
        )
    return fleet


@pytest.mark.parametrize(
    ("targets", "meant"),
    [
        ([("tag:stage", ["test"])], [0, 1]),
        ([("tag:stage", ["test", "live"])], [0, 1, 2]),
        ([("tag:stage", ["live"]), ("tag:role", ["fleet"])], [2]),
        ([("tag:stage", ["live"]), ("tag:role", ["other"])], []),
        ([("tag-key", ["only-live"])], [2]),
        ([("tag-key", ["only-live", "only-test"])], [0, 1, 2]),
        ([("tag-key", ["only-test"]), ("tag:stage", ["live"])], []),
    ],
)
def test_values_are_alternatives_and_targets_add_up(
    ssm: Any, tagged: list[str], targets: list[tuple[str, list[str]]], meant: list[int]
) -> None:
    command = send(ssm, "true", Targets=[{"Key": key, "Values": values} for key, values in targets])

    assert len(meant) == ended(ssm, command)["TargetCount"]
    reached = sorted(each["InstanceId"] for each in invocations(ssm, command))
    assert [tagged[place] for place in meant] == reached


def test_nodes_may_be_targets_by_their_ids(ssm: Any, tagged: list[str]) -> None:
    command = send(ssm, "true", Targets=[{"Key": "InstanceIds", "Values": tagged[:2]}])

    assert 2 == ended(ssm, command)["TargetCount"]


def test_everybody_is_meant_by_a_star(ssm: Any, fleet: list[str], silent: list[str]) -> None:
    everybody = [
        node["InstanceId"]
        for page in ssm.get_paginator("describe_instance_information").paginate()
        for node in page["InstanceInformationList"]
    ]

    command = send(ssm, "true", Targets=[{"Key": "InstanceIds", "Values": ["*"]}])

    pages = ssm.get_paginator("list_command_invocations").paginate(CommandId=command)
    meant = [each["InstanceId"] for page in pages for each in page["CommandInvocations"]]
    assert set(everybody) == set(meant)
    assert {*fleet, *silent} <= set(meant)
    ssm.cancel_command(CommandId=command)
    ended(ssm, command)


def test_nobody_is_no_error(ssm: Any, fleet: list[str]) -> None:
    """As AWS has it: whoever aims at a tag need not know whether somebody carries it."""
    command = send(ssm, "true", Targets=[{"Key": "tag:role", "Values": ["nobody-has-it"]}])

    seen = ended(ssm, command)

    assert ("Success", "NoInstancesInTag", 0) == (
        seen["Status"],
        seen["StatusDetails"],
        seen["TargetCount"],
    )


WINDOWS = """
{"schemaVersion": "2.2", "mainSteps": [
  {"action": "aws:runPowerShellScript", "name": "one", "inputs": {"runCommand": ["exit 0"]},
   "precondition": {"StringEquals": ["platformType", "Windows"]}}]}
"""


def test_a_node_of_another_platform_is_refused_by_id_and_skipped_by_tag(
    ssm: Any, fleet: list[str]
) -> None:
    name = "journey-windows-only"
    ssm.create_document(Name=name, Content=WINDOWS, DocumentType="Command")

    with pytest.raises(ssm.exceptions.UnsupportedPlatformType, match=fleet[0]):
        ssm.send_command(DocumentName=name, InstanceIds=fleet[:1])
    sent = ssm.send_command(DocumentName=name, Targets=[{"Key": "tag:role", "Values": ["fleet"]}])[
        "Command"
    ]

    seen = ended(ssm, sent["CommandId"])
    assert ("Failed", 0) == (seen["Status"], seen["ErrorCount"])
    heard = answer(ssm, sent["CommandId"], fleet[0])
    assert ("Failed", "InvalidPlatform") == (heard["Status"], heard["StatusDetails"])


GOOD = {"DocumentName": "AWS-RunShellScript", "Parameters": {"commands": ["true"]}}
NOBODY = "mi-00000000000000000"


@pytest.mark.parametrize(
    ("given", "code", "text"),
    [
        ({"DocumentName": "no-such-document"}, "InvalidDocument", "no-such-document"),
        ({"InstanceIds": [NOBODY]}, "InvalidInstanceId", f"[{NOBODY}]"),
        ({"InstanceIds": ["NODE", "NODE"]}, "DuplicateInstanceId", ""),
        ({"Parameters": {"nonsense": ["x"]}}, "InvalidParameters", "nonsense"),
        ({"Parameters": {}}, "InvalidParameters", "commands"),
        (
            {"Parameters": {"commands": ["true"], "executionTimeout": ["soon"]}},
            "InvalidParameters",
            "executionTimeout",
        ),
        ({"DocumentVersion": "99"}, "InvalidDocumentVersion", ""),
        ({"DocumentHash": "0" * 64, "DocumentHashType": "Sha256"}, "InvalidDocument", "hash"),
        ({"Targets": [{"Key": "tag:a", "Values": ["b"]}]}, "InvalidParameters", "Targets"),
        ({"InstanceIds": []}, "InvalidParameters", ""),
        (
            {"InstanceIds": [], "Targets": [{"Key": "colour", "Values": ["b"]}]},
            "InvalidParameters",
            "colour",
        ),
        (
            {"InstanceIds": [], "Targets": [{"Key": "resource-groups:Name", "Values": ["b"]}]},
            "NotYetImplemented",
            "groups",
        ),
        ({"Parameters": {"commands": ["echo {{ssm:secret}}"]}}, "InvalidParameters", "secret"),
        ({"OutputS3BucketName": "A..B"}, "InvalidOutputFolder", "A..B"),
        ({"ServiceRoleArn": "arn:aws:iam::111122223333:role/none"}, "InvalidRole", "none"),
        (
            {"NotificationConfig": {"NotificationArn": "no topic"}},
            "InvalidNotificationConfig",
            "no topic",
        ),
        (
            {"TimeoutSeconds": 1},
            "ValidationException",
            "Value '1' at 'timeoutSeconds' failed to satisfy constraint: "
            "Member must have value greater than or equal to 30",
        ),
        (
            {"MaxConcurrency": "none"},
            "ValidationException",
            "Value 'none' at 'maxConcurrency' failed to satisfy constraint: "
            "Member must satisfy regular expression pattern: ",
        ),
        ({"Comment": "x" * 101}, "ValidationException", "less than or equal to 100"),
        ({"DocumentName": None}, "ValidationException", "'documentName'"),
    ],
)
def test_bad_input_is_refused_and_starts_nothing(
    unchecked: Any, fleet: list[str], given: dict[str, Any], code: str, text: str
) -> None:
    def sent() -> list[str]:
        return [each["CommandId"] for each in unchecked.list_commands(MaxResults=1)["Commands"]]

    order = GOOD | {"InstanceIds": fleet[:1]} | given
    if order["InstanceIds"] == ["NODE", "NODE"]:
        order["InstanceIds"] = [fleet[0], fleet[0]]
    before = sent()

    with pytest.raises(ClientError) as refused:
        unchecked.send_command(**{name: value for name, value in order.items() if value})

    assert code == refused.value.response["Error"]["Code"]
    assert text in refused.value.response["Error"]["Message"]
    assert before == sent()
