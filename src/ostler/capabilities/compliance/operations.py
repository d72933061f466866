"""The AWS API of compliance."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ostler.capabilities.compliance.errors import InvalidFilter
from ostler.capabilities.compliance.model import (
    RESOURCE_TYPE,
    Condition,
    Counts,
    Execution,
    Item,
    Kept,
    NodeSummary,
    Severity,
    Status,
    TypeSummary,
    Upload,
    conditions,
)
from ostler.capabilities.compliance.service import Compliance
from ostler.foundation.call import Call
from ostler.grammar import filters

if TYPE_CHECKING:
    from ostler.wire.shapes import ssm


class Operations:
    """Takes and tells the compliance of nodes."""

    service = "ssm"

    def __init__(self, compliance: Compliance) -> None:
        self._compliance = compliance

    async def put_compliance_items(
        self, call: Call, given: ssm.PutComplianceItemsRequest
    ) -> ssm.PutComplianceItemsResult:
        execution = given["ExecutionSummary"]
        upload = Upload(
            node=given["ResourceId"],
            kind=given["ComplianceType"],
            execution=Execution(
                execution["ExecutionTime"],
                execution.get("ExecutionId", ""),
                execution.get("ExecutionType", ""),
            ),
            items=[_item(item) for item in given["Items"]],
            content_hash=given.get("ItemContentHash", ""),
            whole=given.get("UploadType") != "PARTIAL",
        )
        await self._compliance.put(call, given["ResourceType"], upload)
        return {}

    async def list_compliance_items(
        self, call: Call, given: ssm.ListComplianceItemsRequest
    ) -> Mapping[str, Any]:
        page = await self._compliance.list(
            call,
            _conditions(given.get("Filters", [])),
            call.page_request(given, default=50, most=50),
            nodes=given.get("ResourceIds"),
            resource_types=given.get("ResourceTypes", []),
        )
        return call.paged("ComplianceItems", page, _kept)

    async def list_compliance_summaries(
        self, call: Call, given: ssm.ListComplianceSummariesRequest
    ) -> Mapping[str, Any]:
        page = await self._compliance.summarise_types(
            call,
            _conditions(given.get("Filters", [])),
            call.page_request(given, default=50, most=50),
        )
        return call.paged("ComplianceSummaryItems", page, _type_summary)

    async def list_resource_compliance_summaries(
        self, call: Call, given: ssm.ListResourceComplianceSummariesRequest
    ) -> Mapping[str, Any]:
        page = await self._compliance.summarise_nodes(
            call,
            _conditions(given.get("Filters", [])),
            call.page_request(given, default=50, most=50),
        )
        return call.paged("ResourceComplianceSummaryItems", page, _node_summary)


def _conditions(given: Sequence[ssm.ComplianceStringFilter]) -> list[Condition]:
    try:
        return conditions(filters.parse(given))
    except filters.FilterFault as fault:
        raise InvalidFilter(fault.message) from fault


def _item(given: ssm.ComplianceItemEntry) -> Item:
    return Item(
        given.get("Id", ""),
        Status(given["Status"]),
        Severity(given["Severity"]),
        given.get("Title", ""),
        given.get("Details", {}),
    )


def _kept(kept: Kept) -> ssm.ComplianceItem:
    return {
        "ComplianceType": kept.kind,
        "ResourceType": RESOURCE_TYPE,
        "ResourceId": kept.node,
        "Id": kept.item.id,
        "Title": kept.item.title,
        "Status": kept.item.status.value,
        "Severity": kept.item.severity.value,
        "ExecutionSummary": _execution(kept.execution),
        "Details": dict(kept.item.details),
    }


def _node_summary(summary: NodeSummary) -> Mapping[str, Any]:
    return {
        "ComplianceType": summary.kind,
        "ResourceType": RESOURCE_TYPE,
        "ResourceId": summary.node,
        "Status": summary.counts.status.value,
        "OverallSeverity": summary.counts.severity.value,
        "ExecutionSummary": _execution(summary.execution),
        **_counts(summary.counts),
    }


def _type_summary(summary: TypeSummary) -> Mapping[str, Any]:
    return {"ComplianceType": summary.kind, **_counts(summary.counts)}


def _execution(execution: Execution) -> ssm.ComplianceExecutionSummary:
    written: ssm.ComplianceExecutionSummary = {"ExecutionTime": execution.at}
    if execution.id:
        written["ExecutionId"] = execution.id
    if execution.kind:
        written["ExecutionType"] = execution.kind
    return written


def _counts(counts: Counts) -> Mapping[str, Any]:
    return {
        "CompliantSummary": {
            "CompliantCount": sum(counts.compliant.values()),
            "SeveritySummary": _severities(counts.compliant),
        },
        "NonCompliantSummary": {
            "NonCompliantCount": sum(counts.failing.values()),
            "SeveritySummary": _severities(counts.failing),
        },
    }


def _severities(counted: Mapping[Severity, int]) -> ssm.SeveritySummary:
    return {
        "CriticalCount": counted.get(Severity.CRITICAL, 0),
        "HighCount": counted.get(Severity.HIGH, 0),
        "MediumCount": counted.get(Severity.MEDIUM, 0),
        "LowCount": counted.get(Severity.LOW, 0),
        "InformationalCount": counted.get(Severity.INFORMATIONAL, 0),
        "UnspecifiedCount": counted.get(Severity.UNSPECIFIED, 0),
    }
