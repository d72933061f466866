"""Commands as the server sees them: what is answered, in which order, with which words."""

from datetime import timedelta
from pathlib import Path

import pytest

from ostler.agent.supervision import GRACE
from ostler.wire.agent.jobs import AckCode, Job, iso8601
from tests.agent.life import World
from tests.agent.server import a_cancel, a_job, a_step

MINUTE = timedelta(minutes=1)


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


async def test_a_command_is_acknowledged_begun_and_ended(world: World) -> None:
    server, job = world.server, a_job(a_step("echo hello", "echo oh >&2"))
    async with world.life():
        frame = await server.give(job)
        await world.until(lambda: server.ended(job.job_id) is not None)

        [ack] = server.acks
        assert (job.job_id, str(frame), "200", "Successful") == (
            ack.job_id,
            ack.acknowledged_message_id,
            ack.code,
            ack.error_message,
        )
        first, step, last = [content for _, content in server.replies[job.job_id]]
        assert ("InProgress", None) == (first.document_status, first.runtime_status)
        assert ("InProgress", ["one"]) == (step.document_status, list(step.runtime_status or {}))
        assert ("Success", ["one"]) == (last.document_status, list(last.runtime_status or {}))
        assert {"Success": 1} == last.additional_info.runtime_status_counts
        told = (step.runtime_status or {})["one"]
        assert ("Success", 0, "aws:runShellScript") == (told.status, told.code, told.name)
        assert ("hello\n", "oh\n") == (told.standard_output, told.standard_error)
        assert "hello\n\n----------ERROR-------\noh\n" == told.output
        assert iso8601(world.clock.now()) == told.end_date_time
        assert ("ostler-agent", "Fake Linux") == (
            last.additional_info.agent.name,
            last.additional_info.agent.os,
        )


async def test_the_last_reply_of_several_steps_names_none(world: World) -> None:
    server = world.server
    job = a_job(a_step("echo 1"), a_step("exit 3", name="two"), a_step("echo 3", name="three"))
    async with world.life():
        await server.give(job)
        await world.until(lambda: server.ended(job.job_id) is not None)

    last = server.replies[job.job_id][-1][1]
    assert ("Failed", {}) == (last.document_status, last.runtime_status)
    steps = server.steps(job.job_id)
    assert {"one": "Success", "two": "Failed", "three": "Success"} == {
        name: step.status for name, step in steps.items()
    }
    assert "failed to run commands: exit status 3" == steps["two"].standard_error


async def test_the_same_command_is_not_run_twice(world: World) -> None:
    server, job = world.server, a_job(a_step("echo hello"))
    async with world.life():
        await server.give(job)
        await world.until(lambda: server.ended(job.job_id) is not None)
        await server.give(job)
        await world.until(lambda: len(server.acks) == 2)

    assert ["200", "51405"] == [ack.code for ack in server.acks]
    assert 1 == len(world.host.started)


async def test_so_many_run_so_many_wait_and_the_rest_comes_again(world: World) -> None:
    server = world.server
    sent = [a_job(a_step("sleep 60"), command=f"c{number}") for number in range(11)]
    async with world.life():
        for job in sent:
            await server.give(job)
        await world.until(lambda: len(server.acks) == 11)
        assert ["200"] * 10 + ["51402"] == [ack.code for ack in server.acks]
        assert 5 == len(world.host.started)

        await world.until(lambda: server.ended(sent[0].job_id) == "Success", step=MINUTE)
        await server.give(sent[10])
        await world.until(lambda: all(server.ended(job.job_id) for job in sent), step=MINUTE)

    assert 11 == len(world.host.started)


async def test_a_cancelled_command_is_ended_with_its_group(world: World) -> None:
    server, job = world.server, a_job(a_step("echo begun", "sleep 5000"), a_step(name="two"))
    cancel = a_cancel(job)
    async with world.life():
        await server.give(job)
        await world.until(lambda: bool(world.host.started))
        await server.give(cancel)
        await world.until(lambda: server.ended(job.job_id) is not None)

    assert "InProgress" == server.replies[cancel.job_id][0][1].document_status
    assert "Cancelled" == server.ended(job.job_id)
    one, two = server.steps(job.job_id)["one"], server.steps(job.job_id)["two"]
    assert ("Cancelled", 137, "begun\n") == (one.status, one.code, one.standard_output)
    assert ("Cancelled", 1) == (two.status, two.code)
    assert 1 == len(world.host.started)


