"""A command's way from its order to its end, on both engines."""

import asyncio

import pytest

from ostler.foundation.errors import AccessDeniedException, NotYetImplemented
from ostler.foundation.ids import NodeId
from tests.capabilities.commands.world import FakeNode, FakeValue, World, a_document, a_step

# The ordinary way


async def test_a_command_runs_on_its_nodes_and_ends(world):
    command = await world.send()
    sent = await world.standing(command)
    told = world.told(command)
    await world.acknowledge(command, *world.nodes)
    running = await world.standing(command)
    await world.finish(command, *world.nodes)

    assert ("Pending", "Pending") == sent
    assert world.nodes == told
    assert ("InProgress", "InProgress") == running
    assert ("Success", "Success") == await world.standing(command)
    assert ["Success"] * 3 == await world.standings(command)


async def test_a_reply_counts_before_its_acknowledgement_does(world):
    """The two travel side by side."""
    command = await world.send(InstanceIds=world.nodes[:1])

    await world.finish(command, *world.nodes[:1])
    await world.acknowledge(command, *world.nodes[:1])

    assert ("Success", "Success") == await world.standing(command)


async def test_the_whole_document_may_end_before_its_steps_are_known(world):
    node = world.nodes[0]
    command = await world.send(DocumentName="Two", InstanceIds=[node])
    await world.reply(command, node, status="Success")
    early = await world.invocation(command, node, PluginName="second")
    await world.reply(command, node, status="InProgress", second=a_step(output="late\n"))
    late = await world.invocation(command, node, PluginName="second")

    assert ("Success", "Success") == await world.standing(command)
    assert ("InProgress", -1, "") == (
        early["Status"],
        early["ResponseCode"],
        early["StandardOutputContent"],
    )
    assert ("Success", 0, "late\n") == (
        late["Status"],
        late["ResponseCode"],
        late["StandardOutputContent"],
    )


async def test_a_reboot_is_not_the_end(world):
    node = world.nodes[0]
    command = await world.send(InstanceIds=[node])
    await world.finish(command, node, status="SuccessAndReboot", code=194)
    rebooting = await world.invocation(command, node)
    await world.finish(command, node)

    assert ("InProgress", -1) == (rebooting["Status"], rebooting["ResponseCode"])
    assert ("Success", "Success") == await world.standing(command)


async def test_nobody_speaks_for_another_node(world):
    first, second, _ = world.nodes
    command = await world.send()
    stranger = NodeId("mi-fffffffffffffffff")

    await world.finish(command, stranger)
    await world.acknowledged(second, f"aws.ssm.{command}.{first}")
    await world.acknowledged(second, "nonsense")

    assert ["Pending"] * 3 == await world.standings(command)


async def test_another_account_does_not_see_it(world, other_scope):
    command = await world.send()
    world.scope = other_scope

    found = await world.operations.list_commands(world.call("ssm:ListCommands"), {})
    await world.finish(command, *world.nodes)

    assert [] == found["Commands"]


# Waves


async def test_only_so_many_run_at_once(world):
    command = await world.send(MaxConcurrency="1")
    waves = [world.told(command)]
    for node in world.nodes:
        await world.acknowledge(command, node)
        await world.finish(command, node)
        waves.append(world.told(command))

    assert [1, 2, 3, 3] == [len(wave) for wave in waves]
    assert ("Success", "Success") == await world.standing(command)


async def test_too_many_errors_stop_those_who_wait(world):
    command = await world.send(MaxConcurrency="1", MaxErrors="0")
    await world.finish(command, world.nodes[0], status="Failed", code=7)
    found = await world.command(command)

    assert ["Failed", "Terminated", "Terminated"] == await world.standings(command)
    assert ("Failed", "Failed") == (found["Status"], found["StatusDetails"])
    assert (3, 3, 1, 0) == (
        found["TargetCount"],
        found["CompletedCount"],
        found["ErrorCount"],
        found["DeliveryTimedOutCount"],
    )


async def test_running_nodes_finish_although_others_failed(world):
    command = await world.send(MaxConcurrency="2")
    first, second, _ = world.nodes
    await world.acknowledge(command, first, second)
    await world.finish(command, first, status="Failed", code=1)
    stopped = await world.standings(command)
    await world.finish(command, second)

    assert ["Failed", "InProgress", "Terminated"] == stopped
    assert ["Failed", "Success", "Terminated"] == await world.standings(command)


async def test_errors_up_to_the_limit_leave_a_command_incomplete(world):
    command = await world.send(MaxErrors="1")
    await world.finish(command, world.nodes[0], status="Failed", code=7)
    await world.finish(command, *world.nodes[1:])

    assert ("Failed", "Incomplete") == await world.standing(command)


