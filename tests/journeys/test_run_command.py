"""Run Command by boto3, on real agents: what an operator sees."""

from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.support.processes import AgentProcess, eventually

ENDED = {"Success", "Failed", "TimedOut", "Cancelled"}


def send(ssm: Any, script: str, **given: Any) -> str:
    """Send a shell script; the command's id."""
    given = {"Targets": [{"Key": "tag:role", "Values": ["fleet"]}]} | given
    if "InstanceIds" in given:
        del given["Targets"]
    parameters = {"commands": [script], **given.pop("Parameters", {})}
    sent = ssm.send_command(DocumentName="AWS-RunShellScript", Parameters=parameters, **given)
    return str(sent["Command"]["CommandId"])


def ended(ssm: Any, command: str) -> dict[str, Any]:
    """The command, once it has ended."""

    def found() -> dict[str, Any] | None:
        told: dict[str, Any] = ssm.list_commands(CommandId=command)["Commands"][0]
        return told if told["Status"] in ENDED else None

    return eventually(f"the end of {command}", found)


def answer(ssm: Any, command: str, node: str) -> dict[str, Any]:
    told: dict[str, Any] = ssm.get_command_invocation(CommandId=command, InstanceId=node)
    return told


def test_every_tagged_node_answers(ssm: Any, fleet: list[str]) -> None:
    command = send(ssm, "echo out-$AWS_SSM_INSTANCE_ID; echo err >&2")

    told = ended(ssm, command)

    assert ("Success", 3, 3, 0) == (
        told["Status"],
        told["TargetCount"],
        told["CompletedCount"],
        told["ErrorCount"],
    )
    for node in fleet:
        heard = answer(ssm, command, node)
        assert f"out-{node}\n" == heard["StandardOutputContent"]
        assert "err\n" == heard["StandardErrorContent"]
        assert 0 == heard["ResponseCode"]


def test_an_accepted_command_is_known_at_once(ssm: Any, fleet: list[str]) -> None:
    """AWS answers InvocationDoesNotExist for a while; here it never does."""
    command = send(ssm, "true", InstanceIds=fleet[:1])

    assert command == answer(ssm, command, fleet[0])["CommandId"]


def test_the_waiter_sees_the_end(ssm: Any, fleet: list[str]) -> None:
    command = send(ssm, "true", InstanceIds=fleet[:1])

    ssm.get_waiter("command_executed").wait(
        CommandId=command, InstanceId=fleet[0], WaiterConfig={"Delay": 1, "MaxAttempts": 30}
    )

    assert "Success" == answer(ssm, command, fleet[0])["Status"]


def test_a_failing_script_fails_with_its_exit_status(ssm: Any, fleet: list[str]) -> None:
    command = send(ssm, "exit 7", InstanceIds=fleet[:1])

    told = ended(ssm, command)

    assert ("Failed", "Failed", 1) == (told["Status"], told["StatusDetails"], told["ErrorCount"])
    assert 7 == answer(ssm, command, fleet[0])["ResponseCode"]


def test_more_errors_than_allowed_stop_the_rest(ssm: Any, fleet: list[str]) -> None:
    command = send(ssm, "exit 1", MaxConcurrency="1", MaxErrors="0")

    ended(ssm, command)

    invocations = ssm.list_command_invocations(CommandId=command)["CommandInvocations"]
    assert ["Failed", "Terminated", "Terminated"] == sorted(
        each["StatusDetails"] for each in invocations
    )


def test_a_running_script_is_cancelled(ssm: Any, fleet: list[str]) -> None:
    command = send(ssm, "echo begun; sleep 300", InstanceIds=fleet[:1])
    eventually(
        "the script's start",
        lambda: answer(ssm, command, fleet[0])["Status"] == "InProgress",
    )

    ssm.cancel_command(CommandId=command)

    assert "Cancelled" == ended(ssm, command)["Status"]
    assert "Cancelled" == answer(ssm, command, fleet[0])["Status"]


