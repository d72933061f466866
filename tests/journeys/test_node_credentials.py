"""What a node may do with its own credentials: what a node does, for itself alone."""

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from ostler.wire.http import Request
from tests.journeys.commands import described, ended, send
from tests.journeys.raw import Answer, Pen
from tests.support.processes import AgentProcess, ServerProcess, eventually


@pytest.fixture(scope="module")
def pen(server: ServerProcess, crew: list[AgentProcess]) -> Pen:
    """Writes with the first node's credentials."""
    found = eventually("its credentials", lambda: crew[0].credentials)
    return Pen(
        server,
        found["aws_access_key_id"],
        found["aws_secret_access_key"],
        found["aws_session_token"],
    )


@pytest.fixture(scope="module")
def as_node(server: ServerProcess, pen: Pen) -> Any:
    """boto3 with the same credentials."""
    return server.client(
        aws_access_key_id=pen.access_key,
        aws_secret_access_key=pen.secret,
        aws_session_token=pen.token,
    )


def heartbeat(pen: Pen, node: str, name: str) -> Answer:
    given = {"InstanceId": node, "AgentVersion": "3.3.0.0", "ComputerName": name}
    return pen.ask("UpdateInstanceInformation", given)


def to_relay(pen: Pen, method: str, path: str, body: bytes = b"", query: str = "") -> Answer:
    """A request to one of the agents' channels, signed as they sign it."""
    host = pen.request("x", b"").headers["host"]
    return pen.send(
        pen.signed(Request(method, path, query, {"host": host}, body), service="ssmmessages")
    )


def test_a_node_reports_for_itself_only(pen: Pen, ssm: Any, fleet: list[str]) -> None:
    before = described(ssm, fleet[1])["ComputerName"]

    answer = heartbeat(pen, fleet[1], "not-me")

    assert (400, "AccessDeniedException") == (answer.status, answer.code)
    assert before == described(ssm, fleet[1])["ComputerName"]
    version = described(ssm, fleet[0])["AgentVersion"]
    own = {"InstanceId": fleet[0], "AgentVersion": version, "ComputerName": before}
    assert 200 == pen.ask("UpdateInstanceInformation", own).status


def test_a_node_does_not_act_as_an_operator(as_node: Any, ssm: Any, fleet: list[str]) -> None:
    node = {"ResourceType": "ManagedInstance", "ResourceId": fleet[0]}
    calls: dict[str, dict[str, Any]] = {
        "send_command": {
            "DocumentName": "AWS-RunShellScript",
            "InstanceIds": fleet[:1],
            "Parameters": {"commands": ["true"]},
        },
        "create_activation": {"IamRole": "OstlerManagedInstance"},
        "describe_instance_information": {},
        "list_nodes": {},
        "list_commands": {},
        "deregister_managed_instance": {"InstanceId": fleet[0]},
        "update_managed_instance_role": {"InstanceId": fleet[0], "IamRole": "X"},
        "add_tags_to_resource": {**node, "Tags": [{"Key": "env", "Value": "live"}]},
        "create_document": {"Name": "Journey.ByNode", "Content": "{}"},
        "delete_document": {"Name": "AWS-Noop"},
    }

    for operation, given in calls.items():
        with pytest.raises(ClientError, match="AccessDeniedException") as refused:
            getattr(as_node, operation)(**given)
        assert f"/{fleet[0]} is not authorized to perform" in str(refused.value)


def test_a_node_reads_documents(as_node: Any) -> None:
    assert "aws:runShellScript" in as_node.get_document(Name="AWS-RunShellScript")["Content"]


def test_a_nodes_credentials_are_of_its_region(
    server: ServerProcess, as_node: Any, pen: Pen
) -> None:
    elsewhere = server.client(
        aws_access_key_id=pen.access_key,
        aws_secret_access_key=pen.secret,
        aws_session_token=pen.token,
        region_name="eu-west-1",
    )

    with pytest.raises(ClientError, match="AccessDeniedException"):
        elsewhere.get_document(Name="AWS-RunShellScript")


def test_a_control_channel_is_opened_by_its_node_only(pen: Pen, fleet: list[str]) -> None:
    body = json.dumps({"MessageSchemaVersion": "1.0", "RequestId": fleet[0]}).encode()

    own = to_relay(pen, "POST", f"/v1/control-channel/{fleet[0]}", body)
    others = to_relay(pen, "POST", f"/v1/control-channel/{fleet[1]}", body)

    assert (201, True) == (own.status, b"<TokenValue>" in own.body)
    assert 403 == others.status


def test_an_operator_opens_no_control_channel(server: ServerProcess, fleet: list[str]) -> None:
    answer = to_relay(Pen(server), "POST", f"/v1/control-channel/{fleet[0]}", b"{}")

    assert 403 == answer.status


def test_messages_are_fetched_by_their_node_only(pen: Pen, fleet: list[str]) -> None:
    given = {
        "Destination": fleet[1],
        "MessagesRequestId": "0" * 36,
        "VisibilityTimeoutInSeconds": 10,
    }

    answer = pen.ask(
        "GetMessages", given, prefix="EC2WindowsMessageDeliveryService", service="ec2messages"
    )

    assert "AccessDeniedException" == answer.code


def test_output_is_brought_by_its_node_only(pen: Pen, ssm: Any, fleet: list[str]) -> None:
    command = send(ssm, "echo mine", InstanceIds=[fleet[1]])
    ended(ssm, command)
    path = f"/v1/output/{command}/aws%3ArunShellScript/stdout"

    answer = to_relay(pen, "PUT", path, b"not mine", "offset=5&final=true")

    assert answer.status in (400, 403, 404)
