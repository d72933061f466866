"""What callers are answered, member by member, as AWS answers it."""

from datetime import UTC, datetime, timedelta

import pytest

from ostler.capabilities.commands.operations.answers import _duration
from tests.capabilities.commands.world import a_document, a_step, content_of

START = datetime(2026, 1, 1, tzinfo=UTC)
NO_NOTIFICATION = {"NotificationArn": "", "NotificationEvents": [], "NotificationType": ""}
NO_LOGGING = {"CloudWatchLogGroupName": "", "CloudWatchOutputEnabled": False}


@pytest.fixture
def engine():
    return "sqlite"


async def test_an_accepted_command_is_answered_with_every_member(world):
    given = world.order(InstanceIds=world.nodes[:1])
    answer = await world.operations.send_command(world.call(), given)

    assert {
        "CommandId": answer["Command"]["CommandId"],
        "DocumentName": "AWS-RunShellScript",
        "DocumentVersion": "$DEFAULT",
        "Comment": "",
        "ExpiresAfter": START + timedelta(hours=2),
        "Parameters": {"commands": ["true"]},
        "InstanceIds": world.nodes[:1],
        "Targets": [],
        "RequestedDateTime": START,
        "Status": "Pending",
        "StatusDetails": "Pending",
        "OutputS3Region": "eu-west-1",
        "OutputS3BucketName": "",
        "OutputS3KeyPrefix": "",
        "MaxConcurrency": "50",
        "MaxErrors": "0",
        "TargetCount": 1,
        "CompletedCount": 0,
        "ErrorCount": 0,
        "DeliveryTimedOutCount": 0,
        "ServiceRole": "",
        "NotificationConfig": NO_NOTIFICATION,
        "CloudWatchOutputConfig": NO_LOGGING,
        "TimeoutSeconds": 3600,
        "AlarmConfiguration": {"IgnorePollAlarmFailure": False, "Alarms": []},
        "TriggeredAlarms": [],
    } == answer["Command"]


async def test_what_was_given_is_answered_back(world):
    given = {
        "DocumentVersion": "1",
        "DocumentHash": "abc",
        "DocumentHashType": "Sha256",
        "Comment": "hello",
        "TimeoutSeconds": 600,
        "OutputS3BucketName": "results",
        "OutputS3KeyPrefix": "runs",
        "MaxConcurrency": "100%",
        "MaxErrors": "10%",
        "Targets": [{"Key": "InstanceIds", "Values": ["*"]}],
        "NotificationConfig": {
            "NotificationArn": "arn:aws:sns:eu-west-1:111122223333:topic",
            "NotificationEvents": ["All"],
            "NotificationType": "Invocation",
        },
        "CloudWatchOutputConfig": {
            "CloudWatchLogGroupName": "group",
            "CloudWatchOutputEnabled": True,
        },
        "AlarmConfiguration": {"IgnorePollAlarmFailure": True, "Alarms": [{"Name": "hot"}]},
    }
    role = "arn:aws:iam::111122223333:role/Notifier"
    command = await world.send(ServiceRoleArn=role, **given)
    found = await world.command(command)

    kept = {name: value for name, value in given.items() if not name.startswith("DocumentHash")}
    assert kept == {name: found[name] for name in kept}
    assert role == found["ServiceRole"]
    assert ("AWS-RunShellScript", "1", "abc", "Sha256") == world.documents.asked[-1]
    assert world.nodes == world.told(command)


async def test_nodes_are_sent_the_document_and_the_values_that_were_given(world):
    node = world.nodes[0]
    command = await world.send(
        InstanceIds=[node],
        Parameters={"commands": ["echo $(id)", "true"]},
        OutputS3BucketName="results",
        OutputS3KeyPrefix="runs",
        CloudWatchOutputConfig={"CloudWatchOutputEnabled": True},
    )
    [job] = world.courier.brought[node].values()
    content = content_of(job)

    assert f"aws.ssm.{command}.{node}" == job.job_id
    assert "aws.ssm.sendCommand" == job.topic
    assert {
        "CommandId": command,
        "DocumentName": "AWS-RunShellScript",
        "DocumentContent": world.documents.documents["AWS-RunShellScript"],
        "Parameters": {"commands": ["echo $(id)", "true"]},
        "OutputS3BucketName": "results",
        "OutputS3KeyPrefix": "runs",
        "CloudWatchLogGroupName": "",
        "CloudWatchOutputEnabled": "true",
    } == content


