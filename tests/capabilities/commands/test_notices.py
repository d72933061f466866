"""NotificationConfig: topics are told how commands stand, in AWS's words."""

import json

import pytest

from ostler.foundation.errors import AccessDeniedException, ThrottlingException

TOPIC = "arn:aws:sns:eu-west-1:111122223333:topic"
ROLE = "arn:aws:iam::111122223333:role/Notifier"


def wanting(kind: str = "", *events: str) -> dict:
    """What a caller adds to be told."""
    config = {"NotificationArn": TOPIC, "NotificationEvents": list(events) or ["All"]}
    if kind:
        config["NotificationType"] = kind
    return {"ServiceRoleArn": ROLE, "NotificationConfig": config}


def told(world) -> list:
    return [json.loads(given["Message"]) for _, given in world.topics.published]


async def finish(world, command: str) -> None:
    """All nodes that were told do it well."""
    while nodes := [
        node
        for node, one in (await world.invocations(command)).items()
        if one["Status"] in ("Pending", "InProgress")
    ]:
        await world.reply(command, *nodes, status="InProgress")
        await world.settle()
        await world.finish(command, *nodes)
        await world.settle()


async def test_a_topic_is_told_of_the_command(world):
    command = await world.send(**wanting(), OutputS3BucketName="bucket", OutputS3KeyPrefix="runs")
    await finish(world, command)

    assert ["InProgress", "Success"] == [message["status"] for message in told(world)]
    first = told(world)[0]
    assert {
        "commandId": command,
        "documentName": "AWS-RunShellScript",
        "instanceIds": world.nodes,
        "requestedDateTime": "2026-01-01T00:00:00.000Z",
        "expiresAfter": "2026-01-01T02:00:00.000Z",
        "outputS3BucketName": "bucket",
        "outputS3KeyPrefix": "runs",
        "status": "InProgress",
        "eventTime": "2026-01-01T00:00:00.000Z",
    } == first
    caller, given = world.topics.published[0]
    assert "arn:aws:sts::111122223333:assumed-role/Notifier/run-command" == caller
    assert (TOPIC, "EC2 Run Command Notification eu-west-1") == (
        given["TopicArn"],
        given["Subject"],
    )


async def test_a_topic_is_told_of_the_invocations(world):
    command = await world.send(**wanting("Invocation"), InstanceIds=world.nodes[:1])
    await finish(world, command)

    assert ["InProgress", "Success"] == [message["status"] for message in told(world)]
    assert {world.nodes[0]} == {message["instanceId"] for message in told(world)}


async def test_only_what_is_asked_for_is_told(world):
    command = await world.send(**wanting("Command", "Failed", "Success"))
    await finish(world, command)

    assert ["Success"] == [message["status"] for message in told(world)]


async def test_what_is_refused_is_dropped(world):
    world.topics.refusal = AccessDeniedException("No.")
    await finish(world, await world.send(**wanting()))
    world.topics.refusal = None

    await world.pass_time(minutes=10)

    assert [] == told(world)


async def test_what_passes_is_tried_again(world):
    command = await world.send(**wanting("Command", "InProgress"))
    await world.reply(command, *world.nodes, status="InProgress")
    world.topics.refusal = ThrottlingException("Rate exceeded")
    with pytest.raises(ThrottlingException):
        await world.settle()
    world.topics.refusal = None

    await world.pass_time(seconds=2)

    assert ["InProgress"] == [message["status"] for message in told(world)]


async def test_a_role_that_is_gone_tells_nothing(world):
    command = await world.send(**wanting("Command", "Success"))
    world.roles.roles.clear()

    await finish(world, command)

    assert [] == told(world)
