"""Permissions from outside: users with policies, AWS's words of refusal, accounts apart."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.journeys.commands import ended, invocations, send
from tests.support.processes import ServerProcess, eventually

SCRIPT = {"DocumentName": "AWS-RunShellScript", "Parameters": {"commands": ["true"]}}
DOCUMENT = json.dumps(
    {
        "schemaVersion": "2.2",
        "mainSteps": [
            {"action": "aws:runShellScript", "name": "x", "inputs": {"runCommand": ["true"]}}
        ],
    }
)
NewUser = Callable[..., Any]


def allow(*actions: str, resource: str = "*", **condition: Any) -> dict[str, Any]:
    statement = {"Effect": "Allow", "Action": list(actions), "Resource": resource}
    return {**statement, "Condition": condition} if condition else statement


@pytest.fixture(scope="session")
def new_user(server: ServerProcess, tmp_path_factory: pytest.TempPathFactory) -> NewUser:
    """Makes users with these statements as their policy; boto3 clients of theirs."""
    folder = tmp_path_factory.mktemp("policies")

    def make(name: str, *statements: dict[str, Any], attached: str = "") -> Any:
        server.admin("user", "create", name)
        if statements:
            file = Path(folder) / f"{name}.json"
            file.write_text(json.dumps({"Version": "2012-10-17", "Statement": list(statements)}))
            server.admin("user", "put-policy", name, "own", str(file))
        if attached:
            server.admin("user", "attach", name, attached)
        return server.client_of(server.admin("key", "create", name))

    return make


@pytest.fixture(scope="session")
def reader(new_user: NewUser) -> Any:
    """May look at everything and change nothing."""
    return new_user("reader", attached="AmazonSSMReadOnlyAccess")


@pytest.fixture(scope="session")
def account(server: ServerProcess) -> str:
    """The id of the administrator's account."""
    return str(server.admin("account", "list")[0]["Account"])


def refusal(call: Callable[..., Any], **given: Any) -> str:
    """The words with which a call is refused."""
    with pytest.raises(ClientError) as refused:
        call(**given)
    assert "AccessDeniedException" == refused.value.response["Error"]["Code"]
    assert 400 == refused.value.response["ResponseMetadata"]["HTTPStatusCode"]
    return str(refused.value.response["Error"]["Message"])


def test_a_refusal_says_who_may_not_do_what_to_what_and_why(
    reader: Any, account: str, fleet: list[str]
) -> None:
    who = f"User: arn:aws:iam::{account}:user/reader is not authorized to perform: "

    assert (
        f"{who}ssm:SendCommand on resource: arn:aws:ssm:us-east-1::document/AWS-RunShellScript "
        "because no identity-based policy allows the ssm:SendCommand action"
    ) == refusal(reader.send_command, **SCRIPT, InstanceIds=fleet[:1])
    assert (
        f"{who}ssm:CreateActivation on resource: arn:aws:ssm:us-east-1:{account}:* "
        "because no identity-based policy allows the ssm:CreateActivation action"
    ) == refusal(reader.create_activation, IamRole="OstlerManagedInstance")


def test_who_may_only_look_changes_nothing(
    ssm: Any, reader: Any, fleet: list[str], silent: list[str]
) -> None:
    command = send(ssm, "true", InstanceIds=silent[:1])
    activation = ssm.create_activation(IamRole="OstlerManagedInstance")["ActivationId"]
    ssm.create_document(Name="Journey.Guarded", Content=DOCUMENT, DocumentType="Command")
    node = {"ResourceType": "ManagedInstance", "ResourceId": silent[0]}
    name = {"Name": "Journey.Guarded"}
    changing: dict[str, dict[str, Any]] = {
        "send_command": {**SCRIPT, "InstanceIds": fleet[:1]},
        "cancel_command": {"CommandId": command},
        "create_activation": {"IamRole": "OstlerManagedInstance"},
        "delete_activation": {"ActivationId": activation},
        "deregister_managed_instance": {"InstanceId": silent[0]},
        "update_managed_instance_role": {
            "InstanceId": silent[0],
            "IamRole": "OstlerManagedInstance",
        },
        "add_tags_to_resource": {**node, "Tags": [{"Key": "a", "Value": "b"}]},
        "remove_tags_from_resource": {**node, "TagKeys": ["role"]},
        "create_document": {"Name": "Journey.New", "Content": DOCUMENT},
        "update_document": {**name, "Content": DOCUMENT},
        "update_document_default_version": {**name, "DocumentVersion": "1"},
        "update_document_metadata": {**name, "DocumentReviews": {"Action": "SendForReview"}},
        "modify_document_permission": {
            **name,
            "PermissionType": "Share",
            "AccountIdsToAdd": ["all"],
        },
        "delete_document": name,
    }

    def state() -> Any:
        """All that the calls above would change."""
        answers = [
            reader.describe_document(**name),
            reader.describe_document_permission(**name, PermissionType="Share"),
            reader.list_tags_for_resource(**node),
            reader.list_commands(MaxResults=1, InstanceId=silent[0]),
            reader.describe_activations(
                Filters=[{"FilterKey": "ActivationIds", "FilterValues": [activation]}]
            ),
            reader.describe_instance_information(
                Filters=[{"Key": "InstanceIds", "Values": silent[:1]}]
            ),
        ]
        return [{**answer, "ResponseMetadata": None} for answer in answers]

    before = state()
    for operation, given in changing.items():
        assert "no identity-based policy allows" in refusal(getattr(reader, operation), **given)
    assert before == state()
    ssm.cancel_command(CommandId=command)
    ssm.delete_document(**name)


