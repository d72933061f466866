"""The house, put together: what only the composition gives to its capabilities."""

import tomllib
from pathlib import Path
from typing import Any

from ostler import agent
from ostler.foundation.clock import ManualClock
from ostler.foundation.ids import NodeId
from ostler.foundation.storage import Scope
from ostler.server.compose import House, compose
from ostler.server.settings import Settings
from tests.capabilities.nodes.fleets import FACTS, application
from tests.support.calls import a_call


async def ask(house: House, scope: Scope, operation: str, node: str = "", **given: Any) -> Any:
    """An operation's answer to somebody who may do everything, or to a node."""
    call = a_call(operation, scope, ManualClock(), node=NodeId(node) if node else None)
    return await house.gateway.invoke(call, "ssm", operation, given)


def test_the_agent_calls_itself_by_the_packages_version() -> None:
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())

    assert project["project"]["version"] == agent.VERSION


async def test_our_own_agent_is_known_to_be_the_latest(tmp_path: Path, scope: Scope) -> None:
    house = await compose(Settings(data=tmp_path, account=scope.account), clock=ManualClock())
    permit = await ask(house, scope, "CreateActivation", IamRole="OstlerManagedInstance")
    node = (await ask(house, scope, "RegisterManagedInstance", **application(permit)))["InstanceId"]
    told = []
    for name, version in (
        ("amazon-ssm-agent", "3.3.859.0"),
        (agent.NAME, "0.0.9"),
        (agent.NAME, agent.VERSION),
    ):
        facts = FACTS | {"AgentName": name, "AgentVersion": version}
        await ask(house, scope, "UpdateInstanceInformation", node, InstanceId=node, **facts)
        listed = await ask(house, scope, "DescribeInstanceInformation")
        told.append(listed["InstanceInformationList"][0].get("IsLatestVersion"))
    house.storage.close()

    assert [None, False, True] == told
