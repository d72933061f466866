"""Terms of associations as they come over the wire."""

from collections.abc import Mapping
from typing import Any

from ostler.capabilities.associations.errors import InvalidTarget, InvalidTargetMaps
from ostler.capabilities.associations.model import DEFAULT_VERSION, Alarms, Terms
from ostler.foundation.errors import NotYetImplemented
from ostler.grammar.targets import Target

_NODES = "InstanceIds"


def terms_of(given: Mapping[str, Any]) -> Terms:
    """What CreateAssociation, an entry of a batch, or UpdateAssociation asks for."""
    _refuse_foreign(given)
    node = given.get("InstanceId", "")
    if node and given.get("Targets"):
        raise InvalidTarget("Name the nodes either by InstanceId or by Targets.")
    place = given.get("OutputLocation", {}).get("S3Location", {})
    alarms = given.get("AlarmConfiguration")
    parameters = given.get("Parameters")
    return Terms(
        document=given.get("Name", ""),
        document_version=given.get("DocumentVersion", DEFAULT_VERSION),
        name=given.get("AssociationName", ""),
        node=node,
        parameters=None
        if parameters is None
        else {name: list(texts) for name, texts in parameters.items()},
        targets=(Target(_NODES, (node,)),)
        if node
        else tuple(
            Target(one.get("Key", ""), tuple(one.get("Values", ())))
            for one in given.get("Targets", ())
        ),
        schedule=given.get("ScheduleExpression", ""),
        offset=given.get("ScheduleOffset", 0),
        only_at_cron=given.get("ApplyOnlyAtCronInterval", False),
        duration=given.get("Duration", 0),
        max_concurrency=given.get("MaxConcurrency", ""),
        max_errors=given.get("MaxErrors", ""),
        severity=given.get("ComplianceSeverity", ""),
        sync=given.get("SyncCompliance", ""),
        calendars=tuple(given.get("CalendarNames", ())),
        region=place.get("OutputS3Region", ""),
        bucket=place.get("OutputS3BucketName", ""),
        prefix=place.get("OutputS3KeyPrefix", ""),
        target_parameter=given.get("AutomationTargetParameterName", ""),
        dispatch_role=given.get("AssociationDispatchAssumeRole", ""),
        alarms=None
        if alarms is None
        else Alarms(
            tuple(alarm["Name"] for alarm in alarms["Alarms"]),
            alarms.get("IgnorePollAlarmFailure", False),
        ),
    )


def _refuse_foreign(given: Mapping[str, Any]) -> None:
    if given.get("TargetMaps"):
        raise InvalidTargetMaps("TargetMaps are for documents of type Automation.")
    if given.get("TargetLocations"):
        raise NotYetImplemented("Associations in other accounts and regions are not built yet.")