async def test_a_download_is_given_up_when_its_command_is_cancelled(world: World) -> None:
    server = world.server
    info = {"url": "https://slow.test/a"}
    inputs = {"sourceType": "HTTP", "sourceInfo": info, "destinationPath": "/opt/a"}
    job = a_job({"name": "one", "action": "aws:downloadContent", "inputs": inputs})
    server.silent.add(info["url"])
    async with world.life():
        await server.give(job)
        await world.until(lambda: (info["url"], {}) in server.calls)
        await server.give(a_cancel(job))
        await world.until(lambda: server.ended(job.job_id) is not None)

    assert "Cancelled" == server.ended(job.job_id)
    assert ("Cancelled", 137) == (
        server.steps(job.job_id)["one"].status,
        server.steps(job.job_id)["one"].code,
    )


async def test_a_command_that_waits_is_cancelled_without_having_run(world: World) -> None:
    server = world.server
    busy = [a_job(a_step("sleep 60"), command=f"c{number}") for number in range(5)]
    waits = a_job(a_step("echo never"))
    async with world.life():
        for job in [*busy, waits, a_cancel(waits)]:
            await server.give(job)
        await world.until(lambda: server.ended(waits.job_id) is not None, step=MINUTE)

    assert "Cancelled" == server.ended(waits.job_id)
    assert 5 == len(world.host.started)


async def test_a_step_that_takes_too_long_is_timed_out(world: World) -> None:
    server = world.server
    job = a_job(a_step("trap '' TERM", "echo begun", "sleep 5000", timeoutSeconds="60"))
    async with world.life():
        await server.give(job)
        await world.until(lambda: server.ended(job.job_id) is not None, step=GRACE)

    step = server.steps(job.job_id)["one"]
    assert ("TimedOut", 137, "begun\n") == (step.status, step.code, step.standard_output)
    assert "TimedOut" == server.ended(job.job_id)


@pytest.mark.parametrize(
    ("job", "code"),
    [
        (Job("aws.ssm.c.mi-1", "aws.ssm.sendCommand", "nonsense"), AckCode.UNREADABLE),
        (a_job({"action": "aws:runShellScript"}), AckCode.UNREADABLE),
        (
            a_job(a_step("true"), declared={"needed": {"type": "String"}}),
            AckCode.UNREADABLE,
        ),
        (a_job(a_step("true"), schema="0.3"), AckCode.UNREADABLE),
    ],
)
async def test_a_document_that_cannot_be_read_fails_and_says_why(
    world: World, job: Job, code: AckCode
) -> None:
    server = world.server
    async with world.life():
        await server.give(job)
        await world.until(lambda: server.ended(job.job_id) is not None)
        await server.give(job)
        await world.until(lambda: len(server.acks) == 2)

    assert [code.value, "51405"] == [ack.code for ack in server.acks]
    last = server.replies[job.job_id][-1][1]
    assert "Failed" == last.document_status
    assert last.document_trace_output


async def test_what_is_no_job_of_ours_is_refused(world: World) -> None:
    server = world.server
    async with world.life():
        await server.give(Job("aws.ssm.c.mi-1", "aws.ssm.danceCommand", "{}"))
        await server.give(Job("no-such-form", "aws.ssm.sendCommand", "{}"))
        await server.give(Job("aws.ssm.c.mi-1", "aws.ssm.cancelCommand", "{}"))
        await server.line.put(b"garbage")
        await server.give(a_job(a_step("echo still here")))
        await world.until(lambda: len(server.acks) == 4)

    assert ["51404", "51408", "51408", "200"] == [ack.code for ack in server.acks]


async def test_texts_are_cut_as_the_stock_agent_cuts_them(world: World) -> None:
    server, job = world.server, a_job(a_step(f"echo {'x' * 30_000}", f"echo {'y' * 9_000} >&2"))
    async with world.life():
        await server.give(job)
        await world.until(lambda: server.ended(job.job_id) is not None)

    step = server.steps(job.job_id)["one"]
    assert 24_000 == len(step.standard_output)
    assert step.standard_output.endswith("x--output truncated--")
    assert 8_000 == len(step.standard_error)
    assert step.standard_error.endswith("y--output truncated--")
    assert len(step.output) <= 2_500


