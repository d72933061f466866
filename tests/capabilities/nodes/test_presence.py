"""Presence: who holds a channel open, as several servers tell it."""

from datetime import timedelta

import pytest

from ostler.capabilities.nodes.service.presence import LEASE, RENEWAL, Presence
from ostler.foundation.clock import ManualClock
from ostler.foundation.ids import NodeId
from ostler.foundation.storage import Scope, Storage
from tests.capabilities.nodes.fleets import Fleet, on_both_engines


class Shared:
    """A database that is not asked which one it is: several servers share it."""

    dialect = "postgresql"

    def __init__(self, storage: Storage) -> None:
        self.write = storage.write


@pytest.fixture
def two(fleet: Fleet) -> tuple[Presence, Presence]:
    shared = Shared(fleet.house.storage)
    first, second = (Presence(shared, fleet.clock, fleet.ids) for _ in range(2))  # type: ignore[arg-type]
    return first, second


async def connected(fleet: Fleet, scope: Scope, node: NodeId) -> bool:
    found = await fleet.house.storage.read(scope, lambda tx: fleet.nodes.find(tx, node))
    assert found is not None
    return found.connected


@on_both_engines
async def test_a_server_that_says_late_that_a_node_left_takes_nothing_back(
    fleet: Fleet, scope: Scope, two: tuple[Presence, Presence]
) -> None:
    node = await fleet.node(scope, 0)
    former, latter = two
    await former.begin()
    await latter.begin()

    await former.connected(scope, node)
    await latter.connected(scope, node)
    await former.disconnected(scope, node)
    assert await connected(fleet, scope, node)

    await latter.disconnected(scope, node)
    assert not await connected(fleet, scope, node)


async def test_what_a_killed_server_said_lapses(
    fleet: Fleet, scope: Scope, clock: ManualClock, two: tuple[Presence, Presence]
) -> None:
    node, other = [await fleet.node(scope, number) for number in range(2)]
    killed, living = two
    await killed.begin()
    await living.begin()
    await killed.connected(scope, node)
    await living.connected(scope, other)

    for _ in range(LEASE // RENEWAL):
        await clock.advance(RENEWAL)
        await living.renew()

    assert not await connected(fleet, scope, node)
    assert await connected(fleet, scope, other)


async def test_a_server_that_was_taken_for_dead_tells_of_its_nodes_again(
    fleet: Fleet, scope: Scope, clock: ManualClock, two: tuple[Presence, Presence]
) -> None:
    """The database was away from one of them for a while, say."""
    node, left = [await fleet.node(scope, number) for number in range(2)]
    away, living = two
    await away.begin()
    await away.connected(scope, node)
    await away.connected(scope, left)
    await clock.advance(LEASE + timedelta(seconds=1))
    await living.begin()
    assert not await connected(fleet, scope, node)

    await away.disconnected(scope, left)
    await away.renew()

    assert await connected(fleet, scope, node)
    assert not await connected(fleet, scope, left)


async def test_a_server_that_ends_in_order_leaves_at_once(
    fleet: Fleet, scope: Scope, two: tuple[Presence, Presence]
) -> None:
    node = await fleet.node(scope, 0)
    leaving, _ = two
    await leaving.begin()
    await leaving.connected(scope, node)

    await leaving.end()

    assert not await connected(fleet, scope, node)


@pytest.mark.parametrize("engine", ["sqlite"])
async def test_over_a_file_a_new_server_knows_that_the_former_one_is_gone(
    fleet: Fleet, scope: Scope
) -> None:
    node = await fleet.node(scope, 0)
    await fleet.nodes.connected(scope, node)

    await Presence(fleet.house.storage, fleet.clock, fleet.ids).begin()

    assert not await connected(fleet, scope, node)


async def test_a_servers_death_is_told_once_to_whoever_looks_after_its_work(
    fleet: Fleet, clock: ManualClock, two: tuple[Presence, Presence]
) -> None:
    """It may have died between a commit and the nudge that was to tell of it."""
    killed, living = two
    told: list[str] = []

    async def look() -> None:
        told.append("look")

    living.when_lost(look)
    await killed.begin()
    await living.begin()
    assert [] == told

    for _ in range(2 * (LEASE // RENEWAL)):
        await clock.advance(RENEWAL)
        await living.renew()

    assert ["look"] == told