def test_tags_decide_on_which_nodes_a_user_may_run_what(
    ssm: Any, new_user: NewUser, account: str, fleet: list[str]
) -> None:
    user = new_user(
        "tester",
        allow("ssm:SendCommand", resource="arn:aws:ssm:*:*:document/AWS-RunShellScript"),
        allow(
            "ssm:SendCommand",
            resource="arn:aws:ssm:*:*:managed-instance/*",
            StringEquals={"ssm:resourceTag/env": "test"},
        ),
        allow("ssm:List*", "ssm:Get*"),
    )
    for node, value in zip(fleet, ("test", "test", "live"), strict=True):
        ssm.add_tags_to_resource(
            ResourceType="ManagedInstance",
            ResourceId=node,
            Tags=[{"Key": "env", "Value": value}],
        )

    assert "Success" == ended(user, send(user, "true", InstanceIds=fleet[:2]))["Status"]
    assert (
        f"on resource: arn:aws:ssm:us-east-1:{account}:managed-instance/{fleet[2]} because"
    ) in refusal(user.send_command, **SCRIPT, InstanceIds=fleet)
    assert "document/AWS-Noop because" in refusal(
        user.send_command, DocumentName="AWS-Noop", InstanceIds=fleet[:1]
    )

    command = send(user, "true")

    seen = ended(user, command)
    assert ("Success", 3, 0) == (seen["Status"], seen["TargetCount"], seen["ErrorCount"])
    assert ["Success", "Success", "AccessDenied"] == [
        each["StatusDetails"]
        for each in sorted(invocations(user, command), key=lambda each: each["InstanceId"])
    ]


def test_tags_of_the_request_decide_what_a_user_may_give(
    ssm: Any, new_user: NewUser, silent: list[str]
) -> None:
    user = new_user(
        "tagger",
        allow(
            "ssm:AddTagsToResource",
            **{
                "StringEquals": {"aws:RequestTag/team": ["red", "blue"]},
                "ForAllValues:StringEquals": {"aws:TagKeys": ["team"]},
            },
        ),
    )
    node = {"ResourceType": "ManagedInstance", "ResourceId": silent[0]}

    user.add_tags_to_resource(**node, Tags=[{"Key": "team", "Value": "red"}])
    for tags in ({"team": "green"}, {"team": "red", "env": "live"}):
        refusal(
            user.add_tags_to_resource,
            **node,
            Tags=[{"Key": key, "Value": value} for key, value in tags.items()],
        )

    told = ssm.list_tags_for_resource(**node)["TagList"]
    assert {"Key": "team", "Value": "red"} in told
    assert "env" not in {tag["Key"] for tag in told}


def test_a_denial_weighs_more_than_any_permission(new_user: NewUser) -> None:
    user = new_user(
        "denied",
        allow("*"),
        {"Effect": "Deny", "Action": "ssm:*Document*", "Resource": "*"},
    )

    assert refusal(user.list_documents).endswith(
        "with an explicit deny in an identity-based policy"
    )
    assert user.list_nodes()["Nodes"] is not None


