"""The operations on groups and streams."""

from typing import TYPE_CHECKING, Any

from ostler.capabilities.logs.errors import InvalidParameterException
from ostler.capabilities.logs.model.logs import Group, Stream, group_of, milliseconds
from ostler.capabilities.logs.operations.tokens import opened
from ostler.capabilities.logs.service import Groups
from ostler.capabilities.logs.service.access import group_arn
from ostler.foundation.call import Call
from ostler.foundation.errors import NotYetImplemented
from ostler.foundation.paging import PageRequest

if TYPE_CHECKING:
    from ostler.wire.shapes import logs

_PAGE = 50
_STANDARD = "STANDARD"


class GroupOperations:
    """Makes, lists, tags and deletes groups and streams."""

    service = "logs"

    def __init__(self, groups: Groups) -> None:
        self._groups = groups

    async def create_log_group(self, call: Call, given: "logs.CreateLogGroupRequest") -> Any:
        if given.get("kmsKeyId") or given.get("logGroupClass", _STANDARD) != _STANDARD:
            raise NotYetImplemented("Log groups have no keys and no classes of their own here.")
        await self._groups.create(call, given["logGroupName"], given.get("tags", {}))
        return {}

    async def delete_log_group(self, call: Call, given: "logs.DeleteLogGroupRequest") -> Any:
        await self._groups.delete(call, given["logGroupName"])
        return {}

    async def describe_log_groups(self, call: Call, given: "logs.DescribeLogGroupsRequest") -> Any:
        prefix, part = given.get("logGroupNamePrefix", ""), given.get("logGroupNamePattern", "")
        if prefix and part:
            raise InvalidParameterException(
                "LogGroup name prefix and LogGroup name pattern are mutually exclusive parameters."
            )
        question = (call.action, call.account, call.region, prefix, part)
        page = await self._groups.list(call, prefix, part, _asked(call, given, question))
        answer: dict[str, Any] = {"logGroups": [_group(call, group) for group in page.items]}
        if page.last is not None:
            answer["nextToken"] = call.page_tokens.seal(question, page.last)
        return answer

    async def create_log_stream(self, call: Call, given: "logs.CreateLogStreamRequest") -> Any:
        await self._groups.create_stream(call, given["logGroupName"], given["logStreamName"])
        return {}

    async def delete_log_stream(self, call: Call, given: "logs.DeleteLogStreamRequest") -> Any:
        await self._groups.delete_stream(call, given["logGroupName"], given["logStreamName"])
        return {}

    async def describe_log_streams(
        self, call: Call, given: "logs.DescribeLogStreamsRequest"
    ) -> Any:
        group, prefix = group_named(given), given.get("logStreamNamePrefix", "")
        by_time = given.get("orderBy") == "LastEventTime"
        descending = given.get("descending", False)
        if by_time and prefix:
            raise InvalidParameterException(
                "Cannot order by LastEventTime with a logStreamNamePrefix."
            )
        question = (call.action, call.account, call.region, group, prefix, f"{by_time}{descending}")
        page = await self._groups.list_streams(
            call,
            group,
            prefix=prefix,
            by_time=by_time,
            descending=descending,
            asked=_asked(call, given, question),
        )
        answer: dict[str, Any] = {
            "logStreams": [_stream(call, group, stream) for stream in page.items]
        }
        if page.last is not None:
            answer["nextToken"] = call.page_tokens.seal(question, page.last)
        return answer

    async def put_retention_policy(
        self, call: Call, given: "logs.PutRetentionPolicyRequest"
    ) -> Any:
        await self._groups.retain(call, given["logGroupName"], given["retentionInDays"])
        return {}

    async def delete_retention_policy(
        self, call: Call, given: "logs.DeleteRetentionPolicyRequest"
    ) -> Any:
        await self._groups.retain(call, given["logGroupName"], None)
        return {}

    async def tag_resource(self, call: Call, given: "logs.TagResourceRequest") -> Any:
        await self._groups.tag(call, group_of(given["resourceArn"]), added=given["tags"])
        return {}

    async def untag_resource(self, call: Call, given: "logs.UntagResourceRequest") -> Any:
        await self._groups.tag(
            call, group_of(given["resourceArn"]), added={}, removed=given["tagKeys"]
        )
        return {}

    async def list_tags_for_resource(
        self, call: Call, given: "logs.ListTagsForResourceRequest"
    ) -> Any:
        return {"tags": await self._groups.tags(call, group_of(given["resourceArn"]))}

    # The same three under their older names.

    async def tag_log_group(self, call: Call, given: "logs.TagLogGroupRequest") -> Any:
        await self._groups.tag(call, given["logGroupName"], added=given["tags"])
        return {}

    async def untag_log_group(self, call: Call, given: "logs.UntagLogGroupRequest") -> Any:
        await self._groups.tag(call, given["logGroupName"], added={}, removed=given["tags"])
        return {}

    async def list_tags_log_group(self, call: Call, given: "logs.ListTagsLogGroupRequest") -> Any:
        return {"tags": await self._groups.tags(call, given["logGroupName"])}


def group_named(given: Any) -> str:
    """The group that a request names, by one of two members."""
    name, identifier = given.get("logGroupName", ""), given.get("logGroupIdentifier", "")
    if bool(name) == bool(identifier):
        raise InvalidParameterException(
            "Exactly one of logGroupName and logGroupIdentifier has to be given."
        )
    return name or group_of(identifier)


def _asked(call: Call, given: Any, question: tuple[str, ...]) -> PageRequest:
    token = given.get("nextToken", "")
    after = opened(call, question, token) if token else None
    return PageRequest(min(given.get("limit", _PAGE), _PAGE), after)


def _group(call: Call, group: Group) -> dict[str, Any]:
    arn = group_arn(call, group.name)
    written = {
        "logGroupName": group.name,
        "creationTime": milliseconds(group.created),
        "metricFilterCount": 0,
        "arn": f"{arn}:*",
        "logGroupArn": arn,
        "logGroupClass": _STANDARD,
    }
    return written if group.retention is None else {**written, "retentionInDays": group.retention}


def _stream(call: Call, group: str, stream: Stream) -> dict[str, Any]:
    written: dict[str, Any] = {
        "logStreamName": stream.name,
        "creationTime": milliseconds(stream.created),
        "arn": f"{group_arn(call, group)}:log-stream:{stream.name}",
        # Old clients send it along with the next events; nobody looks at it any more.
        "uploadSequenceToken": str(stream.number),
    }
    times = {
        "firstEventTimestamp": stream.first_event,
        "lastEventTimestamp": stream.last_event,
        "lastIngestionTime": stream.last_ingestion,
    }
    return written | {name: milliseconds(at) for name, at in times.items() if at is not None}