def test_a_script_over_its_time_is_ended(ssm: Any, fleet: list[str]) -> None:
    command = send(
        ssm,
        "sleep 300",
        InstanceIds=fleet[:1],
        Parameters={"executionTimeout": ["1"]},
    )

    ended(ssm, command)

    told = answer(ssm, command, fleet[0])
    assert ("TimedOut", "ExecutionTimedOut") == (told["Status"], told["StatusDetails"])


def test_a_silent_node_gets_its_command_when_it_comes(
    ssm: Any, new_agent: Callable[..., AgentProcess]
) -> None:
    agent = new_agent(role="late")
    node = ssm.describe_instance_information(Filters=[{"Key": "tag:role", "Values": ["late"]}])[
        "InstanceInformationList"
    ][0]["InstanceId"]
    command = send(ssm, "echo at last", InstanceIds=[node])
    assert "Pending" == ssm.list_commands(CommandId=command)["Commands"][0]["Status"]

    agent.start()

    assert "Success" == ended(ssm, command)["Status"]
    assert "at last\n" == answer(ssm, command, node)["StandardOutputContent"]


def test_long_output_is_cut_for_the_api(ssm: Any, fleet: list[str]) -> None:
    command = send(ssm, "yes 0123456789 | head -c 100000", InstanceIds=fleet[:1])

    ended(ssm, command)

    assert 24000 >= len(answer(ssm, command, fleet[0])["StandardOutputContent"]) > 20000


def test_steps_follow_each_other_and_skip_by_platform(ssm: Any, fleet: list[str]) -> None:
    content = """
schemaVersion: "2.2"
description: Two steps and one for another platform
parameters:
  greeting: {type: String, default: hello}
mainSteps:
- {action: aws:runShellScript, name: first, inputs: {runCommand: ["echo {{ greeting }}"]}}
- action: aws:runPowerShellScript
  name: elsewhere
  precondition: {StringEquals: [platformType, Windows]}
  inputs: {runCommand: ["Write-Host no"]}
- {action: aws:runShellScript, name: last, inputs: {runCommand: ["echo bye"]}}
"""
    ssm.create_document(
        Name="journey-steps", Content=content, DocumentType="Command", DocumentFormat="YAML"
    )
    sent = ssm.send_command(
        DocumentName="journey-steps",
        InstanceIds=fleet[:1],
        Parameters={"greeting": ["good day"]},
    )["Command"]

    ended(ssm, sent["CommandId"])

    plugins = ssm.list_command_invocations(CommandId=sent["CommandId"], Details=True)[
        "CommandInvocations"
    ][0]["CommandPlugins"]
    assert ["first", "elsewhere", "last"] == [plugin["Name"] for plugin in plugins]
    told = ssm.get_command_invocation(
        CommandId=sent["CommandId"], InstanceId=fleet[0], PluginName="first"
    )
    assert "good day\n" == told["StandardOutputContent"]


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({"DocumentName": "no-such-document"}, "InvalidDocument"),
        ({"InstanceIds": ["mi-00000000000000000"]}, "InvalidInstanceId"),
        ({"Parameters": {"nonsense": ["x"]}}, "InvalidParameters"),
        ({"Parameters": {}}, "InvalidParameters"),
        ({"TimeoutSeconds": 1}, "ValidationException"),
        ({"MaxConcurrency": "none"}, "ValidationException"),
        ({"DocumentVersion": "99"}, "InvalidDocumentVersion"),
    ],
)
def test_bad_input_is_refused_and_starts_nothing(
    ssm: Any, unchecked: Any, fleet: list[str], given: dict[str, Any], code: str
) -> None:
    before = len(ssm.list_commands(MaxResults=50)["Commands"])
    good = {
        "DocumentName": "AWS-RunShellScript",
        "InstanceIds": fleet[:1],
        "Parameters": {"commands": ["true"]},
    }

    with pytest.raises(ClientError) as refused:
        unchecked.send_command(**(good | given))

    assert code == refused.value.response["Error"]["Code"]
    assert before == len(ssm.list_commands(MaxResults=50)["Commands"])
