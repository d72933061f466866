"""A server on each engine and agents beside it, as real processes, for unmodified clients."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.config import Config

from tests.support.databases import ENGINES, fresh_database
from tests.support.processes import AgentProcess, ServerProcess, eventually


@pytest.fixture(scope="session", params=ENGINES)
def server(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ServerProcess]:
    """A running server; every journey is made on each engine."""
    data = Path(tmp_path_factory.mktemp("server")) / "data"
    with fresh_database(request.param, ()) as url:
        running = ServerProcess(data, database=url).start()
        yield running
        running.stop()


@pytest.fixture(scope="session")
def ssm(server: ServerProcess) -> Any:
    """boto3's ssm client of the administrator."""
    return server.client()


@pytest.fixture(scope="session")
def unchecked(server: ServerProcess) -> Any:
    """The same, but it sends what boto3 knows to be wrong: the server has to say so."""
    return server.client(
        config=Config(parameter_validation=False, retries={"total_max_attempts": 1})
    )


@pytest.fixture(scope="session")
def new_agent(
    server: ServerProcess, ssm: Any, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[..., AgentProcess]]:
    """Makes agents that are registered with the given tags; they end with the session."""
    made: list[AgentProcess] = []

    def make(**tags: str) -> AgentProcess:
        activation = ssm.create_activation(
            IamRole="OstlerManagedInstance",
            Tags=[{"Key": key, "Value": value} for key, value in tags.items()],
        )
        agent = AgentProcess(Path(tmp_path_factory.mktemp("agent")) / "data")
        registered = agent.register(server, activation)
        assert registered.returncode == 0, registered.stdout + registered.stderr
        made.append(agent)
        return agent

    yield make
    for agent in made:
        agent.stop()


@pytest.fixture(scope="session")
def fleet(ssm: Any, new_agent: Callable[..., AgentProcess]) -> list[str]:
    """The ids of three nodes that are online, tagged role=fleet."""
    for _ in range(3):
        new_agent(role="fleet").start()

    def online() -> list[str]:
        found = ssm.describe_instance_information(
            Filters=[{"Key": "tag:role", "Values": ["fleet"]}]
        )["InstanceInformationList"]
        ids = sorted(node["InstanceId"] for node in found if node["PingStatus"] == "Online")
        return ids if len(ids) == 3 else []

    return eventually("three nodes online", online)
