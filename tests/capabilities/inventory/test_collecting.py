"""What nodes tell of themselves, on both engines."""

from datetime import timedelta
from typing import Any

import pytest

from ostler.capabilities.inventory.errors import (
    CustomSchemaCountLimitExceededException,
    InvalidItemContentException,
    InvalidTypeNameException,
    ItemContentMismatchException,
    ItemSizeLimitExceededException,
    TotalSizeLimitExceededException,
    UnsupportedInventoryItemContextException,
    UnsupportedInventorySchemaVersionException,
)
from ostler.capabilities.nodes import InvalidInstanceId
from ostler.capabilities.nodes.events import NodeDeregistered
from ostler.foundation.errors import AccessDeniedException
from ostler.foundation.ids import NodeId
from ostler.foundation.storage import Scope
from tests.capabilities.inventory.conftest import Stock, a_package

APPLICATION = "AWS:Application"


async def changes(stock: Stock, node: str, **given: Any) -> list[tuple[str, Any, Any]]:
    """What changed on the node: the action, and the version before and after."""
    pages = await stock.customer().every(
        "ListInventoryChanges", "Changes", InstanceId=node, MaxResults=2, **given
    )
    return [
        (
            change["Action"],
            change.get("Before", {}).get("Version"),
            change.get("After", {}).get("Version"),
        )
        for page in pages
        for change in page
    ]


async def test_what_was_told_last_is_what_there_is(stock: Stock, scope: Scope) -> None:
    node = await stock.fleet.node(scope)
    await stock.put(node, APPLICATION, a_package("openssl"), a_package("curl", "8.5.0"))

    await stock.put(node, APPLICATION, a_package("curl", "8.6.0"), a_package("vim", "9.0"))

    expected = [a_package("curl", "8.6.0"), a_package("vim", "9.0")]
    assert expected == await stock.entries(node, APPLICATION, MaxResults=1)


async def test_an_empty_type_is_known_to_be_empty(stock: Stock, scope: Scope) -> None:
    node = await stock.fleet.node(scope)
    await stock.put(node, APPLICATION, a_package())

    await stock.put(node, APPLICATION)

    answer = await stock.ask("GetInventory", ResultAttributes=[{"TypeName": APPLICATION}])
    assert [] == answer["Entities"][0]["Data"][APPLICATION]["Content"]


async def test_the_same_hash_spares_the_content(stock: Stock, scope: Scope) -> None:
    node = await stock.fleet.node(scope)
    await stock.put(node, APPLICATION, a_package(), ContentHash="abc")
    await stock.clock.advance(timedelta(hours=1))
    later = f"{stock.clock.now():%Y-%m-%dT%H:%M:%SZ}"

    await stock.put(node, APPLICATION, ContentHash="abc", Content=None)

    answer = await stock.ask("ListInventoryEntries", InstanceId=node, TypeName=APPLICATION)
    assert ([a_package()], later) == (answer["Entries"], answer["CaptureTime"])


@pytest.mark.parametrize("hash_", ["other", ""])
async def test_without_content_an_unknown_hash_is_refused(
    stock: Stock, scope: Scope, hash_: str
) -> None:
    """That is how agents know that they have to send everything."""
    node = await stock.fleet.node(scope)
    await stock.put(node, APPLICATION, a_package(), ContentHash="abc")

    with pytest.raises(ItemContentMismatchException) as refused:
        await stock.put(node, APPLICATION, ContentHash=hash_, Content=None)

    assert {"TypeName": APPLICATION} == refused.value.members


async def test_a_call_is_kept_whole_or_not_at_all(stock: Stock, scope: Scope) -> None:
    node = await stock.fleet.node(scope)
    items = [
        {
            "TypeName": APPLICATION,
            "SchemaVersion": "1.1",
            "CaptureTime": "2026-01-01T00:00:00Z",
            "Content": [a_package()],
        },
        {
            "TypeName": "AWS:Network",
            "SchemaVersion": "1.0",
            "CaptureTime": "2026-01-01T00:00:00Z",
            "ContentHash": "never told",
        },
    ]

    with pytest.raises(ItemContentMismatchException):
        await stock.ask("PutInventory", InstanceId=node, Items=items)

    assert [] == await stock.entries(node, APPLICATION)


async def test_history_tells_what_came_went_and_changed(stock: Stock, scope: Scope) -> None:
    node = await stock.fleet.node(scope)
    await stock.put(node, APPLICATION, a_package(version="1"), a_package("curl", "8"))
    await stock.put(node, APPLICATION, a_package(version="2"), a_package("curl", "8"))
    monday = stock.clock.now() + timedelta(days=1)
    await stock.clock.advance(timedelta(days=2))

    await stock.put(node, APPLICATION, a_package(version="2"), a_package("vim", "9"))

    assert [("Changed", "1", "2"), ("Added", None, "9"), ("Removed", "8", None)] == await changes(
        stock, node
    )
    assert 2 == len(await changes(stock, node, Since=monday))
    assert 1 == len(await changes(stock, node, Until=monday))
    assert [] == await changes(stock, node, TypeName="AWS:Network")