async def test_before_it_starts_there_is_no_code_and_no_output(world):
    node = world.nodes[0]
    command = await world.send(InstanceIds=[node])
    await world.acknowledge(command, node)

    assert {
        "CommandId": command,
        "InstanceId": node,
        "Comment": "",
        "DocumentName": "AWS-RunShellScript",
        "DocumentVersion": "$DEFAULT",
        "PluginName": "aws:runShellScript",
        "ResponseCode": -1,
        "ExecutionEndDateTime": "",
        "Status": "InProgress",
        "StatusDetails": "InProgress",
        "StandardOutputContent": "",
        "StandardOutputUrl": "",
        "StandardErrorContent": "",
        "StandardErrorUrl": "",
        "CloudWatchOutputConfig": NO_LOGGING,
    } == await world.invocation(command, node)


async def test_a_delayed_step_is_pending(world):
    command = await world.send(InstanceIds=world.nodes[:1])
    await world.pass_time(seconds=11)
    view = await world.invocation(command, world.nodes[0])
    listed = await world.invocations(command)

    assert ("Pending", "Delayed") == (view["Status"], view["StatusDetails"])
    assert "Delayed" == listed[world.nodes[0]]["Status"]


async def test_a_result_is_answered_with_every_member(world):
    node = world.nodes[0]
    command = await world.send(
        InstanceIds=[node], OutputS3BucketName="results", OutputS3KeyPrefix="runs"
    )
    await world.finish(command, node, status="Failed", code=7)
    listed = await world.invocations(command, Details=True)
    folder = f"runs/{command}/{node}/awsrunShellScript"
    url = f"https://s3.eu-west-1.amazonaws.com/results/{folder}/0.awsrunShellScript"

    assert {
        "CommandId": command,
        "InstanceId": node,
        "Comment": "",
        "DocumentName": "AWS-RunShellScript",
        "DocumentVersion": "$DEFAULT",
        "PluginName": "aws:runShellScript",
        "ResponseCode": 7,
        "ExecutionStartDateTime": "2026-01-01T00:00:01.000Z",
        "ExecutionElapsedTime": "PT2.5S",
        "ExecutionEndDateTime": "2026-01-01T00:00:03.500Z",
        "Status": "Failed",
        "StatusDetails": "Failed",
        "StandardOutputContent": "out\n",
        "StandardOutputUrl": f"{url}/stdout",
        "StandardErrorContent": "err\n",
        "StandardErrorUrl": f"{url}/stderr",
        "CloudWatchOutputConfig": NO_LOGGING,
    } == await world.invocation(command, node)
    assert {
        "CommandId": command,
        "InstanceId": node,
        "InstanceName": f"{node}.example",
        "Comment": "",
        "DocumentName": "AWS-RunShellScript",
        "DocumentVersion": "$DEFAULT",
        "RequestedDateTime": START,
        "Status": "Failed",
        "StatusDetails": "Failed",
        "StandardOutputUrl": f"{url}/stdout",
        "StandardErrorUrl": f"{url}/stderr",
        "CommandPlugins": [
            {
                "Name": "aws:runShellScript",
                "Status": "Failed",
                "StatusDetails": "Failed",
                "ResponseCode": 7,
                "ResponseStartDateTime": START + timedelta(seconds=1),
                "ResponseFinishDateTime": START + timedelta(seconds=3.5),
                "Output": "out\n\n----------ERROR-------\nerr\n",
                "StandardOutputUrl": f"{url}/stdout",
                "StandardErrorUrl": f"{url}/stderr",
                "OutputS3Region": "eu-west-1",
                "OutputS3BucketName": "results",
                "OutputS3KeyPrefix": folder,
            }
        ],
        "ServiceRole": "",
        "NotificationConfig": NO_NOTIFICATION,
        "CloudWatchOutputConfig": NO_LOGGING,
    } == listed[node]


async def test_plugins_are_listed_only_in_detail(world):
    command = await world.send(DocumentName="Two")
    plain = await world.invocations(command)
    detailed = await world.invocations(command, Details=True)
    node = world.nodes[0]

    assert [] == plain[node]["CommandPlugins"]
    assert ["first", "second"] == [one["Name"] for one in detailed[node]["CommandPlugins"]]


async def test_of_several_steps_one_is_named_or_all_come_together(world):
    node = world.nodes[0]
    command = await world.send(DocumentName="Two", InstanceIds=[node])
    await world.reply(command, node, status="InProgress", first=a_step("Failed", 3, output="a"))
    await world.reply(command, node, status="InProgress", second=a_step("Skipped"))
    await world.reply(command, node, status="Failed")
    together = await world.invocation(command, node)
    first = await world.invocation(command, node, PluginName="first")
    second = await world.invocation(command, node, PluginName="second")

    assert ("", 3, "Failed", "") == tuple(
        together[name] for name in ("PluginName", "ResponseCode", "Status", "StandardOutputContent")
    )
    assert ("first", 3, "a") == tuple(
        first[name] for name in ("PluginName", "ResponseCode", "StandardOutputContent")
    )
    assert ("second", 0, "Success") == tuple(
        second[name] for name in ("PluginName", "ResponseCode", "Status")
    )


