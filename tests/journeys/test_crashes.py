"""kill -9 in the middle of a command: nothing is lost, nothing runs twice, everything ends."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.journeys.commands import answer, ended, node_online, send, told
from tests.support.processes import AgentProcess, ServerProcess, eventually


def test_a_killed_server_loses_no_command(
    server: ServerProcess, ssm: Any, fleet: list[str], tmp_path: Path
) -> None:
    runs = tmp_path / "runs"
    command = send(ssm, f"echo begun; sleep 2; echo $AWS_SSM_INSTANCE_ID >> {runs}")
    eventually("the script's start", lambda: told(ssm, command)["Status"] == "InProgress")

    server.kill()
    server.start()

    assert "Success" == ended(ssm, command)["Status"]
    assert fleet == sorted(runs.read_text().split())


def test_a_killed_agent_tells_its_step_was_interrupted(
    ssm: Any, new_agents: Callable[..., list[AgentProcess]], tmp_path: Path
) -> None:
    runs = tmp_path / "runs"
    [agent] = new_agents(role="killed")
    command = send(ssm, f"echo begun >> {runs}; sleep 300", InstanceIds=[agent.node])
    agent.start()
    eventually("the script's start", runs.exists)

    agent.kill()
    agent.start()

    assert "Failed" == ended(ssm, command)["Status"]
    assert "begun\n" == runs.read_text()
    assert "interrupted" in answer(ssm, command, agent.node)["StandardErrorContent"]
    agent.stop()


def test_a_killed_agent_finds_its_commands_again(
    ssm: Any, new_agents: Callable[..., list[AgentProcess]]
) -> None:
    [agent] = new_agents(role="returning")
    agent.start()
    node_online(ssm, agent.node)
    agent.kill()
    commands = [send(ssm, f"echo {count}", InstanceIds=[agent.node]) for count in range(8)]

    agent.start()

    assert {"Success"} == {ended(ssm, command)["Status"] for command in commands}
    agent.stop()
