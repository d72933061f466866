"""The AWS API of buses and of tags."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ostler.capabilities.events.model.names import bus_arn, bus_in
from ostler.capabilities.events.model.rules import Bus
from ostler.capabilities.events.service.buses import Buses
from ostler.foundation.call import Call

if TYPE_CHECKING:
    from ostler.wire.shapes import events


class BusOperations:
    """Keeps buses, and tags of buses and rules."""

    service = "events"

    def __init__(self, buses: Buses) -> None:
        self._buses = buses

    async def create_event_bus(
        self, call: Call, given: events.CreateEventBusRequest
    ) -> Mapping[str, Any]:
        bus = Bus(
            given["Name"],
            given.get("Description", ""),
            given.get("DeadLetterConfig", {}).get("Arn", ""),
        )
        tags = {tag["Key"]: tag["Value"] for tag in given.get("Tags", [])}
        made = await self._buses.create(call, bus, tags)
        return {"EventBusArn": bus_arn(call.scope, made.name), **_terms(made)}

    async def update_event_bus(
        self, call: Call, given: events.UpdateEventBusRequest
    ) -> Mapping[str, Any]:
        dead_letters = given.get("DeadLetterConfig")
        changed = await self._buses.change(
            call,
            bus_in(call.scope, given.get("Name")),
            description=given.get("Description"),
            dead_letters=None if dead_letters is None else dead_letters.get("Arn", ""),
        )
        return {
            "Arn": bus_arn(call.scope, changed.name),
            "Name": changed.name,
            **_terms(changed),
        }

    async def describe_event_bus(
        self, call: Call, given: events.DescribeEventBusRequest
    ) -> Mapping[str, Any]:
        bus = await self._buses.get(call, bus_in(call.scope, given.get("Name")))
        return {**_bus(call, bus), **_terms(bus)}

    async def list_event_buses(
        self, call: Call, given: events.ListEventBusesRequest
    ) -> Mapping[str, Any]:
        page = await self._buses.list(
            call,
            given.get("NamePrefix", ""),
            call.page_request(given, default=100, most=100, limit="Limit"),
        )
        return call.paged("EventBuses", page, lambda bus: _bus(call, bus))

    async def delete_event_bus(self, call: Call, given: events.DeleteEventBusRequest) -> None:
        await self._buses.delete(call, bus_in(call.scope, given["Name"]))

    async def tag_resource(self, call: Call, given: events.TagResourceRequest) -> None:
        tags = {tag["Key"]: tag["Value"] for tag in given["Tags"]}
        await self._buses.tag(call, given["ResourceARN"], tags)

    async def untag_resource(self, call: Call, given: events.UntagResourceRequest) -> None:
        await self._buses.untag(call, given["ResourceARN"], given["TagKeys"])

    async def list_tags_for_resource(
        self, call: Call, given: events.ListTagsForResourceRequest
    ) -> events.ListTagsForResourceResponse:
        tags = await self._buses.tags(call, given["ResourceARN"])
        return {"Tags": [{"Key": key, "Value": value} for key, value in tags.items()]}


def _bus(call: Call, bus: Bus) -> dict[str, Any]:
    written: dict[str, Any] = {"Name": bus.name, "Arn": bus_arn(call.scope, bus.name)}
    if bus.description:
        written["Description"] = bus.description
    if bus.created is not None:
        written["CreationTime"] = bus.created
    if bus.modified is not None:
        written["LastModifiedTime"] = bus.modified
    return written


def _terms(bus: Bus) -> dict[str, Any]:
    written: dict[str, Any] = {}
    if bus.description:
        written["Description"] = bus.description
    if bus.dead_letters:
        written["DeadLetterConfig"] = {"Arn": bus.dead_letters}
    return written
