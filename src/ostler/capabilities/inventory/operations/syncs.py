"""The AWS API of resource data syncs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ostler.capabilities.inventory.model.syncs import Destination, Sync, direction_of
from ostler.capabilities.inventory.service.syncing import Syncing
from ostler.foundation.call import Call

if TYPE_CHECKING:
    from ostler.wire.shapes import ssm


class SyncOperations:
    """Creates, changes, deletes and lists resource data syncs."""

    service = "ssm"

    def __init__(self, syncing: Syncing) -> None:
        self._syncing = syncing

    async def create_resource_data_sync(
        self, call: Call, given: ssm.CreateResourceDataSyncRequest
    ) -> ssm.CreateResourceDataSyncResult:
        await self._syncing.create(
            call,
            given["SyncName"],
            direction_of(given.get("SyncType")),
            _destination(given["S3Destination"]) if "S3Destination" in given else None,
            dict(given.get("SyncSource", {})),
        )
        return {}

    async def update_resource_data_sync(
        self, call: Call, given: ssm.UpdateResourceDataSyncRequest
    ) -> ssm.UpdateResourceDataSyncResult:
        await self._syncing.update(
            call, given["SyncName"], direction_of(given["SyncType"]), dict(given["SyncSource"])
        )
        return {}

    async def delete_resource_data_sync(
        self, call: Call, given: ssm.DeleteResourceDataSyncRequest
    ) -> ssm.DeleteResourceDataSyncResult:
        named = given.get("SyncType")
        await self._syncing.delete(
            call, given["SyncName"], None if named is None else direction_of(named)
        )
        return {}

    async def list_resource_data_sync(
        self, call: Call, given: ssm.ListResourceDataSyncRequest
    ) -> Mapping[str, Any]:
        named = given.get("SyncType")
        page = await self._syncing.list(
            call,
            None if named is None else direction_of(named),
            call.page_request(given, default=50, most=50),
        )
        return call.paged("ResourceDataSyncItems", page, _sync)


def _destination(given: ssm.ResourceDataSyncS3Destination) -> Destination:
    return Destination(
        bucket=given["BucketName"],
        region=given["Region"],
        prefix=given.get("Prefix", "").strip("/"),
        key_arn=given.get("AWSKMSKeyARN", ""),
        sharing=given.get("DestinationDataSharing", {}).get("DestinationDataSharingType", ""),
    )


def _sync(sync: Sync) -> Mapping[str, Any]:
    written: dict[str, Any] = {
        "SyncName": sync.name,
        "SyncType": sync.direction.value,
        "SyncCreatedTime": sync.created,
        "SyncLastModifiedTime": sync.modified,
    }
    if sync.destination is not None:
        written["S3Destination"] = _written(sync.destination)
    if sync.source:
        written["SyncSource"] = dict(sync.source)
    if sync.status is not None:
        written |= {"LastStatus": sync.status.value, "LastSyncTime": sync.tried}
    if sync.message:
        written["LastSyncStatusMessage"] = sync.message
    if sync.succeeded is not None:
        written["LastSuccessfulSyncTime"] = sync.succeeded
    return written


def _written(destination: Destination) -> Mapping[str, Any]:
    written: dict[str, Any] = {
        "BucketName": destination.bucket,
        "Region": destination.region,
        "SyncFormat": "JsonSerDe",
    }
    if destination.prefix:
        written["Prefix"] = destination.prefix
    if destination.key_arn:
        written["AWSKMSKeyARN"] = destination.key_arn
    if destination.sharing:
        written["DestinationDataSharing"] = {"DestinationDataSharingType": destination.sharing}
    return written
