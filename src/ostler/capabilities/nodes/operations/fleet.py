"""The AWS API of managed nodes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar, cast

from ostler.capabilities.nodes.model.filters import (
    Clause,
    Field,
    information_clauses,
    listing_clauses,
    property_clauses,
)
from ostler.capabilities.nodes.model.nodes import RESOURCE_TYPE, SOURCE_TYPE, Node
from ostler.capabilities.nodes.model.summaries import Aggregator, Count
from ostler.capabilities.nodes.service.fleet import Fleet
from ostler.capabilities.nodes.service.neighbours import NodeAssociations
from ostler.foundation.call import Call
from ostler.foundation.ids import NodeId

if TYPE_CHECKING:
    from ostler.wire.shapes import ssm


Written = TypeVar("Written", bound=Mapping[str, object])


class FleetOperations:
    """Lists nodes in AWS's four ways, and lets them go."""

    service = "ssm"

    def __init__(self, fleet: Fleet, latest_agents: Mapping[str, str]) -> None:
        self._fleet = fleet
        self._latest_agents = latest_agents

    async def describe_instance_information(
        self, call: Call, given: ssm.DescribeInstanceInformationRequest
    ) -> Mapping[str, Any]:
        clauses = information_clauses(
            [
                (legacy["key"], legacy["valueSet"])
                for legacy in given.get("InstanceInformationFilterList", [])
            ],
            [(modern["Key"], modern["Values"]) for modern in given.get("Filters", [])],
        )
        asked = call.page_request(given, default=10, most=50)
        page = await self._fleet.list(call, clauses, asked)
        overviews = await self._fleet.overviews(call, page.items)
        return call.paged(
            "InstanceInformationList",
            page,
            lambda node: {
                **self._information(call, node),
                **_associated(overviews.get(node.id)),
            },
        )

    async def describe_instance_properties(
        self, call: Call, given: ssm.DescribeInstancePropertiesRequest
    ) -> Mapping[str, Any]:
        clauses = property_clauses(
            [
                (legacy["key"], legacy["valueSet"])
                for legacy in given.get("InstancePropertyFilterList", [])
            ],
            [
                (modern["Key"], modern["Values"], modern.get("Operator", ""))
                for modern in given.get("FiltersWithOperator", [])
            ],
        )
        asked = call.page_request(given, default=50, most=1000)
        page, tags = await self._fleet.inspect(call, clauses, asked)
        overviews = await self._fleet.overviews(call, page.items)
        return call.paged(
            "InstanceProperties",
            page,
            lambda node: {
                **_property(call, node, tags.get(node.id, {})),
                **_associated(overviews.get(node.id)),
            },
        )

    async def list_nodes(self, call: Call, given: ssm.ListNodesRequest) -> Mapping[str, Any]:
        asked = call.page_request(given, default=50, most=50)
        page = await self._fleet.browse(
            call, _listing(given.get("Filters", [])), asked, sync=given.get("SyncName")
        )
        return call.paged("Nodes", page, lambda node: _listed(call, node))

    async def list_nodes_summary(
        self, call: Call, given: ssm.ListNodesSummaryRequest
    ) -> Mapping[str, Any]:
        page = await self._fleet.summarise(
            call,
            [_aggregator(aggregator) for aggregator in given["Aggregators"]],
            _listing(given.get("Filters", [])),
            call.page_request(given, default=50, most=50),
            sync=given.get("SyncName"),
        )
        return call.paged("Summary", page, _counted)

    async def deregister_managed_instance(
        self, call: Call, given: ssm.DeregisterManagedInstanceRequest
    ) -> ssm.DeregisterManagedInstanceResult:
        await self._fleet.deregister(call, NodeId(given["InstanceId"]))
        return {}

    async def update_managed_instance_role(
        self, call: Call, given: ssm.UpdateManagedInstanceRoleRequest
    ) -> ssm.UpdateManagedInstanceRoleResult:
        await self._fleet.change_role(call, NodeId(given["InstanceId"]), given["IamRole"])
        return {}

    def _information(self, call: Call, node: Node) -> ssm.InstanceInformation:
        facts = node.facts
        written: ssm.InstanceInformation = {
            "InstanceId": node.id,
            "PingStatus": node.ping_status(call.at),
            "IamRole": node.role,
            "RegistrationDate": node.registered,
            "ResourceType": RESOURCE_TYPE,
            "SourceId": node.id,
            "SourceType": SOURCE_TYPE,
            "ActivationId": node.activation or "",
            "AgentVersion": facts.agent_version,
            "ComputerName": facts.computer_name,
            "IPAddress": facts.ip_address,
            "Name": node.name,
            "PlatformName": facts.platform_name,
            "PlatformType": facts.platform_type,
            "PlatformVersion": facts.platform_version,
        }
        if node.heard is not None:
            written["LastPingDateTime"] = node.heard
        latest = self._latest_agents.get(facts.agent_name)
        if latest is not None:
            written["IsLatestVersion"] = facts.is_as_new_as(latest)
        return _known(written)