async def test_while_one_step_runs_the_next_is_pending(world):
    node = world.nodes[0]
    command = await world.send(DocumentName="Two", InstanceIds=[node])
    await world.acknowledge(command, node)
    begun = await world.invocations(command, Details=True)
    await world.reply(command, node, status="InProgress", first=a_step())
    going_on = await world.invocations(command, Details=True)

    def statuses(found):
        return [one["Status"] for one in found[node]["CommandPlugins"]]

    assert ["InProgress", "Pending"] == statuses(begun)
    assert ["Success", "InProgress"] == statuses(going_on)


async def test_what_there_is_not_is_said_in_aws_words(world):
    node = world.nodes[0]
    command = await world.send(InstanceIds=[node])

    with pytest.raises(Exception, match=f"Invocation not found for {command}, {world.nodes[1]}"):
        await world.invocation(command, world.nodes[1])
    with pytest.raises(Exception, match="Plugin nothing not found for invocation") as refused:
        await world.invocation(command, node, PluginName="nothing")
    assert "InvalidPluginName" == refused.value.code


async def test_output_is_cut_where_the_api_ends(world):
    node = world.nodes[0]
    command = await world.send(InstanceIds=[node])
    step = a_step(output="o" * 30_000, error="e" * 10_000, both="b" * 3_000)
    await world.reply(command, node, status="Success", aws__runShellScript=step)
    view = await world.invocation(command, node)
    listed = await world.invocations(command, Details=True)
    [plugin] = listed[node]["CommandPlugins"]

    assert (24_000, 8_000, 2_500) == (
        len(view["StandardOutputContent"]),
        len(view["StandardErrorContent"]),
        len(plugin["Output"]),
    )
    assert view["StandardOutputContent"].endswith("--output truncated--")


async def test_what_no_database_can_keep_is_replaced(world):
    node = world.nodes[0]
    command = await world.send(InstanceIds=[node])
    step = a_step(output="a\0b\ud800c")
    await world.reply(command, node, status="Success", aws__runShellScript=step)

    assert "a\ufffdb?c" == (await world.invocation(command, node))["StandardOutputContent"]


async def test_a_reply_about_steps_that_there_are_not_adds_none(world):
    node = world.nodes[0]
    command = await world.send(InstanceIds=[node])
    await world.reply(command, node, status="InProgress", invented=a_step())
    listed = await world.invocations(command, Details=True)

    assert ["aws:runShellScript"] == [one["Name"] for one in listed[node]["CommandPlugins"]]


# Lists


async def listed(world, operation="list_commands", **given):
    """The ids that a list gives, page after page."""
    found, token = [], {}
    while True:
        answer = await getattr(world.operations, operation)(
            world.call("ssm:List"), {**given, **token}
        )
        member = "Commands" if operation == "list_commands" else "CommandInvocations"
        found += [
            (one["CommandId"], one.get("InstanceId", ""))
            if member != "Commands"
            else one["CommandId"]
            for one in answer[member]
        ]
        if "NextToken" not in answer:
            return found
        token = {"NextToken": answer["NextToken"]}


async def test_commands_are_listed_newest_first_page_by_page(world):
    sent = []
    for _ in range(5):
        sent.append(await world.send(InstanceIds=world.nodes[:1]))
        await world.pass_time(seconds=1)

    assert sent[::-1] == await listed(world)
    assert sent[::-1] == await listed(world, MaxResults=2)


async def test_commands_of_one_instant_are_each_listed_once(world):
    sent = [await world.send(InstanceIds=world.nodes[:1]) for _ in range(5)]

    assert sorted(sent) == await listed(world, MaxResults=2)


async def test_invocations_are_listed_page_by_page(world):
    first = await world.send()
    await world.pass_time(seconds=1)
    second = await world.send()
    expected = [(command, node) for command in (second, first) for node in world.nodes]

    assert expected == await listed(world, "list_command_invocations", MaxResults=2)
    assert expected[:3] == await listed(world, "list_command_invocations", CommandId=second)
    assert [expected[0], expected[3]] == await listed(
        world, "list_command_invocations", InstanceId=world.nodes[0]
    )


def a_filter(**wanted):
    return {"Filters": [{"key": key, "value": value} for key, value in wanted.items()]}


