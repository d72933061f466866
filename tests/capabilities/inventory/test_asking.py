"""Questions over a fleet's inventory, on both engines."""

from collections.abc import Mapping
from typing import Any

import pytest

from ostler.capabilities.inventory.errors import (
    InvalidAggregatorException,
    InvalidFilter,
    InvalidTypeNameException,
)
from ostler.foundation.storage import Scope
from tests.capabilities.inventory.conftest import Stock, a_filter, a_package

APPLICATION = "AWS:Application"
NAME, VERSION = f"{APPLICATION}.Name", f"{APPLICATION}.Version"


async def a_fleet(stock: Stock, scope: Scope) -> list[str]:
    """Four nodes: three told of their packages, the first two are of a known platform."""
    nodes = sorted([await stock.fleet.node(scope, number) for number in range(4)])
    for node, platform in zip(nodes, ("Debian GNU/Linux", "Rocky Linux"), strict=False):
        await stock.fleet.beat(scope, node, PlatformName=platform)
    await stock.put(nodes[0], APPLICATION, a_package(version="3.0.14"), a_package("curl", "8.5"))
    await stock.put(nodes[1], APPLICATION, a_package(version="3.0.2", Release="7.el9"))
    await stock.put(nodes[2], APPLICATION, a_package(version="3.0.15"), a_package("curl", "7.0"))
    return nodes


async def counted(stock: Stock, *aggregators: Mapping[str, Any], **given: Any) -> dict[str, Any]:
    """What is counted: rows by type or group."""
    answer = await stock.ask("GetInventory", Aggregators=list(aggregators), **given)
    (entity,) = answer["Entities"]
    return {name: data["Content"] for name, data in entity["Data"].items()}


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ([a_filter(NAME, "openssl"), a_filter(VERSION, "3.0.15", operator="LessThan")], [0, 1]),
        ([a_filter(NAME, "openssl"), a_filter(VERSION, "3.0.2", operator="GreaterThan")], [0, 2]),
        ([a_filter(NAME, "curl"), a_filter(VERSION, "3.0.14")], []),
        ([a_filter(NAME, "cu", operator="BeginWith")], [0, 2]),
        ([a_filter(NAME, "curl", operator="NotEqual")], [1]),
        ([a_filter(NAME, "openssl"), a_filter(VERSION, "3.0.2", operator="NotEqual")], [0, 2]),
        ([a_filter(f"{APPLICATION}.Release", "x", operator="Exists")], [1]),
        ([a_filter(f"{APPLICATION}.Architecture", "x86_64", "arm64")], [0, 1, 2]),
        ([a_filter("TypeName", APPLICATION, operator="Exists")], [0, 1, 2]),
        ([a_filter("TypeName", "AWS:File", APPLICATION, operator="Exists")], [0, 1, 2]),
        ([a_filter("AWS:InstanceInformation.PlatformName", "Rocky Linux")], [1]),
        ([a_filter("AWS:InstanceInformation.InstanceStatus", "Active")], [0, 1]),
        ([a_filter("AWS:InstanceInformation.PlatformType", "Linux", operator="NotEqual")], [2, 3]),
        ([a_filter("AWS:Tag.Key", "team"), a_filter("AWS:Tag.Value", "red")], [3]),
        ([a_filter(NAME, "curl"), a_filter("AWS:InstanceInformation.InstanceId", "none")], []),
    ],
)
async def test_filters_choose_nodes(
    stock: Stock, scope: Scope, filters: list[dict[str, Any]], expected: list[int]
) -> None:
    nodes = await a_fleet(stock, scope)
    tags = {"ResourceType": "ManagedInstance", "ResourceId": nodes[3]}
    await stock.fleet.customer(scope).ask(
        "AddTagsToResource", **tags, Tags=[{"Key": "team", "Value": "red"}]
    )

    found = await stock.nodes(*filters, MaxResults=1)

    assert [nodes[index] for index in expected] == found


async def test_without_a_filter_every_node_is_told_with_what_it_is(
    stock: Stock, scope: Scope
) -> None:
    nodes = await a_fleet(stock, scope)

    answer = await stock.ask("GetInventory")

    assert nodes == [entity["Id"] for entity in answer["Entities"]]
    (told,) = answer["Entities"][0]["Data"]["AWS:InstanceInformation"]["Content"]
    assert ("Debian GNU/Linux", "Active") == (told["PlatformName"], told["InstanceStatus"])


async def test_the_entries_that_pass_are_told(stock: Stock, scope: Scope) -> None:
    nodes = await a_fleet(stock, scope)

    answer = await stock.ask(
        "GetInventory",
        Filters=[a_filter(NAME, "curl")],
        ResultAttributes=[{"TypeName": APPLICATION}],
    )

    told = {entity["Id"]: entity["Data"][APPLICATION]["Content"] for entity in answer["Entities"]}
    assert {nodes[0]: [a_package("curl", "8.5")], nodes[2]: [a_package("curl", "7.0")]} == told


@pytest.mark.parametrize(
    "key",
    [
        "Name",
        "AWS:Application",
        "AWS:Application.Colour",
        "AWS:Nonsense.Name",
        "Custom:No.Name",
        "",
    ],
)
async def test_filters_that_mean_nothing_are_refused(stock: Stock, key: str) -> None:
    with pytest.raises(InvalidFilter):
        await stock.ask("GetInventory", Filters=[a_filter(key or " ", "x")])


