"""Outputs: kept within bounds, brought to the server while they grow, to their end."""

from datetime import timedelta
from pathlib import Path

import pytest

from ostler.agent.host import Program, Sink
from ostler.agent.output import MOST_JOBS, Label, Ring, StepOutput, file_name
from ostler.agent.uploads import CHUNK, EAGER, LIVE
from ostler.wire.http import Response
from tests.agent.life import World
from tests.agent.server import a_job, a_step
from tests.agent.test_crashes import Reboots, a_rebooting_job
from tests.support.host import FakeHost

SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)
LABEL = Label("command", "step")


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def an_output(ring: Ring, job: str) -> StepOutput:
    ring.begin(job)
    return StepOutput(ring, job, ring.folder(job) / "step", LABEL)


def fill(ring: Ring, job: str, size: int) -> None:
    output = an_output(ring, job)
    output.write("stdout", b"x" * size)
    output.close()
    ring.end(job)


def test_the_oldest_finished_job_makes_room(tmp_path: Path) -> None:
    ring = Ring(tmp_path, budget=100_000, largest=50_000)
    for job in ("first", "second", "third", "fourth"):
        fill(ring, job, 30_000)

    kept = [job for job in ("first", "second", "third", "fourth") if ring.folder(job).exists()]

    assert "first" not in kept
    assert "fourth" in kept
    assert ring.used <= 100_000


def test_a_job_at_work_is_not_given_up_its_output_is_cut_instead(tmp_path: Path) -> None:
    ring = Ring(tmp_path, budget=50_000, largest=40_000)
    first, second = an_output(ring, "first"), an_output(ring, "second")

    first.write("stdout", b"x" * 45_000)
    second.write("stdout", b"y" * 45_000)
    second.write("stdout", b"more")
    first.close()
    second.close()

    assert 40_000 <= first.size("stdout") < 40_100
    assert 10_000 <= second.size("stdout") < 10_100
    assert (
        (ring.folder("second") / "step" / "stdout")
        .read_bytes()
        .endswith(b"\n--35004 more bytes were not kept: this is all there was room for--\n")
    )