async def test_filters_leave_out_what_is_not_wanted(world):
    early = await world.send(InstanceIds=world.nodes[:1])
    await world.pass_time(minutes=10)
    failed = await world.send(InstanceIds=world.nodes[:1])
    await world.finish(failed, world.nodes[0], status="Failed", code=1)
    await world.pass_time(minutes=10)
    two = await world.send(DocumentName="Two", InstanceIds=world.nodes[1:2])

    async def found(**wanted):
        return await listed(world, **a_filter(**wanted))

    assert [two, failed] == await found(InvokedAfter="2026-01-01T00:05:00Z")
    assert [early] == await found(InvokedBefore="2026-01-01T00:05:00Z")
    assert [failed] == await found(Status="Failed")
    assert [two, early] == await found(Status="Pending")
    assert [failed] == await found(ExecutionStage="Complete")
    assert [two, early] == await found(ExecutionStage="Executing")
    assert [two] == await found(DocumentName="Two")
    assert [] == await found(Status="LimitExceeded")
    assert [failed] == await found(Status="Failed", ExecutionStage="Complete")
    assert [] == await found(Status="Failed", ExecutionStage="Executing")
    assert [two] == await listed(world, InstanceId=world.nodes[1])
    assert [] == await listed(world, CommandId="00000000-0000-4000-8000-999000999000")


async def test_invocations_are_filtered_by_coarse_and_fine_statuses(world):
    command = await world.send(MaxConcurrency="1", TimeoutSeconds=30)
    first, *others = world.nodes
    await world.finish(command, first)
    await world.pass_time(seconds=31)

    async def found(**wanted):
        pairs = await listed(world, "list_command_invocations", **a_filter(**wanted))
        return [node for _, node in pairs]

    assert [first] == await found(Status="Success")
    assert others == await found(Status="TimedOut")
    assert others == await found(Status="DeliveryTimedOut", DocumentName="AWS-RunShellScript")
    assert [] == await found(Status="Undeliverable")
    assert [] == await found(InvokedAfter="2026-01-02T00:00:00Z")


@pytest.mark.parametrize(
    ("operation", "wanted", "code"),
    [
        ("list_command_invocations", {"ExecutionStage": "Complete"}, "InvalidFilterKey"),
        ("list_commands", {"Status": "Great"}, "ValidationException"),
        ("list_commands", {"ExecutionStage": "Now"}, "ValidationException"),
        ("list_commands", {"InvokedAfter": "yesterday"}, "ValidationException"),
        ("list_commands", {"Colour": "red"}, "InvalidFilterKey"),
    ],
)
async def test_filters_that_cannot_be_are_refused(world, operation, wanted, code):
    with pytest.raises(Exception) as refused:
        await listed(world, operation, **a_filter(**wanted))
    assert code == refused.value.code


async def test_a_token_continues_only_its_own_question(world):
    for _ in range(3):
        await world.send(InstanceIds=world.nodes[:1])
    call = world.call("ssm:ListCommands")
    answer = await world.operations.list_commands(call, {"MaxResults": 1})
    given = {"NextToken": answer["NextToken"], "InstanceId": world.nodes[0]}

    with pytest.raises(Exception) as refused:
        await world.operations.list_commands(world.call("ssm:ListCommands"), given)
    assert "InvalidNextToken" == refused.value.code


# How long it may take


@pytest.mark.parametrize(
    ("inputs", "parameters", "seconds"),
    [
        # Recorded at AWS with TimeoutSeconds 30.
        ({"timeoutSeconds": "5"}, {}, 35),
        ({"timeoutSeconds": "{{ t }}"}, {}, 3630),
        ({"timeoutSeconds": "{{ t }}"}, {"t": ["7"]}, 37),
        ({}, {}, 3630),
        ({"timeoutSeconds": 60}, {}, 90),
        ({"timeoutSeconds": "soon"}, {}, 3630),
    ],
)
async def test_expires_after_is_both_limits_together(world, inputs, parameters, seconds):
    world.documents.documents["Timed"] = a_document("one", **inputs)
    command = await world.send(DocumentName="Timed", TimeoutSeconds=30, Parameters=parameters)

    found = (await world.command(command))["ExpiresAfter"]
    assert START + timedelta(seconds=seconds) == found


async def test_the_limits_of_steps_add_up(world):
    world.documents.documents["Timed"] = a_document("one", "two", timeoutSeconds="6")
    command = await world.send(DocumentName="Timed", TimeoutSeconds=30)

    assert START + timedelta(seconds=42) == (await world.command(command))["ExpiresAfter"]


@pytest.mark.parametrize(
    ("elapsed", "written"),
    [
        ({"milliseconds": 3}, "PT0.003S"),
        ({}, "PT0S"),
        ({"seconds": 60}, "PT1M"),
        ({"hours": 1, "minutes": 2, "seconds": 3.456}, "PT1H2M3.456S"),
        ({"seconds": -1}, "PT0S"),
    ],
)
def test_durations_are_written_as_iso_has_them(elapsed, written):
    assert written == _duration(timedelta(**elapsed))
