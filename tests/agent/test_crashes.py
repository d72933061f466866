"""Crashes and reboots: no command lost, no step begun twice, every command brought to an end."""

from collections import Counter
from datetime import timedelta
from pathlib import Path

import pytest

from ostler.agent.disk import RealDisk
from ostler.agent.execution import INTERRUPTED_CODE
from ostler.agent.host import Program, Sink
from ostler.wire.agent.jobs import Job
from tests.agent.life import World
from tests.agent.server import a_cancel, a_job, a_step
from tests.support.host import FakeHost

MINUTE = timedelta(minutes=1)
SECOND = timedelta(seconds=1)


class Crash(BaseException):
    """The power fails."""


class CrashingDisk(RealDisk):
    """A disk whose machine loses its power at a certain change, before, amid or after it."""

    def __init__(self, path: Path, at: int, how: str) -> None:
        super().__init__(path)
        self._left = at
        self._how = how
        self.crashed = False

    def append(self, name: str, content: bytes, *, durable: bool = True) -> None:
        self._change("before")
        if self._left == 0 and self._how == "amid":
            super().append(name, content[: len(content) // 2])
        self._change("amid")
        super().append(name, content, durable=durable)
        self._change("after")
        self._left -= 1

    def replace(self, name: str, content: bytes) -> None:
        self._change("before")
        super().replace(name, content)
        self._change("after")
        self._left -= 1

    def remove(self, name: str) -> None:
        self._change("before")
        super().remove(name)
        self._change("after")
        self._left -= 1

    def _change(self, moment: str) -> None:
        if self.crashed or (self._left == 0 and self._how == moment):
            self.crashed = True
            raise Crash


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def scripts_run(host: FakeHost) -> Counter[str]:
    return Counter(str(program.arguments[-1]) for program in host.started)


async def bring(world: World, job: Job) -> None:
    """What a server does: offer the job until it is acknowledged, then wait for its end."""
    taken = [ack for ack in world.server.acks if ack.code in ("200", "51405")]
    if not taken:
        await world.server.give(job)
    await world.until(lambda: world.server.ended(job.job_id) is not None, step=MINUTE)
    await world.clock.advance(MINUTE)


@pytest.mark.parametrize("how", ["before", "amid", "after"])
async def test_at_whatever_write_the_agent_dies_nothing_is_lost_or_done_twice(
    world: World, how: str
) -> None:
    writes = 0
    while await survives_a_crash(world, writes, how):
        writes += 1
    assert writes > 10


async def survives_a_crash(world: World, at: int, how: str) -> bool:
    """Run a command over a crash at that write; False when it came to no such write."""
    server = world.server
    job = a_job(a_step("echo 1"), a_step("echo 2", name="two"), command=f"c{at}")
    server.acks.clear()
    world.host.started.clear()
    disk = CrashingDisk(world.folder.path / "journal", at, how)
    world.disk = disk
    async with world.life():
        await server.give(job)
        await world.until(lambda: disk.crashed or server.ended(job.job_id) is not None)
        await world.clock.advance(SECOND)
    world.disk = None
    async with world.life():
        await bring(world, job)
        assert not list((world.folder.path / "journal").glob("[!f]*"))

    runs = scripts_run(world.host)
    assert all(count == 1 for count in runs.values()), (at, how, runs)
    failed = [step for step in server.steps(job.job_id).values() if step.status == "Failed"]
    assert ("Failed" if failed else "Success") == server.ended(job.job_id)
    assert len(runs) + len(failed) >= 2
    return disk.crashed


async def test_the_step_that_ran_is_interrupted_and_the_next_one_goes_on(world: World) -> None:
    job = a_job(a_step("echo begun", "sleep 5000"), a_step("echo 2", name="two"))
    async with world.life():
        await world.server.give(job)
        await world.until(lambda: bool(world.host.started))
    async with world.life():
        await world.until(lambda: world.server.ended(job.job_id) is not None)

    one, two = (world.server.steps(job.job_id)[name] for name in ("one", "two"))
    assert ("Failed", INTERRUPTED_CODE, "begun\n") == (one.status, one.code, one.standard_output)
    assert "interrupted: the agent stopped while this step ran\n" == one.standard_error
    assert ("Success", "2\n") == (two.status, two.standard_output)
    assert "Failed" == world.server.ended(job.job_id)
    assert 1 == len(world.host.leftovers_ended)


async def test_after_an_interrupted_step_the_document_decides(world: World) -> None:
    job = a_job(a_step("sleep 5000", onFailure="exit"), a_step("echo 2", name="two"))
    async with world.life():
        await world.server.give(job)
        await world.until(lambda: bool(world.host.started))
    async with world.life():
        await world.until(lambda: world.server.ended(job.job_id) is not None)

    assert "Skipped" == world.server.steps(job.job_id)["two"].status


async def test_a_cancelled_command_stays_cancelled_over_a_crash(world: World) -> None:
    job = a_job(a_step("trap '' TERM", "sleep 5000"), a_step("echo 2", name="two"))
    async with world.life():
        await world.server.give(job)
        await world.until(lambda: bool(world.host.started))
        await world.server.give(a_cancel(job))
        await world.until(lambda: len(world.server.acks) == 2)
    async with world.life():
        await world.until(lambda: world.server.ended(job.job_id) is not None)

    assert "Cancelled" == world.server.ended(job.job_id)
    assert 1 == len(world.host.started)


async def test_a_reply_that_was_not_acknowledged_is_said_by_the_next_agent(world: World) -> None:
    job = a_job(a_step("echo hello"))
    world.server.acknowledges = False
    async with world.life():
        await world.server.give(job)
        await world.until(lambda: world.server.ended(job.job_id) is not None)
        heard = world.server.replies[job.job_id][1:]
    world.server.acknowledges = True
    async with world.life():
        await world.until(lambda: len(world.server.replies[job.job_id]) == 5)

    assert heard == world.server.replies[job.job_id][3:]
    assert 1 == len(world.host.started)


async def test_a_stopping_agent_gives_steps_a_little_time(world: World) -> None:
    quick, slow = a_job(a_step("sleep 5"), command="quick"), a_job(a_step("sleep 99"))
    async with world.life():
        await world.server.give(quick)
        await world.server.give(slow)
        await world.until(lambda: len(world.host.started) == 2)
        world.stopped.set()
        await world.until(lambda: bool(world.server.ended(quick.job_id)), step=SECOND)
        await world.server.give(a_job(a_step("echo no"), command="late"))
        await world.until(lambda: len(world.server.acks) == 3)
        await world.until(world.running.done, step=SECOND)
    assert "51401" == world.server.acks[-1].code
    assert world.server.ended(slow.job_id) is None
    async with world.life():
        await world.until(lambda: world.server.ended(slow.job_id) is not None)

    assert ("Success", "Failed") == (
        world.server.ended(quick.job_id),
        world.server.ended(slow.job_id),
    )
    assert "interrupted" in world.server.steps(slow.job_id)["one"].standard_error


class Reboots:
    """A program that wants a reboot so many times, and then is content."""

    def __init__(self, times: int) -> None:
        self.times = times
        self.runs = 0

    def __call__(self, host: FakeHost, program: Program, sink: Sink) -> int:
        self.runs += 1
        sink("stdout", f"run {self.runs}\n".encode())
        return 194 if self.runs <= self.times else 0


def a_rebooting_job() -> Job:
    step = {**a_step("true"), "action": "aws:runPowerShellScript"}
    return a_job(a_step("echo 0", name="zero"), step, a_step("echo 2", name="two"))


async def test_a_step_that_asked_for_a_reboot_is_gone_on_with_afterwards(world: World) -> None:
    job, program = a_rebooting_job(), Reboots(2)
    world.host.programs["pwsh"] = program
    server = world.server
    for reboot in (1, 2):
        async with world.life():
            if reboot == 1:
                await server.give(job)
            await world.until(lambda: world.host.reboots == world.host.boots)
            assert ("SuccessAndReboot", 194) == (
                server.steps(job.job_id)["one"].status,
                server.steps(job.job_id)["one"].code,
            )
            last = server.replies[job.job_id][-1][1]
            assert ("SuccessAndReboot", {}) == (last.document_status, last.runtime_status)
            await server.give(a_job(a_step("echo no"), command="late"))
            await world.until(lambda: server.acks[-1].code == "51402")
        world.host.boots += 1
    async with world.life():
        await world.until(lambda: server.ended(job.job_id) is not None)

    assert "Success" == server.ended(job.job_id)
    assert 3 == program.runs
    assert "run 1\nrun 2\nrun 3\n" == server.steps(job.job_id)["one"].standard_output
    assert [1, 1] == list(scripts_run(world.host).values())[::2]


async def test_a_reboot_waits_for_its_replies_but_not_for_ever(world: World) -> None:
    job = a_rebooting_job()
    world.host.programs["pwsh"] = Reboots(1)
    async with world.life():
        world.server.acknowledges = False
        await world.server.give(job)
        await world.until(
            lambda: any(
                content.document_status == "SuccessAndReboot"
                for _, content in world.server.replies.get(job.job_id, [])
            )
        )
        assert 0 == world.host.reboots
        await world.until(lambda: world.host.reboots == 1, step=SECOND)


async def test_a_reboot_that_fails_fails_the_step(world: World) -> None:
    job = a_rebooting_job()
    world.host.programs["pwsh"] = Reboots(1)
    world.host.reboot_fault = "there is no shutdown here"
    async with world.life():
        await world.server.give(job)
        await world.until(lambda: world.server.ended(job.job_id) is not None)

    step = world.server.steps(job.job_id)["one"]
    assert ("Failed", 194) == (step.status, step.code)
    assert "there is no shutdown here" in step.standard_error
    assert "2\n" == world.server.steps(job.job_id)["two"].standard_output


async def test_a_command_cancelled_during_the_reboot_is_not_gone_on_with(world: World) -> None:
    job, program = a_rebooting_job(), Reboots(1)
    world.host.programs["pwsh"] = program
    async with world.life():
        await world.server.give(job)
        await world.until(lambda: world.host.reboots == 1)
        await world.server.give(a_cancel(job))
        await world.until(lambda: len(world.server.acks) == 2)
    async with world.life():
        await world.until(lambda: world.server.ended(job.job_id) is not None)

    assert "Cancelled" == world.server.ended(job.job_id)
    assert 1 == program.runs