def _associated(overview: NodeAssociations | None) -> Mapping[str, Any]:
    if overview is None:
        return {}
    told: dict[str, Any] = {
        "AssociationStatus": overview.status,
        "AssociationOverview": {
            "DetailedStatus": overview.details,
            "InstanceAssociationStatusAggregatedCount": dict(overview.counts),
        },
    }
    if overview.ran is not None:
        told["LastAssociationExecutionDate"] = overview.ran
    if overview.succeeded is not None:
        told["LastSuccessfulAssociationExecutionDate"] = overview.succeeded
    return told


def _property(call: Call, node: Node, tags: Mapping[str, str]) -> ssm.InstanceProperty:
    facts = node.facts
    written: ssm.InstanceProperty = {
        "InstanceId": node.id,
        "PingStatus": node.ping_status(call.at),
        "IamRole": node.role,
        "RegistrationDate": node.registered,
        "ResourceType": RESOURCE_TYPE,
        "SourceId": node.id,
        "SourceType": SOURCE_TYPE,
        "ActivationId": node.activation or "",
        "AgentVersion": facts.agent_version,
        "AvailabilityZone": facts.availability_zone,
        "ComputerName": facts.computer_name,
        "IPAddress": facts.ip_address,
        "Name": tags.get("Name", node.name),
        "PlatformName": facts.platform_name,
        "PlatformType": facts.platform_type,
        "PlatformVersion": facts.platform_version,
    }
    if node.heard is not None:
        written["LastPingDateTime"] = node.heard
    return _known(written)


def _listed(call: Call, node: Node) -> ssm.Node:
    facts = node.facts
    instance: ssm.InstanceInfo = {
        "AgentType": facts.agent_name,
        "AgentVersion": facts.agent_version,
        "AvailabilityZone": facts.availability_zone,
        "AvailabilityZoneId": facts.availability_zone_id,
        "ComputerName": facts.computer_name,
        "InstanceStatus": node.instance_status(call.at),
        "IpAddress": facts.ip_address,
        "ManagedStatus": "Managed",
        "Name": node.name,
        "PlatformName": facts.platform_name,
        "PlatformType": facts.platform_type,
        "PlatformVersion": facts.platform_version,
        "ResourceType": RESOURCE_TYPE,
        "SourceId": node.id,
        "SourceType": SOURCE_TYPE,
    }
    return {
        "CaptureTime": node.heard or node.registered,
        "Id": node.id,
        "Owner": {"AccountId": node.account},
        "Region": node.region,
        "NodeType": {"Instance": _known(instance)},
    }


def _counted(count: Count) -> Mapping[str, str]:
    return {"Count": str(count.nodes), **{str(by): value for by, value in count.values.items()}}


def _listing(filters: Sequence[ssm.NodeFilter]) -> list[Clause]:
    return listing_clauses(
        [(wanted["Key"], wanted["Values"], wanted.get("Type", "")) for wanted in filters]
    )


def _aggregator(given: ssm.NodeAggregator) -> Aggregator:
    within = tuple(_aggregator(inner) for inner in given.get("Aggregators", []))
    return Aggregator(Field(given["AttributeName"]), within)


def _known(written: Written) -> Written:
    """A member that would be empty is left out."""
    return cast(Written, {name: value for name, value in written.items() if value != ""})
