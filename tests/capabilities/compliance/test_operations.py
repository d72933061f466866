"""Compliance as customers and nodes use it, on both engines."""

from datetime import timedelta
from typing import Any

import pytest

from ostler.capabilities.compliance.errors import (
    ComplianceTypeCountLimitExceededException,
    InvalidFilter,
    InvalidItemContentException,
    InvalidResourceId,
    InvalidResourceType,
)
from ostler.capabilities.nodes.events import NodeDeregistered
from ostler.foundation.errors import AccessDeniedException, ValidationException
from ostler.foundation.ids import NodeId
from ostler.foundation.storage import Scope
from tests.capabilities.compliance.conftest import Examined


def an_item(name: str = "nightly", status: str = "COMPLIANT", **given: Any) -> dict[str, Any]:
    return {"Id": name, "Status": status, "Severity": "HIGH", "Title": "", **given}


async def items(examined: Examined, **given: Any) -> list[tuple[str, str, str]]:
    """Node, type and id of the items that are listed, through all pages."""
    pages = await examined.customer().every("ListComplianceItems", "ComplianceItems", **given)
    return [
        (item["ResourceId"], item["ComplianceType"], item["Id"]) for page in pages for item in page
    ]


async def summary(examined: Examined, node: str, **given: Any) -> dict[str, Any]:
    """What the node's items come to."""
    answer = await examined.customer().ask("ListResourceComplianceSummaries", **given)
    (found,) = [
        each for each in answer["ResourceComplianceSummaryItems"] if each["ResourceId"] == node
    ]
    return dict(found)


async def changes(examined: Examined) -> list[tuple[str, str]]:
    """The events that tell of changes: the node, and what it is now."""
    return [
        (told.body["node"], told.body["detail"]["compliance-status"])
        for told in await examined.fleet.told(examined.scope)
        if told.kind == "compliance.ComplianceChanged"
    ]


async def test_what_was_put_is_listed(examined: Examined, scope: Scope) -> None:
    node = await examined.fleet.node(scope)
    found = an_item(Title="Nightly backup", Details={"Size": "12 GB", "Where": "vault"})

    await examined.put(
        node,
        found,
        ExecutionSummary={
            "ExecutionTime": examined.clock.now(),
            "ExecutionId": "run-1",
            "ExecutionType": "Command",
        },
    )

    answer = await examined.customer().ask("ListComplianceItems", ResourceIds=[node])
    assert answer["ComplianceItems"] == [
        {
            "ComplianceType": "Custom:Backup",
            "ResourceType": "ManagedInstance",
            "ResourceId": node,
            "ExecutionSummary": {
                "ExecutionTime": examined.clock.now(),
                "ExecutionId": "run-1",
                "ExecutionType": "Command",
            },
            **found,
        }
    ]


async def test_a_complete_upload_erases_what_it_does_not_name(
    examined: Examined, scope: Scope
) -> None:
    node = await examined.fleet.node(scope)
    await examined.put(node, an_item("nightly"), an_item("weekly"))
    await examined.put(node, an_item("other"), ComplianceType="Custom:Disk")

    await examined.put(node, an_item("weekly"))

    assert [(node, "Custom:Backup", "weekly"), (node, "Custom:Disk", "other")] == await items(
        examined
    )


async def test_a_partial_upload_changes_what_it_names(examined: Examined, scope: Scope) -> None:
    node = await examined.fleet.node(scope)
    of_associations = {"ComplianceType": "Association", "UploadType": "PARTIAL"}
    await examined.put(node, an_item("one"), an_item("two"), ComplianceType="Association")

    await examined.put(node, an_item("two", "NON_COMPLIANT"), **of_associations)

    found = await summary(examined, node)
    assert 1 == found["CompliantSummary"]["CompliantCount"]
    assert 1 == found["NonCompliantSummary"]["NonCompliantCount"]


async def test_an_upload_of_the_same_hash_only_notes_when(examined: Examined, scope: Scope) -> None:
    """Agents leave the items out when nothing changed since the last time."""
    node = await examined.fleet.node(scope)
    await examined.put(node, an_item("nightly"), ItemContentHash="abc")
    await examined.clock.advance(timedelta(hours=1))

    await examined.put(node, ItemContentHash="abc")

    assert [(node, "Custom:Backup", "nightly")] == await items(examined)
    found = await summary(examined, node)
    assert examined.clock.now() == found["ExecutionSummary"]["ExecutionTime"]


async def test_the_worst_failing_item_gives_the_severity(examined: Examined, scope: Scope) -> None:
    node = await examined.fleet.node(scope)

    await examined.put(
        node,
        an_item("a", "COMPLIANT", Severity="CRITICAL"),
        an_item("b", "NON_COMPLIANT", Severity="LOW"),
        an_item("c", "NON_COMPLIANT", Severity="HIGH"),
    )

    found = await summary(examined, node)
    assert ("NON_COMPLIANT", "HIGH") == (found["Status"], found["OverallSeverity"])
    assert 1 == found["CompliantSummary"]["SeveritySummary"]["CriticalCount"]
    assert 1 == found["NonCompliantSummary"]["SeveritySummary"]["LowCount"]


