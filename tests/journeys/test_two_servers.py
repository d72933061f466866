"""Two servers over one PostgreSQL: one house, whichever door one takes."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.databases import fresh_database
from tests.support.nats import NatsServer
from tests.support.processes import AgentProcess, ServerProcess, eventually


@pytest.fixture(scope="module")
def nats() -> Iterator[NatsServer]:
    running = NatsServer().start()
    yield running
    running.kill()


@pytest.fixture(scope="module", params=["postgresql", "nats"])
def pair(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, nats: NatsServer
) -> Iterator[tuple[ServerProcess, ServerProcess]]:
    """Two servers with the same database, keys, certificates and blobs, woken by either way."""
    folder = Path(tmp_path_factory.mktemp("pair"))
    settings = {"OSTLER_NUDGES": nats.url} if request.param == "nats" else {}
    with fresh_database("postgresql", ()) as url:
        blobs = ("--blobs", str(folder / "blobs"))
        one = ServerProcess(folder / "one", *blobs, database=url, settings=settings).start()
        shutil.copytree(folder / "one" / "tls", folder / "two" / "tls")
        shutil.copy(folder / "one" / "keys", folder / "two" / "keys")
        two = ServerProcess(folder / "two", *blobs, database=url, settings=settings).start()
        yield one, two
        for server in (one, two):
            server.stop()


@pytest.fixture(scope="module")
def node(
    pair: tuple[ServerProcess, ServerProcess], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """A node that is connected to the first server."""
    one, _ = pair
    ssm = one.client()
    agent = AgentProcess(Path(tmp_path_factory.mktemp("agent")) / "data")
    activation = ssm.create_activation(IamRole="OstlerManagedInstance")
    assert agent.register(one, activation).returncode == 0
    agent.start()

    def online() -> str | None:
        found = ssm.describe_instance_information()["InstanceInformationList"]
        return found[0]["InstanceId"] if found and found[0]["PingStatus"] == "Online" else None

    yield eventually("the node online", online)
    agent.stop()


def send(ssm: Any, node: str, script: str) -> str:
    sent = ssm.send_command(
        DocumentName="AWS-RunShellScript",
        InstanceIds=[node],
        Parameters={"commands": [script]},
        TimeoutSeconds=60,
    )
    return str(sent["Command"]["CommandId"])


def status(ssm: Any, command: str) -> str:
    told = ssm.list_commands(CommandId=command)["Commands"][0]["Status"]
    return "" if told in ("Pending", "InProgress") else str(told)


def test_a_command_given_to_one_runs_on_a_node_of_the_other(
    pair: tuple[ServerProcess, ServerProcess], node: str
) -> None:
    ssm = pair[1].client()
    command = send(ssm, node, "echo here")

    assert "Success" == eventually("the command's end", lambda: status(ssm, command))
    answer = ssm.get_command_invocation(CommandId=command, InstanceId=node)
    assert "here\n" == answer["StandardOutputContent"]


def test_what_a_killed_server_accepted_the_other_one_finishes(
    pair: tuple[ServerProcess, ServerProcess], node: str
) -> None:
    one, two = pair
    commands = [send(two.client(), node, f"echo {count}") for count in range(5)]
    two.kill()

    ssm = one.client()
    ended = [
        eventually("the command's end", lambda command=command: status(ssm, command))
        for command in commands
    ]
    two.start()

    assert ["Success"] * 5 == ended