def test_absence_does_not_leak(new_user: NewUser, fleet: list[str]) -> None:
    """Who may not ask learns nothing, not even that there is nothing."""
    nobody = new_user("nobody")
    missing: dict[str, dict[str, Any]] = {
        "describe_document": {"Name": "No.Such.Document"},
        "get_document": {"Name": "No.Such.Document"},
        "delete_document": {"Name": "No.Such.Document"},
        "send_command": {"DocumentName": "No.Such.Document", "InstanceIds": fleet[:1]},
        "get_command_invocation": {"CommandId": "0" * 36, "InstanceId": fleet[0]},
        "cancel_command": {"CommandId": "0" * 36},
        "deregister_managed_instance": {"InstanceId": "mi-00000000000000000"},
        "delete_activation": {"ActivationId": "00000000-0000-4000-8000-000000000000"},
        "list_tags_for_resource": {"ResourceType": "Document", "ResourceId": "No.Such"},
        "describe_instance_information": {
            "Filters": [{"Key": "InstanceIds", "Values": ["mi-00000000000000000"]}]
        },
    }

    for operation, given in missing.items():
        assert "no identity-based policy" in refusal(getattr(nobody, operation), **given)


def test_a_role_is_handed_on_only_by_who_may_pass_it(new_user: NewUser, account: str) -> None:
    user = new_user("enroller", allow("ssm:CreateActivation"))

    told = refusal(user.create_activation, IamRole="OstlerManagedInstance")

    assert (
        "iam:PassRole on resource: "
        f"arn:aws:iam::{account}:role/OstlerManagedInstance because no identity-based policy"
    ) in told


def test_another_account_sees_and_reaches_nothing(
    server: ServerProcess, ssm: Any, guest: dict[str, Any], account: str, fleet: list[str]
) -> None:
    theirs = server.client_of(guest)
    command = send(ssm, "true", InstanceIds=fleet[:1])
    activation = ssm.create_activation(IamRole="OstlerManagedInstance")["ActivationId"]
    ssm.create_document(Name="Journey.Private", Content=DOCUMENT, DocumentType="Command")

    assert [] == theirs.describe_instance_information()["InstanceInformationList"]
    assert [] == theirs.describe_instance_properties()["InstanceProperties"]
    assert [] == theirs.list_nodes()["Nodes"]
    assert [] == theirs.list_commands()["Commands"]
    assert [] == theirs.list_command_invocations()["CommandInvocations"]
    assert [] == theirs.describe_activations()["ActivationList"]
    own = [{"Key": "Owner", "Values": ["Self"]}]
    assert [] == theirs.list_documents(Filters=own)["DocumentIdentifiers"]
    wrong = theirs.exceptions
    foreign = f"arn:aws:ssm:us-east-1:{account}:document/Journey.Private"
    for error, operation, given in (
        (wrong.InvocationDoesNotExist, "get_command_invocation", {"InstanceId": fleet[0]}),
        (wrong.InvalidCommandId, "cancel_command", {}),
    ):
        with pytest.raises(error):
            getattr(theirs, operation)(CommandId=command, **given)
    with pytest.raises(wrong.InvalidInstanceId):
        theirs.send_command(**SCRIPT, InstanceIds=fleet[:1])
    with pytest.raises(wrong.InvalidInstanceId):
        theirs.deregister_managed_instance(InstanceId=fleet[0])
    with pytest.raises(wrong.InvalidActivationId):
        theirs.delete_activation(ActivationId=activation)
    with pytest.raises(wrong.InvalidResourceId):
        theirs.list_tags_for_resource(ResourceType="ManagedInstance", ResourceId=fleet[0])
    for name in ("Journey.Private", foreign):
        with pytest.raises(wrong.InvalidDocument):
            theirs.get_document(Name=name)
    everybody = [{"Key": "InstanceIds", "Values": ["*"]}]
    sent = theirs.send_command(**SCRIPT, Targets=everybody)["Command"]["CommandId"]
    assert 0 == ended(theirs, sent)["TargetCount"]
    token = ssm.list_documents(MaxResults=1)["NextToken"]
    with pytest.raises(wrong.InvalidNextToken):
        theirs.list_documents(MaxResults=1, NextToken=token)
    ssm.delete_document(Name="Journey.Private")


def test_a_key_that_is_switched_off_is_nobodys(server: ServerProcess) -> None:
    server.admin("user", "create", "leaver")
    server.admin("user", "attach", "leaver", "AmazonSSMReadOnlyAccess")
    pair = server.admin("key", "create", "leaver")
    client = server.client_of(pair)
    assert client.list_nodes()["ResponseMetadata"]

    server.admin("key", "disable", pair["AccessKeyId"])

    def refused() -> str:
        try:
            client.list_nodes()
        except ClientError as error:
            return str(error.response["Error"]["Code"])
        return ""

    assert "UnrecognizedClientException" == eventually("the key's end", refused)
