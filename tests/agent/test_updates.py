"""Updates: what the server offers is fetched and checked, and a version on trial proves itself."""

import asyncio
import json
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest

from ostler.agent.handover import Handover
from ostler.agent.installation import Installation, kind_of_machine
from ostler.agent.plugins.update_ssm_agent import Wanted, refusal
from ostler.agent.trials import REPORTS_WITHIN
from ostler.wire.http import Response
from tests.agent.life import World
from tests.agent.server import a_job, a_step

OLD, NEW = "0.0.1-old", "9.9.9-new"
MINUTE = timedelta(minutes=1)
UPDATE = {"name": "update", "action": "aws:updateSsmAgent", "inputs": {}}


@pytest.fixture
def world(tmp_path: Path) -> World:
    made = World(tmp_path)
    made.installation = Installation(tmp_path / "installed")
    for version in (OLD, NEW):
        (made.installation.root / "versions" / version / "bin").mkdir(parents=True)
    made.installation.use(OLD)
    return made


def offer(world: World, content: bytes, digest: str) -> None:
    """Have the server offer a bundle and say that its digest is this."""
    kind = kind_of_machine()
    told = {"version": "9.9.9", "size": len(content), "sha256": digest}
    pages = {"manifest.json": msgspec.json.encode({"bundles": {kind: told}})}
    pages[f"{kind}.zip"] = content
    for name, body in pages.items():
        world.server.pages[f"https://server.test:8443/v1/agent/{name}"] = Response(200, {}, body)


@pytest.mark.parametrize(
    ("wanted", "offered", "complaint"),
    [
        (Wanted("", False), "2.0.0", ""),
        (Wanted("2.0.0.0", False), "2.0.0", ""),
        (Wanted("2.1.0", False), "2.0.0", "The server offers 2.0.0, not 2.1.0."),
        (Wanted("", True), "1.0.0", ""),
        (Wanted("", False), "1.0.0", "1.0.0 is older than 1.5.0"),
    ],
)
def test_what_is_offered_has_to_be_what_is_wanted(
    wanted: Wanted, offered: str, complaint: str
) -> None:
    assert refusal(wanted, offered, "1.5.0").startswith(complaint)
    assert bool(complaint) == bool(refusal(wanted, offered, "1.5.0"))


async def test_what_is_not_what_the_list_says_is_not_installed(world: World) -> None:
    offer(world, b"something else", "0" * 64)
    job = a_job(UPDATE)
    async with world.life():
        await world.server.give(job)
        await world.until(lambda: world.server.ended(job.job_id) is not None)

    told = world.server.steps(job.job_id)["update"]
    assert ("Failed", True) == (
        told.status,
        "is not what the server's list says" in told.standard_error,
    )
    assert [OLD, NEW] == sorted(
        path.name for path in (world.installation.root / "versions").iterdir()
    )


async def test_a_version_on_trial_begins_nothing_until_it_has_reported(world: World) -> None:
    world.installation.try_out(NEW, "command:step")
    world.server.down = True
    job = a_job(a_step("echo one"))
    async with world.life(until_open=False, on_trial=True):
        await world.clock.advance(MINUTE)
        assert NEW == world.installation.trial.version
        world.server.down = False
        await world.until(lambda: bool(world.server.lines), step=timedelta(seconds=5))
        await world.until(lambda: world.installation.trial is None)
        await world.server.give(job)
        await world.until(lambda: world.server.ended(job.job_id) is not None)

    assert NEW == world.installation.current


async def test_a_version_on_trial_that_reaches_nobody_gives_up(world: World) -> None:
    world.installation.try_out(NEW, "command:step")
    world.server.down = True
    async with world.life(until_open=False, on_trial=True) as agent:
        await world.clock.advance(REPORTS_WITHIN + MINUTE)

        assert world.running.done()
        assert agent.lost_trial
    assert OLD == world.installation.current


async def test_an_update_waits_for_what_runs_and_gives_up_in_the_end(world: World) -> None:
    handover = Handover(world.clock)
    with handover.working(), handover.working():
        asking = asyncio.create_task(handover.alone(MINUTE))
        await world.clock.advance(timedelta(seconds=1))
        assert handover.holding
        await world.clock.advance(MINUTE)

        assert not await asking
        assert not handover.holding


async def test_an_update_begins_when_the_other_work_has_ended(world: World) -> None:
    handover = Handover(world.clock)
    with handover.working():
        with handover.working():
            asking = asyncio.create_task(handover.alone(MINUTE))
            await world.clock.advance(timedelta(seconds=1))
        await world.clock.advance(timedelta(seconds=1))

        assert await asking
        assert not await handover.alone(MINUTE)


async def test_an_update_is_a_step_of_the_command_itself(world: World) -> None:
    steps = {"schemaVersion": "2.2", "mainSteps": [UPDATE]}
    world.server.documents = {"Inner": json.dumps(steps)}
    inputs = {"documentType": "SSMDocument", "documentPath": "Inner"}
    job = a_job({"name": "outer", "action": "aws:runDocument", "inputs": inputs})
    async with world.life():
        await world.server.give(job)
        await world.until(lambda: world.server.ended(job.job_id) is not None)

    assert "has to be a step" in world.server.steps(job.job_id)["outer"].standard_error