async def test_a_reply_is_never_too_large_to_be_sent(world: World) -> None:
    """Every control character is six bytes of JSON."""
    server, job = world.server, a_job(a_step(f"echo {chr(1) * 24_000}"))
    async with world.life():
        await server.give(job)
        await world.until(lambda: server.ended(job.job_id) is not None)

    assert server.steps(job.job_id)["one"].standard_output.endswith("--output truncated--")


async def test_a_reply_is_said_again_until_it_is_acknowledged(world: World) -> None:
    server, job = world.server, a_job(a_step("echo hello"))
    async with world.life():
        server.acknowledges = False
        await server.give(job)
        await world.until(lambda: server.ended(job.job_id) is not None)
        heard = len(server.replies[job.job_id])
        server.acknowledges = True
        await world.until(lambda: len(server.replies[job.job_id]) == heard + 2, step=MINUTE)
        await world.clock.advance(10 * MINUTE)

    ids = [message_id for message_id, _ in server.replies[job.job_id]]
    assert ids[1:3] == ids[3:5]
    assert 5 == len(ids)


async def test_after_a_cut_the_agent_comes_back_and_says_what_was_lost(world: World) -> None:
    server, job = world.server, a_job(a_step("sleep 30", "echo hello"))
    async with world.life():
        await server.give(job)
        await world.until(lambda: bool(world.host.started))
        server.down = True
        server.line.cut()
        await world.clock.advance(10 * MINUTE)
        assert server.ended(job.job_id) is None
        server.down = False
        await world.until(lambda: server.ended(job.job_id) is not None, step=MINUTE)

    assert "Success" == server.ended(job.job_id)
    assert 2 == len(server.lines)


async def test_where_the_output_lies_is_said_when_a_bucket_is_asked_for(world: World) -> None:
    server = world.server
    job = a_job(a_step("echo hello"), OutputS3BucketName="bucket", OutputS3KeyPrefix="some/prefix/")
    async with world.life():
        await server.give(job)
        await world.until(lambda: server.ended(job.job_id) is not None)

    step = server.steps(job.job_id)["one"]
    command, node = job.job_id.split(".")[2:]
    assert ("bucket", f"some/prefix/{command}/{node}/awsrunShellScript", "one") == (
        step.output_s3_bucket_name,
        step.output_s3_key_prefix,
        step.step_name,
    )


async def test_scripts_learn_who_and_where_they_are(world: World) -> None:
    server, job = world.server, a_job(a_step("echo hello", environment={"COLOUR": "red"}))
    async with world.life():
        await server.give(job)
        await world.until(lambda: server.ended(job.job_id) is not None)

    [program] = world.host.started
    command, node = job.job_id.split(".")[2:]
    assert {
        "AWS_SSM_INSTANCE_ID": node,
        "AWS_SSM_REGION_NAME": "eu-test-1",
        "AWS_SSM_PLATFORM_NAME": "Fake Linux",
        "AWS_SSM_PLATFORM_VERSION": "1.0",
        "SSM_COMMAND_ID": command,
        "AWS_SHARED_CREDENTIALS_FILE": str(world.folder.path / "credentials"),
        "OSTLER_ENDPOINT_URL": "https://server.test:8443",
        "COLOUR": "red",
    } == program.environment


async def test_a_broken_agent_fails_the_command_and_lives_on(world: World) -> None:
    """A mistake of ours in a plugin costs that command, not the others."""

    def broken(*_: object) -> int:
        raise ZeroDivisionError("a mistake")

    server = world.server
    world.host.programs["pwsh"] = broken
    step = {**a_step("true"), "action": "aws:runPowerShellScript"}
    bad, good = a_job(step, command="bad"), a_job(a_step("echo hello"), command="good")
    async with world.life():
        await server.give(bad)
        await server.give(good)
        await world.until(lambda: bool(server.ended(bad.job_id) and server.ended(good.job_id)))

    assert ("Failed", "Success") == (server.ended(bad.job_id), server.ended(good.job_id))
    assert "ZeroDivisionError" in server.steps(bad.job_id)["one"].standard_error
