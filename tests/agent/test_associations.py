"""Associations on a node: applied when they are pending, told until the server knows."""

import json
from datetime import timedelta

import pytest

from ostler.wire.agent.jobs import SEND_COMMAND, Job, SendCommandContent, job_id, text
from ostler.wire.http import Response
from tests.agent.life import World
from tests.agent.server import NODE

ONE = "11111111-1111-4111-8111-111111111111"
TWO = "22222222-2222-4222-8222-222222222222"


def script(*lines: str, **parameters: object) -> str:
    steps = [
        {"action": "aws:runShellScript", "name": f"step{n}", "inputs": {"runCommand": [line]}}
        for n, line in enumerate(lines)
    ]
    return json.dumps({"schemaVersion": "2.2", "parameters": parameters, "mainSteps": steps})


@pytest.fixture
def world(tmp_path):
    world = World(tmp_path)
    world.server.documents["Doc"] = script("echo hello")
    return world


def associate(world: World, association: str = ONE, status: str = "Pending", **more) -> None:
    world.server.associations[association] = {
        "AssociationId": association,
        "Name": "Doc",
        "DocumentVersion": "$DEFAULT",
        "InstanceId": NODE,
        "Checksum": "1",
        "DetailedStatus": status,
        **more,
    }


def said(world: World, association: str = ONE) -> list[str]:
    return [status for one, status, _ in world.server.reports if one == association]


async def until_ended(world: World, association: str = ONE) -> None:
    ends = {"Success", "Failed", "TimedOut", "Skipped"}
    await world.until(lambda: bool(ends & set(said(world, association))), step=timedelta(seconds=5))


async def test_what_is_pending_is_applied_once(world):
    associate(world)
    associate(world, TWO, "Success")
    async with world.life():
        await until_ended(world)
        await world.clock.advance(timedelta(minutes=30))

    assert ["InProgress", "Success"] == said(world)
    assert [] == said(world, TWO)
    [(_, _, summary)] = [one for one in world.server.reports if one[1] == "Success"]
    assert summary.startswith("1 out of 1 plugin processed, 1 success, 0 failed")


async def test_nodes_ask_every_ten_minutes(world):
    async with world.life():
        await world.clock.advance(timedelta(minutes=35))

    assert 4 == len(world.server.called("ListInstanceAssociations"))


async def test_a_failure_says_why(world):
    world.server.documents["Doc"] = script("echo broken >&2", "exit 3", "echo fine")
    associate(world)
    async with world.life():
        await until_ended(world)

    assert "Failed" == said(world)[-1]
    summary = world.server.reports[-1][2]
    assert summary.startswith("3 out of 3 plugins processed, 2 success, 1 failed")
    assert "The operation step1 failed because" in summary


async def test_how_far_a_run_of_several_steps_is(world):
    world.server.documents["Doc"] = script("echo 1", "echo 2", "echo 3")
    associate(world)
    async with world.life():
        await until_ended(world)

    assert ["InProgress", "InProgress", "InProgress", "Success"] == said(world)


async def test_one_after_the_other(world):
    world.server.documents["Doc"] = script("sleep 120")
    associate(world)
    associate(world, TWO)
    async with world.life():
        await until_ended(world, TWO)

    assert [ONE, ONE, TWO, TWO] == [one for one, _, _ in world.server.reports]


async def test_parameters_are_those_of_the_association(world):
    world.server.documents["Doc"] = script(
        "echo {{ word }}", "exit {{ code }}", word={"type": "String"}, code={"type": "String"}
    )
    world.server.parameters["code"] = {"Name": "code", "Type": "String", "Value": "4"}
    associate(world, Parameters={"word": ["x"], "code": ["{{ssm:code}}"], "unknown": ["y"]})
    async with world.life():
        await until_ended(world)

    assert "Failed" == said(world)[-1]
    assert ["code"] == world.server.called("GetParameters")[0]["Names"]


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"Name": "Missing"}, "ListAssocError"),
        ({"Name": "Broken"}, "InvalidAssoc"),
        ({"Parameters": {"word": ["{{ssm:nothing}}"]}}, "InvalidAssoc"),
    ],
)
async def test_what_cannot_be_run_is_told_so(world, change, code):
    world.server.documents["Doc"] = script("echo {{ word }}", word={"type": "String"})
    world.server.documents["Broken"] = "{"
    associate(world, **{"Parameters": {"word": ["x"]}, **change})
    async with world.life():
        await until_ended(world)

    assert ["Failed"] == said(world)
    told = world.server.called("UpdateInstanceAssociationStatus")[0]["ExecutionResult"]
    assert code == told["ErrorCode"]


async def test_a_document_is_fetched_again_when_its_checksum_changes(world):
    associate(world)
    async with world.life():
        await until_ended(world)
        for checksum in ("1", "2"):
            world.server.reports.clear()
            associate(world, Checksum=checksum)
            await until_ended(world)

    assert 2 == len(world.server.called("GetDocument"))


