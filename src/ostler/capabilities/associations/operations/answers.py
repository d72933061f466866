"""Associations, their executions and their nodes as they go over the wire."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from ostler.capabilities.associations.model import (
    Association,
    Execution,
    Run,
    Status,
    Terms,
    Version,
)
from ostler.capabilities.associations.service import Held, View

_RESOURCE = "ManagedInstance"


def description(view: View) -> Any:
    """An AssociationDescription."""
    association, terms = view.association, view.terms
    return {
        **_terms(terms),
        **_given(InstanceId=terms.node),
        "AssociationId": association.id,
        "AssociationVersion": str(view.version),
        "Date": association.created,
        "LastUpdateAssociationDate": association.updated,
        "Overview": _overview(view),
        "ApplyOnlyAtCronInterval": terms.only_at_cron,
        **_status(association),
        **_given(
            LastExecutionDate=association.executed,
            LastSuccessfulExecutionDate=association.succeeded,
            AlarmConfiguration=_alarms(terms),
        ),
    }


def association(view: View) -> Any:
    """An Association, as lists have it."""
    terms = view.terms
    return {
        "Name": terms.document,
        "AssociationId": view.association.id,
        "AssociationVersion": str(view.version),
        "DocumentVersion": terms.document_version,
        "Targets": _targets(terms),
        "Overview": _overview(view),
        **_given(
            InstanceId=terms.node,
            LastExecutionDate=view.association.executed,
            ScheduleExpression=terms.schedule,
            AssociationName=terms.name,
            ScheduleOffset=terms.offset,
            Duration=terms.duration,
        ),
    }


def version(one: Version) -> Any:
    """An AssociationVersionInfo."""
    return {
        **_terms(one.terms),
        "AssociationId": one.association,
        "AssociationVersion": str(one.number),
        "CreatedDate": one.created,
        "ApplyOnlyAtCronInterval": one.terms.only_at_cron,
    }


def execution(one: Execution) -> Any:
    """An AssociationExecution; the counts are the text that AWS makes of them."""
    counts: dict[str, int] = {}
    for status, number in one.tally.items():
        counts[status.details] = counts.get(status.details, 0) + number
    text = ", ".join(f"{name}={counts[name]}" for name in sorted(counts))
    return {
        "AssociationId": one.association,
        "AssociationVersion": str(one.version),
        "ExecutionId": one.id,
        "Status": one.status.coarse,
        "DetailedStatus": one.status.details,
        "CreatedTime": one.created,
        "ResourceCountByStatus": f"{{{text}}}",
        **_given(LastExecutionDate=one.last),
    }


def run(one: Run) -> Any:
    """An AssociationExecutionTarget."""
    return {
        "AssociationId": one.association,
        "AssociationVersion": str(one.version),
        "ExecutionId": one.execution,
        "ResourceId": one.node,
        "ResourceType": _RESOURCE,
        "Status": one.status.coarse,
        "DetailedStatus": one.status.details,
        **_given(LastExecutionDate=one.last),
    }


def status_info(held: Held) -> Any:
    """An InstanceAssociationStatusInfo."""
    terms, member = held.association.terms, held.member
    return {
        "AssociationId": held.association.id,
        "Name": terms.document,
        "DocumentVersion": held.association.resolved or terms.document_version,
        "AssociationVersion": str(member.version),
        "InstanceId": member.node,
        "Status": member.status.coarse,
        "DetailedStatus": member.status.details,
        **_given(
            ExecutionDate=member.ran,
            ExecutionSummary=member.summary,
            ErrorCode=member.error_code,
            OutputUrl={"S3OutputUrl": {"OutputUrl": member.output_url}}
            if member.output_url
            else None,
            AssociationName=terms.name,
        ),
    }


def for_agent(held: Held) -> Any:
    """What a node is told of an association.

    Agents decide by DetailedStatus alone whether they run it, since there is no schedule: Pending
    means now. What waits for its turn is shown as it ended last, which means not now. The stock
    agent reads the first five members without looking whether they are there.
    """
    terms, member = held.association.terms, held.member
    status = Status.SUCCESS if member.status is Status.WAITING else member.status
    return {
        "AssociationId": held.association.id,
        "Name": terms.document,
        "DocumentVersion": terms.document_version,
        "InstanceId": member.node,
        "Checksum": held.association.checksum,
        "AssociationVersion": str(held.association.version),
        "Parameters": {name: list(texts) for name, texts in (terms.parameters or {}).items()},
        "Status": status.coarse,
        "DetailedStatus": status.details,
        "Targets": _targets(terms),
        **_given(LastExecutionDate=member.ran, OutputLocation=_output(terms)),
    }


def _terms(terms: Terms) -> dict[str, Any]:
    return {
        "Name": terms.document,
        "DocumentVersion": terms.document_version,
        "Targets": _targets(terms),
        **({} if terms.parameters is None else {"Parameters": dict(terms.parameters)}),
        **_given(
            AssociationName=terms.name,
            ScheduleExpression=terms.schedule,
            ScheduleOffset=terms.offset,
            Duration=terms.duration,
            OutputLocation=_output(terms),
            MaxErrors=terms.max_errors,
            MaxConcurrency=terms.max_concurrency,
            ComplianceSeverity=terms.severity,
            SyncCompliance=terms.sync,
            CalendarNames=list(terms.calendars),
            AutomationTargetParameterName=terms.target_parameter,
            AssociationDispatchAssumeRole=terms.dispatch_role,
        ),
    }


def _targets(terms: Terms) -> list[Any]:
    return [{"Key": one.key, "Values": list(one.values)} for one in terms.targets]


def _output(terms: Terms) -> Any:
    if not terms.bucket:
        return None
    place = _given(
        OutputS3Region=terms.region,
        OutputS3BucketName=terms.bucket,
        OutputS3KeyPrefix=terms.prefix,
    )
    return {"S3Location": place}


def _alarms(terms: Terms) -> Any:
    if terms.alarms is None:
        return None
    return {
        "IgnorePollAlarmFailure": terms.alarms.ignore_poll_failure,
        "Alarms": [{"Name": name} for name in terms.alarms.names],
    }


def _overview(view: View) -> dict[str, Any]:
    counts: dict[str, int] = {}
    for status, number in view.counts.items():
        counts[status.details] = counts.get(status.details, 0) + number
    told = {"Status": view.status.coarse, "DetailedStatus": view.status.details}
    return {**told, **_given(AssociationStatusAggregatedCount=counts)}


def _status(association: Association) -> dict[str, Any]:
    """The status of an association made with InstanceId, which its node tells by itself."""
    told = association.legacy_status
    if told is None and not association.terms.node:
        return {}
    if told is None:
        return {
            "Status": {
                "Date": association.created,
                "Name": "Associated",
                "Message": f"Associated with {association.terms.document}",
            }
        }
    written = {
        "Date": datetime.fromisoformat(told["date"]),
        "Name": told["name"],
        "Message": told["message"],
    }
    return {"Status": {**written, **_given(AdditionalInfo=told.get("information", ""))}}


def _given(**members: Any) -> Mapping[str, Any]:
    """A member that would be empty is left out."""
    return {name: value for name, value in members.items() if value not in ("", 0, None, [], {})}
