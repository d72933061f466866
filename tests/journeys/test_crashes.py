"""kill -9 in the middle of a command: nothing is lost, nothing runs twice, everything ends."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.journeys.test_run_command import answer, ended, send
from tests.support.processes import AgentProcess, ServerProcess, eventually


def node_of(ssm: Any, role: str) -> str:
    """The only node with that role, once it is online."""

    def found() -> str | None:
        told = ssm.describe_instance_information(Filters=[{"Key": "tag:role", "Values": [role]}])[
            "InstanceInformationList"
        ]
        online = [node["InstanceId"] for node in told if node["PingStatus"] == "Online"]
        return online[0] if online else None

    return eventually(f"the node with role {role}", found)


def test_a_killed_server_loses_no_command(
    server: ServerProcess, ssm: Any, fleet: list[str], tmp_path: Path
) -> None:
    runs = tmp_path / "runs"
    command = send(ssm, f"sleep 2; echo $AWS_SSM_INSTANCE_ID >> {runs}")

    server.kill()
    server.start()

    assert "Success" == ended(ssm, command)["Status"]
    assert fleet == sorted(runs.read_text().split())


def test_a_killed_agent_tells_its_step_was_interrupted(
    ssm: Any, new_agent: Callable[..., AgentProcess], tmp_path: Path
) -> None:
    runs = tmp_path / "runs"
    agent = new_agent(role="killed").start()
    node = node_of(ssm, "killed")
    command = send(ssm, f"echo begun >> {runs}; sleep 300", InstanceIds=[node])
    eventually("the script's start", runs.exists)

    agent.kill()
    agent.start()

    assert "Failed" == ended(ssm, command)["Status"]
    assert "begun\n" == runs.read_text()
    assert "interrupted" in answer(ssm, command, node)["StandardErrorContent"]


def test_a_killed_agent_finds_its_commands_again(
    ssm: Any, new_agent: Callable[..., AgentProcess]
) -> None:
    agent = new_agent(role="returning").start()
    node = node_of(ssm, "returning")
    agent.kill()
    commands = [send(ssm, f"echo {count}", InstanceIds=[node]) for count in range(8)]

    agent.start()

    assert {"Success"} == {ended(ssm, command)["Status"] for command in commands}