async def test_what_a_run_writes_is_put_into_the_bucket(world):
    world.server.documents["Doc"] = script("echo hello")
    place = {"OutputS3BucketName": "logs", "OutputS3KeyPrefix": "a/b"}
    associate(world, OutputLocation={"S3Location": place})
    async with world.life():
        await until_ended(world)

    [(key, content)] = world.server.objects.items()
    assert key.startswith(f"logs/a/b/{NODE}/{ONE}/")
    assert key.endswith("/awsrunShellScript/step0/stdout")
    assert b"hello\n" == content
    told = world.server.called("UpdateInstanceAssociationStatus")[-1]["ExecutionResult"]
    folder = key.removesuffix("/awsrunShellScript/step0/stdout")
    assert folder == told["OutputUrl"]["S3OutputUrl"]["OutputUrl"]


# Refreshed


def refresh(*ids: str) -> Job:
    inputs = {"associationIds": list(ids)}
    step = {"action": "aws:refreshAssociation", "name": "refresh", "inputs": inputs}
    document = {"schemaVersion": "2.2", "mainSteps": [step]}
    run = "33333333-3333-4333-8333-333333333333"
    return Job(
        job_id(run, NODE),
        SEND_COMMAND,
        text(SendCommandContent(run, "AWS-RefreshAssociation", document)),
    )


async def asked_once(world: World) -> None:
    await world.until(
        lambda: bool(world.server.called("ListInstanceAssociations")), step=timedelta(seconds=1)
    )


async def test_the_bell_has_what_is_pending_applied_at_once(world):
    async with world.life():
        await asked_once(world)
        associate(world)
        associate(world, TWO, "Success")
        await world.server.give(refresh("44444444-4444-4444-8444-444444444444"))
        await world.until(lambda: "Success" in said(world))

    assert [] == said(world, TWO)


@pytest.mark.parametrize(("named", "applied"), [([TWO], [TWO]), ([], [ONE, TWO])])
async def test_somebody_may_have_them_applied_whether_it_is_time_or_not(world, named, applied):
    associate(world, status="Success")
    associate(world, TWO, "Failed")
    async with world.life():
        await asked_once(world)
        await world.server.give(refresh(*named))
        await world.until(lambda: "Success" in said(world, TWO))

    assert applied == [one for one in (ONE, TWO) if said(world, one)]


# Bad luck


async def test_a_step_that_a_crash_interrupted_is_not_begun_again(world):
    world.server.documents["Doc"] = script("sleep 600", "echo after")
    associate(world)
    async with world.life():
        await world.until(lambda: bool(said(world)), step=timedelta(seconds=1))
        await world.clock.advance(timedelta(seconds=5))
    begun = len(world.host.started)
    world.server.reports.clear()
    async with world.life():
        await until_ended(world)

    assert "Failed" == said(world)[-1]
    assert "interrupted" in world.server.reports[-1][2]
    # The step after it ran, the step itself did not run again.
    assert begun + 1 == len(world.host.started)


async def test_the_end_is_told_when_the_server_is_back(world):
    world.server.documents["Doc"] = script("sleep 60")
    associate(world)
    async with world.life():
        await world.until(lambda: bool(said(world)), step=timedelta(seconds=1))
        world.server.down = True
        await world.clock.advance(timedelta(minutes=5))
        world.server.down = False
        await until_ended(world)

    assert ["InProgress", "Success"] == said(world)


async def test_the_end_is_told_by_the_next_agent(world):
    world.server.documents["Doc"] = script("sleep 60")
    associate(world)
    async with world.life():
        await world.until(lambda: bool(said(world)), step=timedelta(seconds=1))
        world.server.down = True
        await world.clock.advance(timedelta(minutes=5))
    world.server.down = False
    async with world.life():
        await until_ended(world)

    assert ["InProgress", "Success"] == said(world)


async def test_a_stop_ends_what_runs_and_the_next_agent_tells(world):
    world.server.documents["Doc"] = script("sleep 600")
    associate(world)
    async with world.life():
        await world.until(lambda: bool(said(world)), step=timedelta(seconds=1))
        await world.clock.advance(timedelta(seconds=5))
        world.stopped.set()
        await world.until(world.running.done, step=timedelta(seconds=1))
    async with world.life():
        await until_ended(world)

    assert "Failed" == said(world)[-1]


async def test_an_association_that_is_gone_is_told_of_no_more(world):
    associate(world)
    gone = Response(400, {}, b'{"__type": "AssociationDoesNotExist"}')
    world.server.faults["UpdateInstanceAssociationStatus"] = [gone, gone]
    async with world.life():
        await world.clock.advance(timedelta(minutes=15))

    assert [] == world.server.faults["UpdateInstanceAssociationStatus"]
