"""Targets: which nodes neighbours mean by them."""

from collections.abc import Sequence

import pytest

from ostler.capabilities.nodes.errors import InvalidInstanceId
from ostler.foundation.call import Call
from ostler.foundation.errors import NotYetImplemented
from ostler.foundation.ids import NodeId
from ostler.foundation.storage import Scope
from ostler.grammar.targets import parse
from tests.capabilities.nodes.fleets import Fleet, on_both_engines
from tests.support.calls import a_call


async def a_tagged_fleet(fleet: Fleet, scope: Scope) -> dict[str, NodeId]:
    """Nodes named by their tags; none of them ever reported."""
    tags = {
        "web1": {"role": "web", "stage": "prod"},
        "web2": {"role": "web", "stage": "test"},
        "db": {"role": "db", "stage": "prod"},
        "bare": {},
    }
    return {
        name: await fleet.node(
            scope, number, Tags=[{"Key": key, "Value": value} for key, value in carried.items()]
        )
        for number, (name, carried) in enumerate(tags.items())
    }


TARGETS: list[tuple[list[tuple[str, list[str]]], set[str]]] = [
    ([("InstanceIds", ["web1", "bare"])], {"web1", "bare"}),
    ([("InstanceIds", ["*"])], {"web1", "web2", "db", "bare"}),
    ([("tag:role", ["web"])], {"web1", "web2"}),
    ([("tag:role", ["web", "db"])], {"web1", "web2", "db"}),
    ([("tag:role", ["web"]), ("tag:stage", ["prod"])], {"web1"}),
    ([("tag:role", [])], {"web1", "web2", "db"}),
    ([("tag-key", ["stage", "colour"])], {"web1", "web2", "db"}),
    ([("InstanceIds", ["web1", "db"]), ("tag:role", ["db"])], {"db"}),
    ([("tag:role", ["mail"])], set()),
    ([], set()),
]


@on_both_engines
async def test_targets_mean_nodes(fleet: Fleet, scope: Scope) -> None:
    named = await a_tagged_fleet(fleet, scope)
    for targets, expected in TARGETS:
        given = [
            {"Key": key, "Values": [named.get(each, each) for each in values]}
            if key == "InstanceIds"
            else {"Key": key, "Values": values}
            for key, values in targets
        ]

        found = await fleet.nodes.resolve(a_command(fleet, scope), parse(given))

        assert sorted(named[name] for name in expected) == [node.id for node in found], targets


async def test_targets_mean_nodes_of_the_callers_account(
    fleet: Fleet, scope: Scope, other_scope: Scope
) -> None:
    named = await a_tagged_fleet(fleet, scope)
    stranger = a_command(fleet, other_scope)

    assert [] == await fleet.nodes.resolve(
        stranger, parse([{"Key": "tag:role", "Values": ["web"]}])
    )
    assert [] == await fleet.nodes.resolve(
        stranger, parse([{"Key": "InstanceIds", "Values": ["*"]}])
    )
    with pytest.raises(InvalidInstanceId):
        await fleet.nodes.resolve(
            stranger, parse([{"Key": "InstanceIds", "Values": [named["web1"]]}])
        )


async def test_ids_that_are_no_nodes_are_named(fleet: Fleet, scope: Scope) -> None:
    node = await fleet.node(scope, 0)
    unknown = ["mi-00000000000000000", "i-1234567890abcdef0"]

    with pytest.raises(InvalidInstanceId) as refused:
        await fleet.nodes.get_many(
            a_command(fleet, scope), [NodeId(each) for each in [unknown[0], node, unknown[1]]]
        )

    assert (
        f"Instances [[{', '.join(unknown)}]] not in a valid state for account {scope.account}"
        == refused.value.message
    )


async def test_nodes_come_in_the_order_they_were_asked_for(fleet: Fleet, scope: Scope) -> None:
    nodes = [await fleet.node(scope, number) for number in range(3)]
    asked = [nodes[2], nodes[0], nodes[2], nodes[1]]

    found = await fleet.nodes.get_many(a_command(fleet, scope), asked)

    assert [nodes[2], nodes[0], nodes[1]] == [node.id for node in found]


async def test_groups_wait_for_who_knows_them(fleet: Fleet, scope: Scope) -> None:
    targets = parse([{"Key": "resource-groups:Name", "Values": ["web"]}])

    with pytest.raises(NotYetImplemented):
        await fleet.nodes.resolve(a_command(fleet, scope), targets)


async def test_groups_are_asked_for_their_members(fleet: Fleet, scope: Scope) -> None:
    node = await fleet.node(scope, 0)
    await fleet.node(scope, 1)

    class Groups:
        async def members(
            self, call: Call, group: str, resource_types: Sequence[str]
        ) -> Sequence[NodeId]:
            return [node] if group == "web" else []

    nodes = fleet.with_groups(Groups())

    found = await nodes.resolve(
        a_command(fleet, scope), parse([{"Key": "resource-groups:Name", "Values": ["web"]}])
    )

    assert [node] == [each.id for each in found]


def a_command(fleet: Fleet, scope: Scope) -> Call:
    return a_call("SendCommand", scope, fleet.clock)
