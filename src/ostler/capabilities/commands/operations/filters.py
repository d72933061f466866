"""Filters of commands and of invocations as they come over the wire."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from ostler.capabilities.commands.errors import InvalidFilterKey
from ostler.capabilities.commands.model import Outcome, Status
from ostler.capabilities.commands.service import WantedCommands, WantedInvocations
from ostler.foundation.errors import ValidationException

_STAGES = {"Executing": False, "Complete": True}
# Names of AWS's for what never happens here; they find nothing.
_FOREIGN = {"LimitExceeded", "RateExceeded", "ExecutionTimedOut"}


def wanted_commands(given: Any) -> WantedCommands:
    """What ListCommands is asked for."""
    outcomes: set[Outcome] | None = None
    named: dict[str, Any] = {}
    for key, value in _filters(given):
        if key == "ExecutionStage":
            final = _choice(key, value, _STAGES)
            outcomes = _both(outcomes, {one for one in Outcome if one.final is final})
        elif key == "Status":
            outcomes = _both(outcomes, _named(value, Outcome))
        else:
            named |= _common(key, value)
    return WantedCommands(
        command=given.get("CommandId"),
        node=given.get("InstanceId"),
        outcomes=None if outcomes is None else sorted(outcomes),
        **named,
    )


def wanted_invocations(given: Any) -> WantedInvocations:
    """What ListCommandInvocations is asked for."""
    statuses: set[Status] | None = None
    named: dict[str, Any] = {}
    for key, value in _filters(given):
        if key == "ExecutionStage":
            raise InvalidFilterKey("ExecutionStage is a filter of ListCommands only.")
        if key == "Status":
            statuses = _both(statuses, _named(value, Status))
        else:
            named |= _common(key, value)
    return WantedInvocations(
        command=given.get("CommandId"),
        node=given.get("InstanceId"),
        statuses=None if statuses is None else sorted(statuses),
        **named,
    )


def _filters(given: Mapping[str, Any]) -> Sequence[tuple[str, str]]:
    return [(one["key"], one["value"]) for one in given.get("Filters", ())]


def _common(key: str, value: str) -> dict[str, Any]:
    match key:
        case "InvokedAfter":
            return {"after": _instant(key, value)}
        case "InvokedBefore":
            return {"before": _instant(key, value)}
        case "DocumentName":
            return {"document": value}
        case _:
            raise InvalidFilterKey(f"{key} is not a filter of commands.")


def _named(value: str, statuses: Any) -> Any:
    """The statuses that AWS calls so, in its coarse words or in its fine ones."""
    found = {one for one in statuses if value in (one.coarse, one.details)}
    if not found and value not in _FOREIGN:
        raise ValidationException(f"{value} is not a status to filter by.")
    return found


def _both(known: Any, also: Any) -> Any:
    return also if known is None else known & also


def _choice(key: str, value: str, choices: Mapping[str, bool]) -> bool:
    if value not in choices:
        raise ValidationException(f"The value of {key} is one of {', '.join(choices)}.")
    return choices[value]


def _instant(key: str, value: str) -> datetime:
    try:
        at = datetime.fromisoformat(value)
    except ValueError as fault:
        raise ValidationException(
            f"The value of {key} is an instant like 2024-07-07T00:00:00Z."
        ) from fault
    return at if at.tzinfo else at.replace(tzinfo=UTC)
