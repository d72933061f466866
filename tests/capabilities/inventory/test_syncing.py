"""Resource data syncs: copies in a bucket, on both engines."""

from datetime import timedelta
from typing import Any

import pytest

from ostler.capabilities.inventory.errors import (
    ResourceDataSyncAlreadyExistsException,
    ResourceDataSyncCountExceededException,
    ResourceDataSyncInvalidConfigurationException,
    ResourceDataSyncNotFoundException,
)
from ostler.capabilities.inventory.events import InventoryChanged
from ostler.foundation.errors import AccessDeniedException
from ostler.foundation.storage import Scope
from tests.capabilities.inventory.conftest import Stock, a_package
from tests.support.calls import a_call, allowing

APPLICATION = "AWS:Application"
BUCKET = "inventory-copies"
DESTINATION = {
    "BucketName": BUCKET,
    "Prefix": "fleet",
    "SyncFormat": "JsonSerDe",
    "Region": "eu-west-1",
}
SOURCE = {"SourceType": "SingleAccountMultiRegions", "SourceRegions": ["eu-west-1"]}


async def make_bucket(stock: Stock) -> None:
    operations = stock.buckets.operations[0]
    call = a_call("s3:CreateBucket", stock.scope, stock.clock)
    await operations.create_bucket(call, {"Bucket": BUCKET})


def key_of(stock: Stock, node: str, type_name: str = APPLICATION) -> str:
    return (
        f"fleet/{type_name}/accountid={stock.scope.account}/region={stock.scope.region}/"
        f"resourcetype=ManagedInstanceInventory/{node}.json"
    )


async def the_sync(stock: Stock) -> dict[str, Any]:
    (found,) = (await stock.ask("ListResourceDataSync"))["ResourceDataSyncItems"]
    return dict(found)


async def hear(stock: Stock, node: str) -> None:
    """What the outbox would have told by now."""
    for event, listener in stock.capability.listeners:
        if event is InventoryChanged:
            await listener(stock.scope, InventoryChanged(node=node, type_name=APPLICATION))


async def test_what_there_is_is_copied_in_awss_layout(stock: Stock, scope: Scope) -> None:
    await make_bucket(stock)
    node = await stock.fleet.node(scope)
    await stock.put(node, APPLICATION, a_package("curl", "8"), a_package("vim", "9"))

    await stock.ask("CreateResourceDataSync", SyncName="athena", S3Destination=DESTINATION)
    await stock.work()

    lines = await stock.copied(BUCKET, key_of(stock, node))
    told = {"resourceId": node, "schemaVersion": "1.1"}
    assert [
        {**a_package("curl", "8"), **told, "captureTime": lines[0]["captureTime"]},
        {**a_package("vim", "9"), **told, "captureTime": lines[1]["captureTime"]},
    ] == lines
    (known,) = await stock.copied(BUCKET, key_of(stock, node, "AWS:InstanceInformation"))
    assert node == known["InstanceId"]
    assert "Successful" == (await the_sync(stock))["LastStatus"]


async def test_what_changes_is_copied_soon(stock: Stock, scope: Scope) -> None:
    await make_bucket(stock)
    node = await stock.fleet.node(scope)
    await stock.ask("CreateResourceDataSync", SyncName="athena", S3Destination=DESTINATION)
    await stock.work()
    await stock.put(node, APPLICATION, a_package("curl", "8"))
    await hear(stock, node)

    await stock.clock.advance(timedelta(seconds=6))
    await stock.work()

    (line,) = await stock.copied(BUCKET, key_of(stock, node))
    assert "curl" == line["Name"]


async def test_a_copy_that_fails_is_told_and_tried_again(stock: Stock, scope: Scope) -> None:
    node = await stock.fleet.node(scope)
    await stock.put(node, APPLICATION, a_package())
    await stock.ask("CreateResourceDataSync", SyncName="athena", S3Destination=DESTINATION)
    await stock.work()
    failed = await the_sync(stock)
    await make_bucket(stock)

    await stock.clock.advance(timedelta(hours=1))
    await stock.work()

    assert "Failed" == failed["LastStatus"]
    assert "NoSuchBucket" in failed["LastSyncStatusMessage"]
    assert "Successful" == (await the_sync(stock))["LastStatus"]
    assert await stock.copied(BUCKET, key_of(stock, node))


async def test_a_sync_that_is_deleted_copies_no_more(stock: Stock, scope: Scope) -> None:
    await make_bucket(stock)
    node = await stock.fleet.node(scope)
    await stock.ask("CreateResourceDataSync", SyncName="athena", S3Destination=DESTINATION)
    await stock.ask("DeleteResourceDataSync", SyncName="athena")
    await stock.put(node, APPLICATION, a_package())
    await hear(stock, node)

    await stock.clock.advance(timedelta(hours=2))
    await stock.work()

    assert [] == await stock.copied(BUCKET, key_of(stock, node))
    with pytest.raises(ResourceDataSyncNotFoundException):
        await stock.ask("DeleteResourceDataSync", SyncName="athena")


async def test_whoever_may_not_put_objects_there_makes_no_sync(stock: Stock) -> None:
    customer = stock.customer(policies=allowing("ssm:*"))

    with pytest.raises(AccessDeniedException, match="s3:PutObject"):
        await customer.ask("CreateResourceDataSync", SyncName="athena", S3Destination=DESTINATION)


async def test_a_source_can_be_changed(stock: Stock) -> None:
    given = {"SyncName": "others", "SyncType": "SyncFromSource"}
    await stock.ask("CreateResourceDataSync", **given, SyncSource=SOURCE)

    await stock.ask(
        "UpdateResourceDataSync", **given, SyncSource={**SOURCE, "SourceRegions": ["eu-west-2"]}
    )

    assert ["eu-west-2"] == (await the_sync(stock))["SyncSource"]["SourceRegions"]


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"SyncType": "SyncFromSource"},
        {"SyncType": "Sideways", "S3Destination": DESTINATION},
        {"S3Destination": DESTINATION, "SyncSource": SOURCE},
        {"SyncType": "SyncFromSource", "S3Destination": DESTINATION, "SyncSource": SOURCE},
    ],
)
async def test_a_sync_has_what_its_direction_needs(stock: Stock, given: dict[str, Any]) -> None:
    with pytest.raises(ResourceDataSyncInvalidConfigurationException):
        await stock.ask("CreateResourceDataSync", SyncName="athena", **given)


async def test_only_what_comes_in_can_be_changed(stock: Stock) -> None:
    with pytest.raises(ResourceDataSyncInvalidConfigurationException):
        await stock.ask(
            "UpdateResourceDataSync",
            SyncName="athena",
            SyncType="SyncToDestination",
            SyncSource=SOURCE,
        )


async def test_names_are_taken_once_and_there_are_five(stock: Stock) -> None:
    for number in range(5):
        await stock.ask(
            "CreateResourceDataSync", SyncName=f"sync-{number}", S3Destination=DESTINATION
        )

    with pytest.raises(ResourceDataSyncAlreadyExistsException):
        await stock.ask("CreateResourceDataSync", SyncName="sync-1", S3Destination=DESTINATION)
    with pytest.raises(ResourceDataSyncCountExceededException):
        await stock.ask("CreateResourceDataSync", SyncName="sync-6", S3Destination=DESTINATION)
    pages = await stock.customer().every(
        "ListResourceDataSync", "ResourceDataSyncItems", MaxResults=2
    )
    assert [2, 2, 1] == [len(page) for page in pages]