def test_many_small_outputs_are_given_up_as_well(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ostler.agent.output.MOST_JOBS", 5)
    ring = Ring(tmp_path)
    for number in range(12):
        fill(ring, f"job{number}", 1)

    assert 5 == len(list(tmp_path.iterdir()))
    assert MOST_JOBS >= 100


def test_a_new_agent_counts_what_an_earlier_one_left(tmp_path: Path) -> None:
    fill(Ring(tmp_path), "first", 30_000)

    ring = Ring(tmp_path, budget=30_000)
    assert ring.used >= 30_000
    fill(ring, "second", 20_000)

    assert [file_name("second")] == [path.name for path in tmp_path.iterdir()]


def test_the_beginning_is_text_whatever_was_written(tmp_path: Path) -> None:
    output = an_output(Ring(tmp_path), "job")

    output.write("stdout", b"caf\xc3")
    output.write("stdout", b"\xa9 \xff nul \0")

    assert "café \ufffd nul \ufffd" == output.head("stdout")


def test_names_from_documents_are_never_paths() -> None:
    for name in ("../../etc", "/etc", "a/b", ".", "..", "a\0b", "ü" * 500, "\ud800"):
        assert file_name(name).isalnum()


async def test_output_is_brought_while_the_step_runs(world: World) -> None:
    server, job = world.server, a_job(a_step("echo one", "sleep 30", "echo two", "sleep 30"))
    name = f"{job.job_id.split('.')[2]}/one/stdout"
    async with world.life():
        await server.give(job)
        await world.until(lambda: bool(world.host.started))
        assert name not in server.outputs
        await world.clock.advance(LIVE)
        assert b"one\n" == server.outputs[name]
        await world.until(lambda: b"two" in server.outputs[name], step=SECOND)
        assert set() == server.ended_outputs
        await world.until(lambda: server.ended(job.job_id) is not None, step=SECOND)

    assert {name} == server.ended_outputs
    assert {name} == set(server.outputs)


async def test_all_of_a_large_output_arrives_before_the_steps_reply(world: World) -> None:
    large = b"x" * (CHUNK + EAGER)

    def program(_host: FakeHost, _program: Program, sink: Sink) -> int:
        sink("stdout", large)
        return 3

    world.host.programs["pwsh"] = program
    server = world.server
    job = a_job({**a_step("true"), "action": "aws:runPowerShellScript"})
    name = job.job_id.split(".")[2]
    async with world.life():
        await server.give(job)
        await world.until(lambda: "one" in server.steps(job.job_id))

        assert large == server.outputs[f"{name}/one/stdout"]
        assert b"failed to run commands: exit status 3" == server.outputs[f"{name}/one/stderr"]
        assert 2 == len(server.ended_outputs)


async def test_a_server_that_keeps_no_outputs_is_not_asked_again(world: World) -> None:
    server, job = world.server, a_job(a_step("echo one", "sleep 30", "echo two"))
    server.keeps_outputs = False
    async with world.life():
        await server.give(job)
        await world.until(lambda: server.ended(job.job_id) is not None, step=SECOND)

    assert "Success" == server.ended(job.job_id)


async def test_an_upload_that_fails_delays_the_reply_a_little_and_goes_on(world: World) -> None:
    server, job = world.server, a_job(a_step("echo one"))
    name = f"{job.job_id.split('.')[2]}/one/stdout"
    server.faults[f"/v1/output/{name}"] = [Response(503)] * 5
    async with world.life():
        began = world.clock.now()
        await server.give(job)
        await world.until(lambda: server.ended(job.job_id) is not None, step=SECOND)
        assert world.clock.now() - began <= timedelta(seconds=20)
        await world.until(lambda: name in server.ended_outputs, step=SECOND)

    assert b"one\n" == server.outputs[name]


async def test_an_upload_goes_on_where_the_server_says(world: World) -> None:
    """The answer to a piece was lost: the server has more than the agent believes."""
    server, job = world.server, a_job(a_step("echo one", "sleep 9", "echo two"))
    name = f"{job.job_id.split('.')[2]}/one/stdout"
    async with world.life():
        await server.give(job)
        await world.until(lambda: name in server.outputs, step=SECOND)
        server.outputs[name] += b"two\n"
        await world.until(lambda: name in server.ended_outputs, step=SECOND)

    assert b"one\ntwo\n" == server.outputs[name]


async def test_what_a_dead_agent_did_not_bring_the_next_one_does(world: World) -> None:
    server = world.server
    done, cut = a_job(a_step("echo done"), command="done"), a_job(a_step("echo cut", "sleep 99"))
    names = ["done/one/stdout", f"{cut.job_id.split('.')[2]}/one/stdout"]
    for name in names:
        server.faults[f"/v1/output/{name}"] = [Response(503)] * 50
    async with world.life():
        await server.give(done)
        await server.give(cut)
        await world.until(lambda: server.ended(done.job_id) is not None, step=SECOND)
        assert {} == server.outputs
    server.faults.clear()
    async with world.life():
        await world.until(lambda: len(server.ended_outputs) >= 3, step=SECOND)

    assert [b"done\n", b"cut\n"] == [server.outputs[name] for name in names]
    assert b"interrupted" in server.outputs[names[1].replace("stdout", "stderr")]


async def test_a_reboot_appends_to_what_was_brought(world: World) -> None:
    server, job = world.server, a_rebooting_job()
    name = f"{job.job_id.split('.')[2]}/one/stdout"
    world.host.programs["pwsh"] = Reboots(1)
    async with world.life():
        await server.give(job)
        await world.until(lambda: world.host.reboots == 1)
        assert b"run 1\n" == server.outputs[name]
        assert name not in server.ended_outputs
    async with world.life():
        await world.until(lambda: server.ended(job.job_id) is not None)

    assert b"run 1\nrun 2\n" == server.outputs[name]
    assert name in server.ended_outputs
