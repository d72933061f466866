"""Run Command by boto3, on real agents: what an operator sees."""

from collections.abc import Callable
from datetime import UTC, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.journeys.commands import answer, ended, invocations, send, told
from tests.support.processes import AgentProcess, eventually


def test_every_tagged_node_answers(ssm: Any, fleet: list[str]) -> None:
    command = send(ssm, "echo out-$AWS_SSM_INSTANCE_ID; echo err >&2")

    seen = ended(ssm, command)

    assert ("Success", "Success", 3, 3, 0, 0) == (
        seen["Status"],
        seen["StatusDetails"],
        seen["TargetCount"],
        seen["CompletedCount"],
        seen["ErrorCount"],
        seen["DeliveryTimedOutCount"],
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


def test_what_was_ordered_is_answered_back(ssm: Any, fleet: list[str]) -> None:
    order = {
        "DocumentName": "AWS-RunShellScript",
        "DocumentVersion": "$LATEST",
        "InstanceIds": fleet[:2],
        "Parameters": {"commands": ["true"], "executionTimeout": ["600"]},
        "Comment": "an order with everything",
        "TimeoutSeconds": 120,
        "MaxConcurrency": "50%",
        "MaxErrors": "1",
        "OutputS3BucketName": "output-of-commands",
        "OutputS3KeyPrefix": "nightly/run",
        "CloudWatchOutputConfig": {
            "CloudWatchLogGroupName": "commands",
            "CloudWatchOutputEnabled": True,
        },
        "AlarmConfiguration": {"IgnorePollAlarmFailure": True, "Alarms": [{"Name": "too-hot"}]},
    }

    sent = ssm.send_command(**order)["Command"]

    assert order == {name: sent[name] for name in order}
    assert "Pending" == sent["Status"] == sent["StatusDetails"]
    assert timedelta(seconds=720) == sent["ExpiresAfter"] - sent["RequestedDateTime"]
    ended(ssm, sent["CommandId"])
    listed = told(ssm, sent["CommandId"])
    assert order == {name: listed[name] for name in order}


def test_the_waiter_sees_the_end(ssm: Any, fleet: list[str]) -> None:
    command = send(ssm, "true", InstanceIds=fleet[:1])

    ssm.get_waiter("command_executed").wait(
        CommandId=command, InstanceId=fleet[0], WaiterConfig={"Delay": 1, "MaxAttempts": 30}
    )

    assert "Success" == answer(ssm, command, fleet[0])["Status"]


def test_a_failing_script_fails_with_its_exit_status(ssm: Any, fleet: list[str]) -> None:
    command = send(ssm, "exit 7", InstanceIds=fleet[:1])

    seen = ended(ssm, command)

    assert ("Failed", "Failed", 1) == (seen["Status"], seen["StatusDetails"], seen["ErrorCount"])
    assert 7 == answer(ssm, command, fleet[0])["ResponseCode"]


def test_more_errors_than_allowed_stop_the_rest(ssm: Any, fleet: list[str]) -> None:
    command = send(ssm, "exit 1", MaxConcurrency="1", MaxErrors="0")

    seen = ended(ssm, command)

    assert ("Failed", 1) == (seen["Status"], seen["ErrorCount"])
    assert ["Failed", "Terminated", "Terminated"] == sorted(
        each["StatusDetails"] for each in invocations(ssm, command)
    )


def test_as_many_errors_as_allowed_stop_nothing(ssm: Any, fleet: list[str]) -> None:
    command = send(
        ssm, f"test $AWS_SSM_INSTANCE_ID != {fleet[0]}", MaxConcurrency="1", MaxErrors="1"
    )

    seen = ended(ssm, command)

    assert ("Failed", "Incomplete", 1, 3) == (
        seen["Status"],
        seen["StatusDetails"],
        seen["ErrorCount"],
        seen["CompletedCount"],
    )


def test_no_more_run_at_once_than_allowed(ssm: Any, fleet: list[str], tmp_path: Any) -> None:
    script = f"cd {tmp_path}; mkdir alone || exit 3; sleep 0.1; rmdir alone"
    command = send(ssm, script, MaxConcurrency="1")

    assert "Success" == ended(ssm, command)["Status"]


def test_a_running_script_is_cancelled(ssm: Any, fleet: list[str]) -> None:
    command = send(ssm, "echo begun; sleep 300", InstanceIds=fleet[:1])
    eventually(
        "the script's start",
        lambda: answer(ssm, command, fleet[0])["Status"] == "InProgress",
    )

    ssm.cancel_command(CommandId=command)

    assert "Cancelled" == ended(ssm, command)["Status"]
    assert "Cancelled" == answer(ssm, command, fleet[0])["Status"]


def test_one_node_of_several_is_cancelled(ssm: Any, fleet: list[str], silent: list[str]) -> None:
    command = send(ssm, "true", InstanceIds=[fleet[0], silent[0]])

    ssm.cancel_command(CommandId=command, InstanceIds=[silent[0]])

    ended(ssm, command)
    assert "Success" == answer(ssm, command, fleet[0])["Status"]
    assert "Cancelled" == answer(ssm, command, silent[0])["Status"]


def test_cancelling_needs_a_command_and_its_nodes(ssm: Any, fleet: list[str]) -> None:
    command = send(ssm, "true", InstanceIds=fleet[:1])

    with pytest.raises(ssm.exceptions.InvalidCommandId):
        ssm.cancel_command(CommandId="00000000-0000-4000-8000-000000000000")
    with pytest.raises(ssm.exceptions.InvalidInstanceId):
        ssm.cancel_command(CommandId=command, InstanceIds=fleet[1:2])
    with pytest.raises(ssm.exceptions.DuplicateInstanceId):
        ssm.cancel_command(CommandId=command, InstanceIds=[fleet[0], fleet[0]])

    assert "Success" == ended(ssm, command)["Status"]


def test_a_script_over_its_time_is_ended(ssm: Any, fleet: list[str]) -> None:
    """Five seconds are the least that agents heed."""
    command = send(
        ssm,
        "sleep 300",
        InstanceIds=fleet[:1],
        Parameters={"executionTimeout": ["5"]},
    )

    seen = ended(ssm, command)

    assert ("Failed", 1) == (seen["Status"], seen["ErrorCount"])
    heard = answer(ssm, command, fleet[0])
    assert ("TimedOut", "ExecutionTimedOut") == (heard["Status"], heard["StatusDetails"])


def test_a_silent_node_gets_its_command_when_it_comes(
    ssm: Any, new_agents: Callable[..., list[AgentProcess]]
) -> None:
    [agent] = new_agents(role="late")
    command = send(ssm, "echo at last", InstanceIds=[agent.node])
    assert "Pending" == told(ssm, command)["Status"]

    agent.start()

    assert "Success" == ended(ssm, command)["Status"]
    assert "at last\n" == answer(ssm, command, agent.node)["StandardOutputContent"]
    agent.stop()


def test_a_command_that_nobody_takes_times_out(ssm: Any, silent: list[str], expiring: str) -> None:
    seen = ended(ssm, expiring)

    assert ("TimedOut", "DeliveryTimedOut", 0, 1) == (
        seen["Status"],
        seen["StatusDetails"],
        seen["ErrorCount"],
        seen["DeliveryTimedOutCount"],
    )
    heard = answer(ssm, expiring, silent[2])
    assert ("TimedOut", "DeliveryTimedOut", -1) == (
        heard["Status"],
        heard["StatusDetails"],
        heard["ResponseCode"],
    )


def test_times_are_told_of_what_has_ended(ssm: Any, fleet: list[str]) -> None:
    command = send(ssm, "sleep 0.1", InstanceIds=fleet[:1])

    ended(ssm, command)

    heard = answer(ssm, command, fleet[0])
    assert heard["ExecutionStartDateTime"] < heard["ExecutionEndDateTime"]
    assert heard["ExecutionElapsedTime"].startswith("PT0.")
    [plugin] = invocations(ssm, command, Details=True)[0]["CommandPlugins"]
    assert plugin["ResponseStartDateTime"] < plugin["ResponseFinishDateTime"]


def test_what_does_not_exist_is_told_apart(ssm: Any, fleet: list[str]) -> None:
    command = send(ssm, "true", InstanceIds=fleet[:1])
    nothing = "00000000-0000-4000-8000-000000000000"

    with pytest.raises(ssm.exceptions.InvocationDoesNotExist):
        ssm.get_command_invocation(CommandId=nothing, InstanceId=fleet[0])
    with pytest.raises(ssm.exceptions.InvocationDoesNotExist):
        ssm.get_command_invocation(CommandId=command, InstanceId=fleet[1])
    with pytest.raises(ssm.exceptions.InvalidPluginName):
        ssm.get_command_invocation(CommandId=command, InstanceId=fleet[0], PluginName="other")

    ended(ssm, command)


def test_lists_are_filtered(ssm: Any, fleet: list[str]) -> None:
    failing = send(ssm, "exit 1", InstanceIds=fleet[:1], Comment="first of two")
    last = send(ssm, "true", InstanceIds=fleet[1:2], Comment="second of two")
    requested = ended(ssm, failing)["RequestedDateTime"], ended(ssm, last)["RequestedDateTime"]
    after = (requested[0] - timedelta(seconds=1)).astimezone(UTC).isoformat()

    def commands(*filters: tuple[str, str], **given: Any) -> set[str]:
        wanted = [{"key": key, "value": value} for key, value in filters]
        wanted.append({"key": "InvokedAfter", "value": after})
        found = ssm.list_commands(Filters=wanted, **given)["Commands"]
        return {each["CommandId"] for each in found} & {failing, last}

    assert {failing, last} == commands()
    assert {failing} == commands(("Status", "Failed"))
    assert {last} == commands(("Status", "Success"))
    assert {failing, last} == commands(("ExecutionStage", "Complete"))
    assert set() == commands(("ExecutionStage", "Executing"))
    assert {failing, last} == commands(("DocumentName", "AWS-RunShellScript"))
    assert set() == commands(("DocumentName", "AWS-Noop"))
    assert {last} == commands(InstanceId=fleet[1])
    assert set() == commands(("InvokedBefore", after))
    found = ssm.list_command_invocations(
        InstanceId=fleet[0],
        Filters=[{"key": "Status", "value": "Failed"}, {"key": "InvokedAfter", "value": after}],
    )["CommandInvocations"]
    assert [failing] == [each["CommandId"] for each in found]


def test_pages_show_every_command_once(ssm: Any, fleet: list[str]) -> None:
    sent = {send(ssm, "true", InstanceIds=fleet[:1]) for _ in range(3)}
    few = {"PaginationConfig": {"PageSize": 2}}

    commands = [
        each["CommandId"]
        for page in ssm.get_paginator("list_commands").paginate(InstanceId=fleet[0], **few)
        for each in page["Commands"]
    ]
    seen = [
        each["CommandId"]
        for page in ssm.get_paginator("list_command_invocations").paginate(
            InstanceId=fleet[0], **few
        )
        for each in page["CommandInvocations"]
    ]

    assert len(commands) == len(set(commands))
    assert commands == seen
    assert sent <= set(commands)


def test_a_page_token_is_good_for_its_own_question_only(ssm: Any, fleet: list[str]) -> None:
    for _ in range(2):
        send(ssm, "true", InstanceIds=fleet[:1])
    token = ssm.list_commands(InstanceId=fleet[0], MaxResults=1)["NextToken"]

    for given in ({"InstanceId": fleet[1]}, {"InstanceId": fleet[0], "MaxResults": 50}):
        try:
            ssm.list_commands(NextToken=token, **given)
        except ssm.exceptions.InvalidNextToken:
            continue
        assert fleet[0] == given["InstanceId"]
    with pytest.raises(ClientError, match="InvalidNextToken"):
        ssm.list_command_invocations(InstanceId=fleet[0], NextToken=token)
    with pytest.raises(ClientError, match="InvalidNextToken"):
        ssm.list_commands(NextToken="nonsense")


def test_values_come_from_parameter_store(ssm: Any, fleet: list[str]) -> None:
    """The nodes get what the name stands for when the command is accepted."""
    ssm.put_parameter(Name="/journey/greeting", Value="good day", Type="String", Overwrite=True)
    ssm.put_parameter(Name="/journey/hidden", Value="x", Type="SecureString", Overwrite=True)

    command = send(ssm, "echo {{ssm:/journey/greeting:1}} to all", InstanceIds=fleet[:1])
    ended(ssm, command)

    assert "good day to all\n" == answer(ssm, command, fleet[0])["StandardOutputContent"]
    assert ["echo {{ssm:/journey/greeting:1}} to all"] == told(ssm, command)["Parameters"][
        "commands"
    ]
    with pytest.raises(ssm.exceptions.InvalidParameters, match="SecureString are not supported"):
        send(ssm, "echo {{ssm:/journey/hidden}}", InstanceIds=fleet[:1])
    ssm.delete_parameters(Names=["/journey/greeting", "/journey/hidden"])
