"""Heartbeats: heard many at a time, believed within reason, and missed when they stop."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import event

from ostler.capabilities.nodes.errors import InvalidInstanceId, InvalidInstanceInformationValue
from ostler.capabilities.nodes.model.nodes import SILENCE
from ostler.foundation.errors import AccessDeniedException
from ostler.foundation.ids import NodeId
from ostler.foundation.storage import Scope
from ostler.foundation.timers import Timers
from tests.capabilities.nodes.fleets import Fleet, on_both_engines


@on_both_engines
async def test_many_heartbeats_are_a_few_statements(fleet: Fleet, scope: Scope) -> None:
    nodes = [await fleet.node(scope, number) for number in range(10)]
    await asyncio.gather(*(fleet.beat(scope, node) for node in nodes))
    statements: list[str] = []

    @event.listens_for(fleet.house.storage.engine, "before_cursor_execute")
    def note(connection: Any, cursor: Any, statement: str, *rest: Any) -> None:
        statements.append(statement)

    await asyncio.gather(*(fleet.beat(scope, node) for node in nodes))

    changing = [each for each in statements if "nodes_nodes" in each]
    assert ["SELECT", "UPDATE"] == [each.split()[0] for each in changing]


@on_both_engines
async def test_an_empty_ping_takes_nothing_back(fleet: Fleet, scope: Scope) -> None:
    node = await fleet.node(scope, 0)
    await fleet.beat(scope, node)
    await fleet.clock.advance(timedelta(minutes=5))

    await fleet.customer(scope, node=node).ask(
        "UpdateInstanceInformation",
        InstanceId=node,
        AgentName="amazon-ssm-agent",
        AgentVersion="3.3.1142.0",
        PlatformType="Linux",
    )

    shown = await described(fleet, scope, node)
    assert ("3.3.1142.0", "web.example") == (shown["AgentVersion"], shown["ComputerName"])
    assert (True, fleet.clock.now()) == (shown["IsLatestVersion"], shown["LastPingDateTime"])


async def test_a_node_speaks_for_itself_alone(fleet: Fleet, scope: Scope) -> None:
    one, two = await fleet.node(scope, 0), await fleet.node(scope, 1)

    for speaker in (fleet.customer(scope, node=two), fleet.customer(scope)):
        with pytest.raises(AccessDeniedException, match="speaks for itself alone"):
            await speaker.ask("UpdateInstanceInformation", InstanceId=one)
    assert "LastPingDateTime" not in await described(fleet, scope, one)


async def test_a_node_of_another_account_is_unknown(
    fleet: Fleet, scope: Scope, other_scope: Scope
) -> None:
    """An id and credentials of two accounts do not go together."""
    node = await fleet.node(scope, 0)

    with pytest.raises(InvalidInstanceId):
        await fleet.beat(other_scope, node)
    assert "LastPingDateTime" not in await described(fleet, scope, node)


@pytest.mark.parametrize("facts", [{"AgentVersion": "newest"}, {"PlatformName": "x" * 121}])
async def test_an_incredible_heartbeat_is_refused(
    fleet: Fleet, scope: Scope, facts: dict[str, str]
) -> None:
    node = await fleet.node(scope, 0)

    with pytest.raises(InvalidInstanceInformationValue):
        await fleet.beat(scope, node, **facts)


@on_both_engines
async def test_one_unknown_node_does_not_spoil_the_batch(fleet: Fleet, scope: Scope) -> None:
    node = await fleet.node(scope, 0)
    unknown = NodeId("mi-" + "0" * 17)

    outcomes = await asyncio.gather(
        fleet.beat(scope, unknown), fleet.beat(scope, node), return_exceptions=True
    )

    assert isinstance(outcomes[0], InvalidInstanceId)
    assert outcomes[1] is None
    assert "Online" == (await described(fleet, scope, node))["PingStatus"]


@on_both_engines
async def test_a_silent_node_is_noticed_and_told(fleet: Fleet, scope: Scope) -> None:
    node = await fleet.node(scope, 0)
    timers = the_timers(fleet)
    await fleet.beat(scope, node)
    await fleet.clock.advance(timedelta(minutes=5))
    await fleet.beat(scope, node)

    statuses = []
    for _ in range(30):
        await fleet.clock.advance(timedelta(minutes=1))
        await timers.run_due()
        statuses.append(await told_statuses(fleet, scope))

    assert [node, "Online"] == statuses[0]
    assert statuses.index([node, "Online", node, "ConnectionLost"]) == 10
    assert [node, "Online", node, "ConnectionLost"] == statuses[-1]


async def test_a_node_that_comes_back_is_told(fleet: Fleet, scope: Scope) -> None:
    node = await fleet.node(scope, 0)
    timers = the_timers(fleet)
    await fleet.beat(scope, node)
    await fleet.clock.advance(timedelta(minutes=15))
    await timers.run_due()

    await fleet.beat(scope, node)

    assert [node, "Online", node, "ConnectionLost", node, "Online"] == await told_statuses(
        fleet, scope
    )


async def test_a_quiet_fleet_asks_for_one_timer(fleet: Fleet, scope: Scope) -> None:
    for number in range(5):
        await fleet.beat(scope, await fleet.node(scope, number))

    with fleet.house.storage.engine.connect() as connection:
        timers = connection.exec_driver_sql("SELECT * FROM timers").all()

    assert 1 == len(timers)


@on_both_engines
async def test_a_channel_is_a_sign_of_life(fleet: Fleet, scope: Scope) -> None:
    node = await fleet.node(scope, 0)
    await fleet.beat(scope, node)
    await fleet.clock.advance(SILENCE)

    await fleet.nodes.connected(scope, node)

    shown = await described(fleet, scope, node)
    assert ("Online", fleet.clock.now()) == (shown["PingStatus"], shown["LastPingDateTime"])
    found = await fleet.house.storage.read(scope, lambda tx: fleet.nodes.find(tx, node))
    assert found is not None
    assert found.connected


async def test_a_closed_channel_does_not_make_a_node_silent(fleet: Fleet, scope: Scope) -> None:
    node = await fleet.node(scope, 0)
    await fleet.beat(scope, node)
    await fleet.nodes.connected(scope, node)

    await fleet.nodes.disconnected(scope, node)

    assert "Online" == (await described(fleet, scope, node))["PingStatus"]
    found = await fleet.house.storage.read(scope, lambda tx: fleet.nodes.find(tx, node))
    assert found is not None
    assert not found.connected


async def test_contacts_are_noted_twice_a_minute_at_most(fleet: Fleet, scope: Scope) -> None:
    node = await fleet.node(scope, 0)
    await fleet.nodes.record_contact(scope, node)
    first = fleet.clock.now()

    await fleet.clock.advance(timedelta(seconds=20))
    await fleet.nodes.record_contact(scope, node)
    assert first == (await described(fleet, scope, node))["LastPingDateTime"]

    await fleet.clock.advance(timedelta(seconds=20))
    await fleet.nodes.record_contact(scope, node)
    assert fleet.clock.now() == (await described(fleet, scope, node))["LastPingDateTime"]


def the_timers(fleet: Fleet) -> Timers:
    house = fleet.house
    return Timers(
        house.storage,
        fleet.clock,
        fleet.ids,
        house.schedule,
        dict(fleet.capability.jobs),
    )


async def told_statuses(fleet: Fleet, scope: Scope) -> list[str]:
    told = [each for each in await fleet.told(scope) if each.kind == "nodes.NodePingStatusChanged"]
    return [word for each in told for word in (each.body["node"], each.body["status"])]


async def described(fleet: Fleet, scope: Scope, node: NodeId) -> Any:
    listed = await fleet.customer(scope).ask(
        "DescribeInstanceInformation", Filters=[{"Key": "InstanceIds", "Values": [node]}]
    )
    return listed["InstanceInformationList"][0]