# Silence


async def test_a_silent_node_is_delayed_and_in_the_end_timed_out(world):
    command = await world.send(TimeoutSeconds=60)
    await world.acknowledge(command, *world.nodes[1:])
    await world.finish(command, *world.nodes[1:])
    await world.pass_time(seconds=11)
    delayed = await world.standings(command)
    await world.pass_time(seconds=50)
    found = await world.command(command)

    assert ["Delayed", "Success", "Success"] == delayed
    assert ["DeliveryTimedOut", "Success", "Success"] == await world.standings(command)
    assert (0, 1, 3) == (
        found["ErrorCount"],
        found["DeliveryTimedOutCount"],
        found["CompletedCount"],
    )
    assert [] == await world.desk.pending(world.scope, world.nodes[0])


async def test_a_command_that_reaches_nobody_times_out(world):
    command = await world.send(TimeoutSeconds=30)
    await world.pass_time(seconds=31)

    assert ("TimedOut", "DeliveryTimedOut") == await world.standing(command)
    view = await world.invocation(command, world.nodes[0])
    assert ("TimedOut", "DeliveryTimedOut", -1) == (
        view["Status"],
        view["StatusDetails"],
        view["ResponseCode"],
    )


async def test_a_delayed_node_that_comes_still_runs_it(world):
    command = await world.send(InstanceIds=world.nodes[:1])
    await world.pass_time(seconds=11)
    delayed = await world.standing(command)
    [job] = await world.desk.pending(world.scope, world.nodes[0])
    await world.finish(command, world.nodes[0])

    assert ("Pending", "Delayed") == delayed
    assert f"aws.ssm.{command}.{world.nodes[0]}" == job.job_id
    assert ("Success", "Success") == await world.standing(command)


async def test_who_waits_when_the_time_for_delivery_is_up_never_runs_it(world):
    command = await world.send(TimeoutSeconds=30, MaxConcurrency="1")
    await world.acknowledge(command, world.nodes[0])
    await world.pass_time(seconds=31)
    await world.finish(command, world.nodes[0])

    assert ["Success", "DeliveryTimedOut", "DeliveryTimedOut"] == await world.standings(command)
    assert world.nodes[:1] == world.told(command)


async def test_a_node_that_vanishes_in_the_middle_has_its_end(world):
    """AWS: no last word until everything had its time counts as not delivered."""
    parameters = {"commands": ["sleep 1000"], "executionTimeout": ["20"]}
    command = await world.send(
        InstanceIds=world.nodes[:1], TimeoutSeconds=30, Parameters=parameters
    )
    await world.acknowledge(command, world.nodes[0])
    await world.pass_time(seconds=49)
    still = await world.standing(command)
    await world.pass_time(seconds=16)
    await world.pass_time(seconds=1)
    [job] = await world.desk.pending(world.scope, world.nodes[0])

    assert ("InProgress", "InProgress") == still
    assert ("TimedOut", "DeliveryTimedOut") == await world.standing(command)
    assert "aws.ssm.cancelCommand" == job.topic


async def test_the_agent_decides_that_a_script_took_too_long(world):
    command = await world.send(InstanceIds=world.nodes[:1])
    await world.finish(command, world.nodes[0], status="TimedOut", code=137)
    view = await world.invocation(command, world.nodes[0])

    assert ("Failed", "Failed") == await world.standing(command)
    assert ("TimedOut", "ExecutionTimedOut", 137) == (
        view["Status"],
        view["StatusDetails"],
        view["ResponseCode"],
    )
    assert 1 == (await world.command(command))["ErrorCount"]


async def test_a_job_that_arrives_too_late_is_stopped_at_once(world):
    command = await world.send(InstanceIds=world.nodes[:1], TimeoutSeconds=30)
    await world.pass_time(seconds=31)
    before = world.told_to_stop(command)
    await world.acknowledge(command, world.nodes[0])

    assert [] == before
    assert world.nodes[:1] == world.told_to_stop(command)
    assert ("TimedOut", "DeliveryTimedOut") == await world.standing(command)


async def test_a_node_that_has_no_room_gets_it_again(world):
    command = await world.send(InstanceIds=world.nodes[:1])
    await world.acknowledge(command, world.nodes[0], code="51402")

    assert ["Pending"] == await world.standings(command)
    assert 1 == len(await world.desk.pending(world.scope, world.nodes[0]))


