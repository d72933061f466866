"""A server on each engine and agents beside it, as real processes, for unmodified clients."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.config import Config

from tests.journeys.commands import node_online, send
from tests.support.databases import ENGINES, fresh_database
from tests.support.processes import AgentProcess, ServerProcess, enrol


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
    told = Config(parameter_validation=False, retries={"total_max_attempts": 1})
    return server.client(config=told)


@pytest.fixture(scope="session")
def guest(server: ServerProcess) -> dict[str, Any]:
    """Another account: its id and the key of its administrator."""
    made: dict[str, Any] = server.admin("account", "create", "guest")
    return made


@pytest.fixture(scope="session")
def new_agents(
    server: ServerProcess, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[..., list[AgentProcess]]]:
    """Makes agents that are registered with the given tags; they end with the session."""
    made: list[AgentProcess] = []

    def make(count: int = 1, **tags: str) -> list[AgentProcess]:
        agents = enrol(server, Path(tmp_path_factory.mktemp("agents")), count, **tags)
        made.extend(agents)
        return agents

    yield make
    for agent in made:
        agent.stop()


@pytest.fixture(scope="session")
def crew(
    ssm: Any, expiring: str, new_agents: Callable[..., list[AgentProcess]]
) -> list[AgentProcess]:
    """Three agents that are online, tagged role=fleet, in the order of their nodes' ids.

    `expiring` begins with them, so that its half minute passes beside everything else.
    """
    agents = sorted(new_agents(3, role="fleet"), key=lambda agent: agent.node)
    for agent in agents:
        agent.start()
    for agent in agents:
        node_online(ssm, agent.node)
    return agents


@pytest.fixture(scope="session")
def fleet(crew: list[AgentProcess]) -> list[str]:
    """The ids of their nodes."""
    return [agent.node for agent in crew]


@pytest.fixture(scope="session")
def silent(new_agents: Callable[..., list[AgentProcess]]) -> list[str]:
    """The ids of three nodes that are registered, tagged role=silent, and never heard of."""
    return sorted(agent.node for agent in new_agents(3, role="silent"))


@pytest.fixture(scope="session")
def expiring(ssm: Any, silent: list[str]) -> str:
    """A command to the last of them, which nobody takes within the half minute that it has."""
    return send(ssm, "true", InstanceIds=silent[2:], TimeoutSeconds=30)