async def test_types_are_summed_up_by_nodes(examined: Examined, scope: Scope) -> None:
    nodes = [await examined.fleet.node(scope, number) for number in range(3)]
    await examined.put(nodes[0], an_item("a"), an_item("b"))
    await examined.put(nodes[1], an_item("a", "NON_COMPLIANT"), an_item("b"))
    await examined.put(nodes[2], an_item("a"), ComplianceType="Custom:Disk")

    pages = await examined.customer().every(
        "ListComplianceSummaries", "ComplianceSummaryItems", MaxResults=1
    )

    told = [
        (
            item["ComplianceType"],
            item["CompliantSummary"]["CompliantCount"],
            item["NonCompliantSummary"]["NonCompliantCount"],
        )
        for page in pages
        for item in page
    ]
    assert [("Custom:Backup", 1, 1), ("Custom:Disk", 1, 0)] == told


@pytest.mark.parametrize(
    ("key", "operator", "values", "expected"),
    [
        ("Status", "EQUAL", ["NON_COMPLIANT"], ["b"]),
        ("Status", "NOT_EQUAL", ["NON_COMPLIANT"], ["a", "c"]),
        ("Severity", "EQUAL", ["HIGH", "LOW"], ["a", "b", "c"]),
        ("Title", "BEGIN_WITH", ["Night"], ["a"]),
        ("AWS:ComplianceItem.Id", "GREATER_THAN", ["a"], ["b", "c"]),
        ("Id", "LESS_THAN", ["b"], ["a"]),
        ("ComplianceType", "EQUAL", ["Patch"], []),
        ("ExecutionTime", "LESS_THAN", ["2100-01-01T00:00:00Z"], ["a", "b", "c"]),
    ],
)
async def test_filters_choose(
    examined: Examined,
    scope: Scope,
    key: str,
    operator: str,
    values: list[str],
    expected: list[str],
) -> None:
    node = await examined.fleet.node(scope)
    await examined.put(
        node,
        an_item("a", Title="Nightly"),
        an_item("b", "NON_COMPLIANT"),
        an_item("c", Severity="LOW"),
    )

    found = await items(
        examined, Filters=[{"Key": key, "Type": operator, "Values": values}], MaxResults=1
    )

    assert expected == [item for _, _, item in found]


@pytest.mark.parametrize(
    "filters",
    [
        {"Key": "Colour", "Values": ["red"]},
        {"Key": "ExecutionTime", "Values": ["yesterday"]},
        {"Key": "ExecutionTime", "Values": ["2026-01-01T00:00:00"]},
        {"Key": "ExecutionTime", "Type": "BEGIN_WITH", "Values": ["2026-01-01T00:00:00Z"]},
        {"Key": "Status"},
    ],
)
async def test_filters_that_mean_nothing_are_refused(
    examined: Examined, filters: dict[str, Any]
) -> None:
    with pytest.raises(InvalidFilter):
        await examined.customer().ask("ListComplianceItems", Filters=[filters])


@pytest.mark.parametrize(
    ("given", "error"),
    [
        ({"ResourceType": "Spaceship"}, InvalidResourceType),
        ({"ResourceId": "mi-0fffffffffffffff9"}, InvalidResourceId),
        ({"ComplianceType": "Whatever"}, ValidationException),
        ({"UploadType": "PARTIAL"}, ValidationException),
        ({"Items": [an_item("twice"), an_item("twice")]}, InvalidItemContentException),
        ({"Items": [an_item("")]}, InvalidItemContentException),
        ({"Items": [an_item("x" * 1025)]}, InvalidItemContentException),
    ],
)
async def test_what_cannot_be_is_refused_and_changes_nothing(
    examined: Examined, scope: Scope, given: dict[str, Any], error: type[Exception]
) -> None:
    node = await examined.fleet.node(scope)
    await examined.put(node, an_item("nightly"))

    with pytest.raises(error):
        await examined.put(node, **given)

    assert [(node, "Custom:Backup", "nightly")] == await items(examined)


async def test_there_are_ten_custom_types(examined: Examined, scope: Scope) -> None:
    node = await examined.fleet.node(scope)
    for number in range(10):
        await examined.put(node, an_item(), ComplianceType=f"Custom:Type{number}")

    with pytest.raises(ComplianceTypeCountLimitExceededException):
        await examined.put(node, an_item(), ComplianceType="Custom:Eleventh")

    await examined.put(node, an_item(), ComplianceType="Custom:Type9")


async def test_a_node_speaks_for_itself_alone(examined: Examined, scope: Scope) -> None:
    node = await examined.fleet.node(scope)

    with pytest.raises(AccessDeniedException):
        await examined.customer(node=NodeId("mi-0aaaaaaaaaaaaaaa1")).ask(
            "PutComplianceItems",
            ResourceId=node,
            ResourceType="ManagedInstance",
            ComplianceType="Association",
            ExecutionSummary={"ExecutionTime": examined.clock.now()},
            Items=[an_item()],
        )


async def test_a_change_is_told_once(examined: Examined, scope: Scope) -> None:
    node = await examined.fleet.node(scope)

    for status in ("COMPLIANT", "COMPLIANT", "NON_COMPLIANT", "NON_COMPLIANT", "COMPLIANT"):
        await examined.put(node, an_item(status=status))

    expected = [(node, "compliant"), (node, "non_compliant"), (node, "compliant")]
    assert expected == await changes(examined)


async def test_a_node_that_is_none_any_more_is_forgotten(examined: Examined, scope: Scope) -> None:
    node = await examined.fleet.node(scope)
    await examined.put(node, an_item())
    ((event, listener),) = examined.capability.listeners

    assert event is NodeDeregistered
    await listener(scope, NodeDeregistered(node=node))

    assert [] == await items(examined)


async def test_accounts_do_not_see_each_other(
    examined: Examined, scope: Scope, other_scope: Scope
) -> None:
    node = await examined.fleet.node(scope)
    await examined.put(node, an_item())

    examined.scope = other_scope

    assert [] == await items(examined)
