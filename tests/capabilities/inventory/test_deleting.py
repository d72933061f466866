"""Deleting custom types, on both engines."""

import pytest

from ostler.capabilities.inventory.errors import (
    InvalidDeleteInventoryParametersException,
    InvalidDeletionIdException,
    InvalidTypeNameException,
    UnsupportedInventorySchemaVersionException,
)
from ostler.foundation.storage import Scope
from tests.capabilities.inventory.conftest import Stock

RACK = "Custom:Rack"
TOKEN = "0f8fad5b-d9cb-469f-a165-70867728950e"


async def racks(stock: Stock, scope: Scope, count: int = 2) -> list[str]:
    """Nodes that told in which rack they are."""
    nodes = [await stock.fleet.node(scope, number) for number in range(count)]
    for node in nodes:
        await stock.put(node, RACK, {"Row": "7"})
    return nodes


async def test_a_dry_run_deletes_nothing(stock: Stock, scope: Scope) -> None:
    nodes = await racks(stock, scope)

    answer = await stock.ask("DeleteInventory", TypeName=RACK, DryRun=True)
    await stock.work()

    assert "DeletionId" not in answer
    assert {
        "TotalCount": 2,
        "RemainingCount": 2,
        "SummaryItems": [{"Version": "1.0", "Count": 2, "RemainingCount": 2}],
    } == answer["DeletionSummary"]
    assert [{"Row": "7"}] == await stock.entries(nodes[0], RACK)


async def test_a_deletion_goes_on_until_nothing_is_left(stock: Stock, scope: Scope) -> None:
    nodes = await racks(stock, scope)
    begun = await stock.ask("DeleteInventory", TypeName=RACK)

    await stock.work()

    answer = await stock.ask("DescribeInventoryDeletions", DeletionId=begun["DeletionId"])
    (deletion,) = answer["InventoryDeletions"]
    assert ("Complete", 2, 0) == (
        deletion["LastStatus"],
        deletion["DeletionSummary"]["TotalCount"],
        deletion["DeletionSummary"]["RemainingCount"],
    )
    assert [] == await stock.entries(nodes[0], RACK)
    told = [each.kind for each in await stock.fleet.told(scope)]
    assert 2 == told.count("inventory.InventoryDeleted")


async def test_a_deleted_schema_is_gone(stock: Stock, scope: Scope) -> None:
    await racks(stock, scope)

    await stock.ask("DeleteInventory", TypeName=RACK, SchemaDeleteOption="DeleteSchema")
    await stock.work()

    assert [] == (await stock.ask("GetInventorySchema", TypeName=RACK))["Schemas"]
    with pytest.raises(InvalidTypeNameException):
        await stock.ask("DeleteInventory", TypeName=RACK)


async def test_a_disabled_version_is_taken_no_more(stock: Stock, scope: Scope) -> None:
    (node,) = await racks(stock, scope, 1)

    await stock.ask("DeleteInventory", TypeName=RACK, SchemaDeleteOption="DisableSchema")
    await stock.work()

    with pytest.raises(UnsupportedInventorySchemaVersionException):
        await stock.put(node, RACK, {"Row": "7"}, SchemaVersion="1.0")
    await stock.put(node, RACK, {"Row": "8"}, SchemaVersion="1.1")
    assert [{"Row": "8"}] == await stock.entries(node, RACK)


async def test_a_token_asks_once(stock: Stock, scope: Scope) -> None:
    (node,) = await racks(stock, scope, 1)
    await stock.put(node, "Custom:Other", {"a": "b"})

    first = await stock.ask("DeleteInventory", TypeName=RACK, ClientToken=TOKEN)
    again = await stock.ask("DeleteInventory", TypeName=RACK, ClientToken=TOKEN)

    assert first["DeletionId"] == again["DeletionId"]
    with pytest.raises(InvalidDeleteInventoryParametersException):
        await stock.ask("DeleteInventory", TypeName="Custom:Other", ClientToken=TOKEN)


async def test_deletions_are_listed_page_by_page(stock: Stock, scope: Scope) -> None:
    await racks(stock, scope)
    begun = [(await stock.ask("DeleteInventory", TypeName=RACK))["DeletionId"] for _ in range(3)]

    pages = await stock.customer().every(
        "DescribeInventoryDeletions", "InventoryDeletions", MaxResults=2
    )

    assert sorted(begun) == sorted(each["DeletionId"] for page in pages for each in page)


@pytest.mark.parametrize("type_name", ["AWS:Application", "Custom:Never"])
async def test_only_custom_types_can_be_deleted(stock: Stock, type_name: str) -> None:
    with pytest.raises(InvalidTypeNameException):
        await stock.ask("DeleteInventory", TypeName=type_name)


async def test_a_deletion_that_never_was_is_refused(stock: Stock) -> None:
    with pytest.raises(InvalidDeletionIdException):
        await stock.ask("DescribeInventoryDeletions", DeletionId=TOKEN)