async def test_a_type_that_is_none_is_refused(stock: Stock) -> None:
    with pytest.raises(InvalidTypeNameException):
        await stock.ask("GetInventory", ResultAttributes=[{"TypeName": "AWS:Nonsense"}])


async def test_nodes_are_counted_by_an_attribute(stock: Stock, scope: Scope) -> None:
    await a_fleet(stock, scope)

    assert {
        APPLICATION: [{"Name": "openssl", "Count": "3"}, {"Name": "curl", "Count": "2"}]
    } == await counted(stock, {"Expression": NAME})


async def test_nested_aggregators_count_together(stock: Stock, scope: Scope) -> None:
    await a_fleet(stock, scope)
    by_platform = {"Expression": "AWS:InstanceInformation.PlatformName"}

    found = await counted(
        stock,
        {
            "Expression": NAME,
            "Aggregators": [{"Expression": VERSION, "Aggregators": [by_platform]}],
        },
        Filters=[a_filter("AWS:InstanceInformation.InstanceStatus", "Active")],
    )

    rows = [
        (row["Name"], row["Version"], row["PlatformName"], row["Count"])
        for row in found[APPLICATION]
    ]
    assert [
        ("curl", "8.5", "Debian GNU/Linux", "1"),
        ("openssl", "3.0.14", "Debian GNU/Linux", "1"),
        ("openssl", "3.0.2", "Rocky Linux", "1"),
    ] == rows


async def test_filtered_nodes_are_counted_by_the_entries_that_pass(
    stock: Stock, scope: Scope
) -> None:
    await a_fleet(stock, scope)

    found = await counted(
        stock, {"Expression": NAME}, Filters=[a_filter(NAME, "curl", operator="BeginWith")]
    )

    assert {APPLICATION: [{"Name": "curl", "Count": "2"}]} == found


async def test_groups_tell_who_belongs_and_who_does_not(stock: Stock, scope: Scope) -> None:
    await a_fleet(stock, scope)
    filters = [a_filter("TypeName", APPLICATION, operator="Exists")]

    found = await counted(stock, {"Groups": [{"Name": "told", "Filters": filters}]})

    assert {"told": [{"notMatchingCount": "1"}, {"matchingCount": "3"}]} == found


@pytest.mark.parametrize(
    "aggregator",
    [
        {"Expression": "AWS:Application.Colour"},
        {"Expression": "Name"},
        {"Aggregators": [{"Expression": NAME}]},
        {},
    ],
)
async def test_aggregators_that_mean_nothing_are_refused(
    stock: Stock, aggregator: dict[str, Any]
) -> None:
    with pytest.raises(InvalidAggregatorException):
        await stock.ask("GetInventory", Aggregators=[aggregator])


async def test_a_nodes_entries_are_filtered(stock: Stock, scope: Scope) -> None:
    nodes = await a_fleet(stock, scope)

    short = await stock.entries(nodes[0], APPLICATION, Filters=[a_filter("Name", "curl")])
    long = await stock.entries(nodes[0], APPLICATION, Filters=[a_filter(NAME, "curl")])

    assert [a_package("curl", "8.5")] == short == long


async def test_what_the_house_knows_is_listed_as_well(stock: Stock, scope: Scope) -> None:
    nodes = await a_fleet(stock, scope)

    (told,) = await stock.entries(nodes[1], "AWS:InstanceInformation")

    assert "Rocky Linux" == told["PlatformName"]


async def test_schemas_are_listed_page_by_page(stock: Stock) -> None:
    pages = await stock.customer().every("GetInventorySchema", "Schemas", MaxResults=50)
    counted = await stock.ask("GetInventorySchema", Aggregator=True)

    names = [schema["TypeName"] for page in pages for schema in page]
    assert sorted(names) == names
    assert {"AWS:Application", "AWS:InstanceInformation"} < set(names)
    by_name = {schema["TypeName"]: schema["Attributes"] for schema in counted["Schemas"]}
    assert [
        {"Name": "Name", "DataType": "string"},
        {"Name": "Version", "DataType": "string"},
    ] == by_name[APPLICATION]


async def test_odd_names_of_attributes_are_names(stock: Stock, scope: Scope) -> None:
    """Attributes of custom types may be called anything, and travel into SQL."""
    node = await stock.fleet.node(scope)
    odd = 'a"b\\c$.d[0]'
    await stock.put(node, "Custom:Odd", {odd: "x"})

    assert {"Custom:Odd": [{odd: "x", "Count": "1"}]} == await counted(
        stock, {"Expression": f"Custom:Odd.{odd}"}
    )
    assert [node] == await stock.nodes(a_filter(f"Custom:Odd.{odd}", "x"))


async def test_accounts_do_not_see_each_other(
    stock: Stock, scope: Scope, other_scope: Scope
) -> None:
    await a_fleet(stock, scope)

    stock.scope = other_scope

    assert [] == await stock.nodes()
    assert {APPLICATION: []} == await counted(stock, {"Expression": NAME})