async def test_a_node_that_refuses_has_failed(world):
    command = await world.send(InstanceIds=world.nodes[:1])
    await world.acknowledge(command, world.nodes[0], code="51408")
    found = (await world.invocations(command))[world.nodes[0]]

    assert ("Failed", "The agent refused the command: 51408") == (
        found["Status"],
        found["TraceOutput"],
    )


# Cancelling


async def test_what_was_not_delivered_is_cancelled_at_once(world):
    command = await world.send(MaxConcurrency="1")
    await world.cancel(command)

    assert ["Cancelled"] * 3 == await world.standings(command)
    assert ("Cancelled", "Cancelled") == await world.standing(command)
    assert [] == await world.desk.pending(world.scope, world.nodes[0])


async def test_what_runs_is_told_to_stop(world):
    command = await world.send(InstanceIds=world.nodes[:1])
    await world.acknowledge(command, world.nodes[0])
    await world.cancel(command)
    cancelling = await world.standing(command)
    told = world.told_to_stop(command)
    await world.finish(command, world.nodes[0], status="Cancelled", code=137)

    assert ("Cancelling", "Cancelling") == cancelling
    assert world.nodes[:1] == told
    assert ("Cancelled", "Cancelled") == await world.standing(command)
    assert 137 == (await world.invocation(command, world.nodes[0]))["ResponseCode"]
    assert [] == await world.desk.pending(world.scope, world.nodes[0])


async def test_what_ended_while_it_was_cancelled_stays_as_it_ended(world):
    command = await world.send(InstanceIds=world.nodes[:1])
    await world.acknowledge(command, world.nodes[0])
    await world.cancel(command)
    await world.finish(command, world.nodes[0])

    assert ("Success", "Success") == await world.standing(command)


async def test_a_node_that_never_answers_the_cancel_is_given_up(world):
    command = await world.send(InstanceIds=world.nodes[:1])
    await world.acknowledge(command, world.nodes[0])
    await world.cancel(command)
    await world.pass_time(seconds=61)
    [job] = await world.desk.pending(world.scope, world.nodes[0])
    await world.acknowledged(world.nodes[0], job.job_id)

    assert ("Cancelled", "Cancelled") == await world.standing(command)
    assert [] == await world.desk.pending(world.scope, world.nodes[0])


async def test_some_nodes_may_be_cancelled_and_make_room(world):
    command = await world.send(MaxConcurrency="1")
    await world.cancel(command, world.nodes[0])
    await world.finish(command, world.nodes[1])
    await world.finish(command, world.nodes[2])

    assert ["Cancelled", "Success", "Success"] == await world.standings(command)
    assert ("Failed", "Incomplete") == await world.standing(command)


async def test_cancelling_what_has_ended_changes_nothing(world):
    command = await world.send(InstanceIds=world.nodes[:1])
    await world.finish(command, world.nodes[0])
    await world.cancel(command)

    assert ("Success", "Success") == await world.standing(command)


async def test_only_nodes_of_the_command_can_be_cancelled(world):
    command = await world.send(InstanceIds=world.nodes[:1])

    with pytest.raises(Exception, match=world.nodes[1]) as refused:
        await world.cancel(command, world.nodes[1])
    assert "InvalidInstanceId" == refused.value.code
    with pytest.raises(Exception, match="does not exist") as refused:
        await world.cancel("00000000-0000-4000-8000-000000000000")
    assert "InvalidCommandId" == refused.value.code


# Nodes that cannot


async def test_a_node_that_is_deregistered_ends_and_makes_room(world):
    command = await world.send(MaxConcurrency="1")
    first, second, third = world.nodes
    await world.acknowledge(command, first)
    await world.deregister(first)
    await world.deregister(third)
    await world.finish(command, second)

    assert ["Undeliverable", "Success", "Undeliverable"] == await world.standings(command)
    assert ("Success", "Success") == await world.standing(command)


async def test_a_tag_that_no_node_has_is_a_success(world):
    """Seen at AWS: accepted with no targets, then Success with these details."""
    answer = await world.operations.send_command(
        world.call(), world.order(Targets=[{"Key": "tag:role", "Values": ["web"]}])
    )
    accepted = answer["Command"]
    await world.settle()

    assert ("Pending", 0) == (accepted["Status"], accepted["TargetCount"])
    assert ("Success", "NoInstancesInTag") == await world.standing(accepted["CommandId"])


