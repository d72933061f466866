"""A fleet of simulated nodes over a real server, which is killed while they work."""

import asyncio
import random
from pathlib import Path
from typing import Any

import pytest

from tests.support.processes import PATIENCE, ServerProcess, eventually
from tools.simulated import Fleet, Manner, activations

NODES = 60


@pytest.fixture
def server(tmp_path: Path) -> Any:
    one = ServerProcess(tmp_path / "server").start()
    yield one
    one.stop()


def fleet_of(server: ServerProcess, manner: Manner) -> Fleet:
    told = server.environment
    return Fleet(
        told["AWS_ENDPOINT_URL"],
        Path(told["AWS_CA_BUNDLE"]),
        manner=manner,
        chance=random.Random(1),
    )


def send(ssm: Any) -> str:
    sent = ssm.send_command(
        DocumentName="AWS-RunShellScript",
        Targets=[{"Key": "tag:role", "Values": ["fleet"]}],
        Parameters={"commands": ["uptime"]},
        MaxConcurrency="100%",
        MaxErrors="100%",
    )
    return str(sent["Command"]["CommandId"])


async def end(ssm: Any, command: str) -> dict[str, Any]:
    """The command, once it has ended."""

    def ended() -> dict[str, Any] | None:
        told: dict[str, Any] = ssm.list_commands(CommandId=command)["Commands"][0]
        return None if told["Status"] in ("Pending", "InProgress") else told

    return await asyncio.to_thread(eventually, "the command's end", ended)


async def test_a_command_survives_the_death_of_the_server_and_of_the_lines(
    server: ServerProcess,
) -> None:
    ssm = server.client()
    fleet = fleet_of(server, Manner(seconds=(0.0, 1.0), repeat=1.0, reconnect=(0.0, 0.5)))
    await fleet.enrol(activations(ssm, NODES, role="fleet"))

    async with fleet.running(), asyncio.timeout(PATIENCE):
        await fleet.connected()
        command = await asyncio.to_thread(send, ssm)
        await asyncio.to_thread(server.kill)
        await asyncio.to_thread(server.start)
        fleet.cut(0.3)
        told = await end(ssm, command)

    assert ("Success", NODES, 0) == (told["Status"], told["CompletedCount"], told["ErrorCount"])
    assert [] == fleet.twice()


async def test_a_fleet_that_was_saved_comes_back(server: ServerProcess, tmp_path: Path) -> None:
    ssm, file = server.client(), tmp_path / "fleet.json"
    first = fleet_of(server, Manner())
    await first.enrol(activations(ssm, 3, role="fleet"))
    first.save(file)

    again = fleet_of(server, Manner())
    again.load(file)
    async with again.running(), asyncio.timeout(PATIENCE):
        await again.connected()
        told = await end(ssm, await asyncio.to_thread(send, ssm))

    assert {node.id for node in first.nodes} == {node.id for node in again.nodes}
    assert ("Success", 3) == (told["Status"], told["CompletedCount"])
