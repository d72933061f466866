"""The AWS API of what nodes have."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ostler.capabilities.inventory.errors import InvalidAggregatorException, InvalidFilter
from ostler.capabilities.inventory.model.deletions import Deletion, SchemaDeletion
from ostler.capabilities.inventory.model.items import ToldChange, Upload
from ostler.capabilities.inventory.service.asking import Entity, Inventory, Told
from ostler.capabilities.inventory.service.collecting import Collecting
from ostler.capabilities.inventory.service.counting import Counting, Question
from ostler.capabilities.inventory.service.deleting import Deleting, Order
from ostler.foundation.call import Call
from ostler.foundation.ids import NodeId
from ostler.foundation.paging import Page
from ostler.grammar import filters
from ostler.grammar.filters import Filter
from ostler.grammar.inventory import NODE, Schema

if TYPE_CHECKING:
    from ostler.wire.shapes import ssm


class ItemOperations:
    """Takes, tells and deletes inventory."""

    service = "ssm"

    def __init__(
        self,
        inventory: Inventory,
        collecting: Collecting,
        counting: Counting,
        deleting: Deleting,
    ) -> None:
        self._inventory = inventory
        self._collecting = collecting
        self._counting = counting
        self._deleting = deleting

    async def put_inventory(
        self, call: Call, given: ssm.PutInventoryRequest
    ) -> ssm.PutInventoryResult:
        uploads = [_upload(item) for item in given["Items"]]
        await self._collecting.put(call, NodeId(given["InstanceId"]), uploads)
        return {"Message": "Inventory was accepted."}

    async def get_inventory(self, call: Call, given: ssm.GetInventoryRequest) -> Mapping[str, Any]:
        wanted = _filters(given.get("Filters", []))
        asked = call.page_request(given, default=50, most=50)
        if "Aggregators" in given:
            sums = await self._counting.count(call, wanted, _question(given["Aggregators"]))
            data: dict[str, Any] = {}
            for each in sums:
                counted = data.setdefault(each.name, {"TypeName": each.name, "Content": []})
                counted["Content"] += each.rows
            return {"Entities": [{"Data": data}]}
        attributes = given.get("ResultAttributes", [{"TypeName": NODE}])
        page = await self._inventory.find(call, wanted, attributes[0]["TypeName"], asked)
        return call.paged("Entities", page, _entity)

    async def get_inventory_schema(
        self, call: Call, given: ssm.GetInventorySchemaRequest
    ) -> Mapping[str, Any]:
        asked = call.page_request(given, default=200, most=200)
        start = given.get("TypeName", "")
        only_counted = given.get("Aggregator", False)
        shown = [
            schema
            for schema in await self._inventory.schemas(call)
            if schema.name.startswith(start)
            and (schema.counted or not only_counted)
            and (asked.after is None or schema.name > asked.after[0])
        ]
        page = Page.cut(
            sorted(shown, key=lambda schema: schema.name)[: asked.limit + 1],
            asked.limit,
            lambda schema: (schema.name,),
        )
        return call.paged("Schemas", page, lambda schema: _schema(schema, only_counted))

    async def list_inventory_entries(
        self, call: Call, given: ssm.ListInventoryEntriesRequest
    ) -> Mapping[str, Any]:
        page, told = await self._inventory.entries(
            call,
            NodeId(given["InstanceId"]),
            given["TypeName"],
            _filters(given.get("Filters", [])),
            call.page_request(given, default=50, most=50),
        )
        answer = call.paged("Entries", page, dict)
        answer |= {
            "TypeName": told.type_name,
            "InstanceId": given["InstanceId"],
            "SchemaVersion": told.version,
        }
        return answer | ({"CaptureTime": told.captured} if told.captured else {})

    async def delete_inventory(
        self, call: Call, given: ssm.DeleteInventoryRequest
    ) -> ssm.DeleteInventoryResult:
        option = given.get("SchemaDeleteOption")
        deletion = await self._deleting.delete(
            call,
            Order(
                given["TypeName"],
                None if option is None else SchemaDeletion(option),
                dry_run=given.get("DryRun", False),
                token=given.get("ClientToken", ""),
            ),
        )
        answer: ssm.DeleteInventoryResult = {
            "TypeName": deletion.type_name,
            "DeletionSummary": _summary(deletion),
        }
        return {**answer, "DeletionId": deletion.id} if deletion.id else answer

    async def describe_inventory_deletions(
        self, call: Call, given: ssm.DescribeInventoryDeletionsRequest
    ) -> Mapping[str, Any]:
        page = await self._deleting.describe(
            call, given.get("DeletionId"), call.page_request(given, default=50, most=50)
        )
        return call.paged("InventoryDeletions", page, _deletion)

    async def list_inventory_changes(
        self, call: Call, given: ssm.ListInventoryChangesRequest
    ) -> Mapping[str, Any]:
        page = await self._inventory.history(
            call,
            call.page_request(given, default=50, most=50),
            node=NodeId(given["InstanceId"]) if "InstanceId" in given else None,
            type_name=given.get("TypeName"),
            since=given.get("Since"),
            until=given.get("Until"),
        )
        return call.paged("Changes", page, _change)


def _filters(given: Sequence[ssm.InventoryFilter]) -> list[Filter]:
    try:
        return filters.parse(given)
    except filters.FilterFault as fault:
        raise InvalidFilter(fault.message) from fault


def _question(given: Sequence[ssm.InventoryAggregator]) -> Question:
    groups = [
        (group["Name"], _filters(group["Filters"]))
        for aggregator in given
        for group in aggregator.get("Groups", [])
    ]
    chains = [
        chain
        for aggregator in given
        if "Expression" in aggregator or "Aggregators" in aggregator
        for chain in _chains(aggregator)
    ]
    if not groups and not chains:
        raise InvalidAggregatorException("An aggregator needs an Expression or Groups.")
    return Question(chains, groups)


def _chains(aggregator: ssm.InventoryAggregator) -> Iterator[list[str]]:
    """The expressions from the outermost aggregator to each of the innermost."""
    if "Expression" not in aggregator:
        raise InvalidAggregatorException("An aggregator with others in it needs an Expression.")
    inner = aggregator.get("Aggregators", [])
    if not inner:
        yield [aggregator["Expression"]]
    for each in inner:
        for chain in _chains(each):
            yield [aggregator["Expression"], *chain]


def _upload(item: ssm.InventoryItem) -> Upload:
    return Upload(
        type_name=item["TypeName"],
        version=item["SchemaVersion"],
        captured=item["CaptureTime"],
        entries=item.get("Content"),
        content_hash=item.get("ContentHash", ""),
        context=item.get("Context", {}),
    )


def _entity(entity: Entity) -> Mapping[str, Any]:
    told = entity.told
    return {"Id": entity.node, "Data": {} if told is None else {told.type_name: _told(told)}}


def _told(told: Told) -> Mapping[str, Any]:
    written: dict[str, Any] = {
        "TypeName": told.type_name,
        "SchemaVersion": told.version,
        "Content": list(told.entries),
    }
    if told.captured:
        written["CaptureTime"] = told.captured
    if told.content_hash:
        written["ContentHash"] = told.content_hash
    return written


def _schema(schema: Schema, only_counted: bool) -> ssm.InventoryItemSchema:
    names = schema.counted if only_counted else schema.attributes
    return {
        "TypeName": schema.name,
        "Version": schema.version,
        "DisplayName": schema.display,
        "Attributes": [{"Name": name, "DataType": schema.attributes[name]} for name in names],
    }


def _deletion(deletion: Deletion) -> ssm.InventoryDeletionStatusItem:
    return {
        "DeletionId": deletion.id,
        "TypeName": deletion.type_name,
        "DeletionStartTime": deletion.started,
        "LastStatus": deletion.progress.value,
        "LastStatusMessage": deletion.message,
        "DeletionSummary": _summary(deletion),
        "LastStatusUpdateTime": deletion.updated,
    }


def _summary(deletion: Deletion) -> ssm.InventoryDeletionSummary:
    return {
        "TotalCount": sum(deletion.total.values()),
        "RemainingCount": sum(deletion.left.values()),
        "SummaryItems": [
            {"Version": version, "Count": count, "RemainingCount": deletion.left.get(version, 0)}
            for version, count in deletion.total.items()
        ],
    }


def _change(told: ToldChange) -> Mapping[str, Any]:
    written: dict[str, Any] = {
        "InstanceId": told.node,
        "TypeName": told.type_name,
        "At": told.at,
        "Action": told.change.deed.value,
    }
    if told.change.before is not None:
        written["Before"] = told.change.before
    if told.change.after is not None:
        written["After"] = told.change.after
    return written