async def test_tags_leave_out_the_platforms_that_do_not_fit(world):
    world.fleet.nodes = {}
    fit, unfit, unknown = NodeId("mi-1"), NodeId("mi-2"), NodeId("mi-3")
    for node, platform in ((fit, "Linux"), (unfit, "Windows"), (unknown, None)):
        world.fleet.nodes[node] = FakeNode(node, platform, {"role": "web"})
    command = await world.send(Targets=[{"Key": "tag:role", "Values": ["web"]}])
    await world.finish(command, fit, unknown)

    assert ["Success", "InvalidPlatform", "Success"] == await world.standings(command)
    assert ("Success", "Success") == await world.standing(command)


async def test_a_named_node_of_another_platform_is_refused(world):
    [node] = world.enrol(1, platform_type="Windows")

    with pytest.raises(Exception, match=node) as refused:
        await world.send(InstanceIds=[node])
    assert "UnsupportedPlatformType" == refused.value.code


def only_node(node):
    """Everything about documents, and this node alone."""
    resources = ["arn:aws:ssm:*:*:document/*", f"arn:aws:ssm:*:*:managed-instance/{node}"]
    return {"Statement": [{"Effect": "Allow", "Action": "*", "Resource": resources}]}


async def test_who_names_a_node_must_be_allowed_to_use_it(world):
    call = world.call(policy=only_node(world.nodes[0]))

    with pytest.raises(AccessDeniedException, match=world.nodes[1]):
        await world.operations.send_command(call, world.order(InstanceIds=world.nodes[:2]))


async def test_a_tag_on_nodes_of_others_ends_there_with_access_denied(world):
    call = world.call(policy=only_node(world.nodes[0]))
    order = world.order(Targets=[{"Key": "InstanceIds", "Values": world.nodes}])
    answer = await world.operations.send_command(call, order)
    await world.settle()
    command = answer["Command"]["CommandId"]
    await world.finish(command, world.nodes[0])

    assert ["Success", "AccessDenied", "AccessDenied"] == await world.standings(command)
    assert ("Success", "Success") == await world.standing(command)
    assert world.nodes[:1] == world.told(command)


async def test_the_document_must_be_allowed_before_it_may_be_missing(world):
    nothing = {"Statement": [{"Effect": "Deny", "Action": "*", "Resource": "*"}]}

    for name in ("AWS-RunShellScript", "Missing"):
        with pytest.raises(AccessDeniedException, match=f"document/{name}"):
            await world.operations.send_command(
                world.call(policy=nothing), world.order(DocumentName=name)
            )


# Orders that are refused


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({"InstanceIds": []}, "InvalidParameters"),
        ({"InstanceIds": ["mi-1", "mi-1"]}, "DuplicateInstanceId"),
        ({"InstanceIds": ["mi-1"], "Targets": [{"Key": "tag:a"}]}, "InvalidParameters"),
        ({"Targets": [{"Key": "colour", "Values": ["red"]}]}, "InvalidParameters"),
        ({"InstanceIds": ["mi-77777777777777777"]}, "InvalidInstanceId"),
        ({"DocumentName": "Missing"}, "InvalidDocument"),
        ({"DocumentName": "Package"}, "InvalidDocument"),
        ({"Parameters": {"unknown": ["x"]}}, "InvalidParameters"),
        ({"Parameters": {}}, "InvalidParameters"),
        ({"Parameters": {"commands": ["x" * 100_000]}}, "MaxDocumentSizeExceeded"),
        ({"OutputS3BucketName": "No_Bucket"}, "InvalidOutputFolder"),
        (
            {"OutputS3BucketName": "bucket", "OutputS3KeyPrefix": "../out"},
            "InvalidOutputFolder",
        ),
        ({"NotificationConfig": {"NotificationArn": "me"}}, "InvalidNotificationConfig"),
        (
            {"NotificationConfig": {"NotificationArn": "arn:aws:sns:eu-west-1:111122223333:t"}},
            "InvalidRole",
        ),
        ({"ServiceRoleArn": "Notifier"}, "InvalidRole"),
        ({"ServiceRoleArn": "arn:aws:iam::111122223333:role/Nobody"}, "InvalidRole"),
        ({"Targets": [{"Key": "resource-groups:Name", "Values": ["g"]}]}, "NotYetImplemented"),
        ({"Parameters": {"commands": ["{{ssm:name}}"]}}, "InvalidParameters"),
        ({"Parameters": {"commands": ["{{ssm:secret}}"]}}, "InvalidParameters"),
        ({"DocumentName": "Stored"}, "InvalidParameters"),
    ],
)
@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
async def test_what_cannot_be_done_is_refused_and_nothing_is_kept(world, given, code):
    world.documents.documents |= {
        "Package": a_document("one"),
        "Stored": a_document("one", runCommand=["echo {{ ssm:name:1 }}"]),
    }
    world.documents.types["Package"] = "Package"
    world.stored.kept["secret"] = FakeValue("SecureString", "hunter2")

    with pytest.raises(Exception) as refused:
        await world.send(**given)
    assert code == refused.value.code
    assert [] == await world.told_events()


