"""Filters of associations, executions and their targets as they come over the wire."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from ostler.capabilities.associations.service import (
    Wanted,
    WantedExecutions,
    WantedRuns,
    statuses_named,
)
from ostler.foundation.errors import ValidationException

_RESOURCE = "ManagedInstance"


def wanted_associations(given: Mapping[str, Any]) -> Wanted:
    """What ListAssociations is asked for."""
    named: dict[str, Any] = {}
    for one in given.get("AssociationFilterList", ()):
        key, value = one["key"], one["value"]
        match key:
            case "InstanceId":
                named["node"] = value
            case "Name":
                named["document"] = value
            case "AssociationId":
                named["association"] = value
            case "AssociationName":
                named["name"] = value
            case "AssociationStatusName":
                if value not in ("Pending", "Success", "Failed"):
                    raise ValidationException(f"{value} is not a status to filter by.")
                named["status"] = value
            case "LastExecutedBefore":
                named["executed_before"] = _instant(key, value)
            case "LastExecutedAfter":
                named["executed_after"] = _instant(key, value)
            case _:
                # Resource groups and cloud connectors: no association here has one.
                named["nothing"] = True
    return Wanted(**named)


def wanted_executions(given: Mapping[str, Any]) -> WantedExecutions:
    """What DescribeAssociationExecutions is asked for."""
    execution, statuses, created = None, None, []
    for one in given.get("Filters", ()):
        key, value, relation = one["Key"], one["Value"], one["Type"]
        if key == "CreatedTime":
            created.append((relation, _instant(key, value)))
            continue
        if relation != "EQUAL":
            raise ValidationException(f"The filter {key} knows only the type EQUAL.")
        if key == "ExecutionId":
            execution = value
        else:
            statuses = statuses_named(value)
    return WantedExecutions(execution, statuses, tuple(created))


def wanted_runs(given: Mapping[str, Any]) -> WantedRuns:
    """What DescribeAssociationExecutionTargets is asked for."""
    node, statuses, nothing = None, None, False
    for one in given.get("Filters", ()):
        match one["Key"]:
            case "ResourceId":
                node = one["Value"]
            case "Status":
                statuses = statuses_named(one["Value"])
            case _:
                nothing = nothing or one["Value"] != _RESOURCE
    return WantedRuns(node, statuses, nothing)


def _instant(key: str, value: str) -> datetime:
    try:
        at = datetime.fromisoformat(value)
    except ValueError:
        raise ValidationException(f"{value} is no date and time for the filter {key}.") from None
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at