@pytest.mark.parametrize(
    ("type_name", "given", "error"),
    [
        ("AWS:Nonsense", {}, InvalidTypeNameException),
        ("AWS:InstanceInformation", {}, InvalidTypeNameException),
        ("Custom:", {}, InvalidTypeNameException),
        ("Custom:With Space", {}, InvalidTypeNameException),
        (APPLICATION, {"SchemaVersion": "2.0"}, UnsupportedInventorySchemaVersionException),
        (APPLICATION, {"Context": {"a": "b"}}, UnsupportedInventoryItemContextException),
        (APPLICATION, {"Content": [{"Colour": "red"}]}, InvalidItemContentException),
        ("Custom:Big", {"Content": [{"a": "x" * 4096}] * 60}, ItemSizeLimitExceededException),
    ],
)
async def test_what_is_no_inventory_is_refused(
    stock: Stock, scope: Scope, type_name: str, given: dict[str, Any], error: type[Exception]
) -> None:
    node = await stock.fleet.node(scope)

    with pytest.raises(error):
        await stock.put(node, type_name, **given)

    assert [] == await stock.nodes({"Key": "TypeName", "Type": "Exists", "Values": [type_name]})


async def test_a_call_of_too_many_bytes_is_refused(stock: Stock, scope: Scope) -> None:
    node = await stock.fleet.node(scope)
    content = [{"Name": f"{number}", "Description": "x" * 4096} for number in range(700)]
    item = {"SchemaVersion": "1.0", "CaptureTime": "2026-01-01T00:00:00Z", "Content": content}
    kinds = ("AWS:Service", "AWS:WindowsRole", "AWS:File")
    described = [
        [{"Name": each["Name"], "DisplayName": each["Description"]} for each in content],
        [{"Name": each["Name"], "DisplayName": each["Description"]} for each in content],
        content,
    ]

    with pytest.raises(TotalSizeLimitExceededException):
        await stock.ask(
            "PutInventory",
            InstanceId=node,
            Items=[
                {**item, "TypeName": kind, "Content": told}
                for kind, told in zip(kinds, described, strict=True)
            ],
        )


async def test_a_type_is_told_once_in_a_call(stock: Stock, scope: Scope) -> None:
    node = await stock.fleet.node(scope)
    item = {
        "TypeName": "Custom:Rack",
        "SchemaVersion": "1.0",
        "CaptureTime": "2026-01-01T00:00:00Z",
        "Content": [],
    }

    with pytest.raises(InvalidItemContentException):
        await stock.ask("PutInventory", InstanceId=node, Items=[item, item])


async def test_only_nodes_have_inventory(stock: Stock) -> None:
    with pytest.raises(InvalidInstanceId):
        await stock.put("mi-0aaaaaaaaaaaaaaa1", APPLICATION, a_package())


async def test_a_node_speaks_for_itself_alone(stock: Stock, scope: Scope) -> None:
    node = await stock.fleet.node(scope)
    other = stock.customer(node=NodeId("mi-0aaaaaaaaaaaaaaa1"))
    item = {
        "TypeName": APPLICATION,
        "SchemaVersion": "1.1",
        "CaptureTime": "2026-01-01T00:00:00Z",
        "Content": [],
    }

    with pytest.raises(AccessDeniedException):
        await other.ask("PutInventory", InstanceId=node, Items=[item])


async def test_custom_types_are_learnt_from_what_is_told(stock: Stock, scope: Scope) -> None:
    node = await stock.fleet.node(scope)
    await stock.put(node, "Custom:Rack", {"Row": "7"})
    await stock.put(node, "Custom:Rack", {"Row": "7", "Slot": "3"}, SchemaVersion="1.1")

    answer = await stock.ask("GetInventorySchema", TypeName="Custom:Rack")

    (schema,) = answer["Schemas"]
    assert ("1.1", ["Row", "Slot"]) == (
        schema["Version"],
        [attribute["Name"] for attribute in schema["Attributes"]],
    )


async def test_there_are_twenty_custom_types(stock: Stock, scope: Scope) -> None:
    node = await stock.fleet.node(scope)
    for number in range(20):
        await stock.put(node, f"Custom:Type{number}", {"a": "b"})

    with pytest.raises(CustomSchemaCountLimitExceededException):
        await stock.put(node, "Custom:OneMore", {"a": "b"})

    await stock.put(node, "Custom:Type3", {"a": "c"})


async def test_what_nobody_confirms_is_dropped_after_thirty_days(
    stock: Stock, scope: Scope
) -> None:
    silent, alive = [await stock.fleet.node(scope, number) for number in range(2)]
    for node in (silent, alive):
        await stock.put(node, APPLICATION, a_package(), ContentHash="abc")
    start = stock.capability.start
    assert start is not None
    await start()
    await stock.clock.advance(timedelta(days=20))
    await stock.put(alive, APPLICATION, ContentHash="abc", Content=None)
    await stock.clock.advance(timedelta(days=11))

    await stock.work()

    telling = await stock.nodes({"Key": "TypeName", "Type": "Exists", "Values": [APPLICATION]})
    assert [alive] == telling
    assert [] == await stock.entries(silent, APPLICATION)


async def test_a_node_that_is_none_any_more_is_forgotten(stock: Stock, scope: Scope) -> None:
    node = await stock.fleet.node(scope)
    await stock.put(node, APPLICATION, a_package())
    (listener,) = [
        listener for event, listener in stock.capability.listeners if event is NodeDeregistered
    ]

    await listener(scope, NodeDeregistered(node=node))

    assert [] == await stock.entries(node, APPLICATION)