async def test_a_role_must_be_the_callers_to_give(world):
    role = "arn:aws:iam::111122223333:role/Notifier"
    policy = {
        "Statement": [
            {"Effect": "Allow", "Action": "ssm:*", "Resource": "*"},
        ]
    }

    with pytest.raises(AccessDeniedException, match="iam:PassRole"):
        await world.operations.send_command(
            world.call(policy=policy), world.order(ServiceRoleArn=role)
        )
    assert role == (await world.command(await world.send(ServiceRoleArn=role)))["ServiceRole"]


def test_not_built_is_an_error_of_its_own():
    assert "NotYetImplemented" == NotYetImplemented().code


# Telling others


async def test_changes_are_announced_as_eventbridge_would(world):
    node = world.nodes[0]
    command = await world.send(InstanceIds=[node])
    await world.acknowledge(command, node)
    await world.finish(command, node)
    of_command = await world.announced("EC2 Command Status-change Notification")
    of_invocation = await world.announced("EC2 Command Invocation Status-change Notification")
    ended = await world.told_events("InvocationEnded")

    assert ["InProgress", "Success"] == [one["detail"]["status"] for one in of_command]
    assert ["InProgress", "Success"] == [one["detail"]["status"] for one in of_invocation]
    arn = f"arn:aws:ssm:eu-west-1:111122223333:managed-instance/{node}"
    assert [[arn]] * 4 == [one["resources"] for one in of_command + of_invocation]
    assert {
        "command-id": command,
        "document-name": "AWS-RunShellScript",
        "expire-after": "2026-01-01T02:00:00.000Z",
        "parameters": {"commands": ["true"]},
        "requested-date-time": "2026-01-01T00:00:00.000Z",
        "status": "Success",
    } == of_command[-1]["detail"]
    assert {
        "command-id": command,
        "document-name": "AWS-RunShellScript",
        "instance-id": node,
        "requested-date-time": "2026-01-01T00:00:00.000Z",
        "status": "Success",
    } == of_invocation[-1]["detail"]
    assert [(command, node, "Success", "Success")] == [
        (one["command"], one["node"], one["status"], one["details"]) for one in ended
    ]
    assert [command] == [one["command"] for one in await world.told_events("CommandEnded")]


async def test_history_ends_after_thirty_days(world):
    command = await world.send(InstanceIds=world.nodes[:1])
    await world.finish(command, world.nodes[0])
    await world.pass_time(days=29)
    kept = await world.invocations(command)
    await world.pass_time(days=2)

    assert 1 == len(kept)
    assert {} == await world.invocations(command)


# Many at once


async def test_two_servers_that_hear_at_once_lose_nothing(house, clock, blobs, scope):
    """Each hears half of the nodes; the counters are those of all."""
    worlds = [World(house, clock, blobs, scope) for _ in range(2)]
    first = worlds[0]
    nodes = first.enrol(37)
    command = await first.send(
        Targets=[{"Key": "InstanceIds", "Values": first.nodes}], MaxConcurrency="100%"
    )
    halves = [nodes[::2], nodes[1::2]]
    await asyncio.gather(
        *(
            world.acknowledge(command, node)
            for world, half in zip(worlds, halves, strict=True)
            for node in half
        ),
        *(
            world.finish(command, node)
            for world, half in zip(worlds, halves, strict=True)
            for node in half
        ),
    )
    await first.finish(command, *first.nodes[:3], status="Failed", code=1)
    found = await first.command(command)

    assert (40, 40, 3) == (found["TargetCount"], found["CompletedCount"], found["ErrorCount"])
    assert "Failed" == found["Status"]


async def test_a_thousand_nodes_are_as_good_as_three(world):
    world.enrol(1100)
    command = await world.send(
        Targets=[{"Key": "InstanceIds", "Values": world.nodes}], MaxConcurrency="60%"
    )
    first = world.told(command)
    await world.finish(command, *first)
    second = world.told(command)
    await world.finish(command, *second[-700:])
    await world.finish(command, *second)
    found = await world.command(command)

    assert (661, 1103) == (len(first), len(second))
    assert ("Success", 1103, 1103) == (
        found["Status"],
        found["TargetCount"],
        found["CompletedCount"],
    )
