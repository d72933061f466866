"""The AWS API of publishing."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ostler.capabilities.notifications.errors import (
    BatchEntryIdsNotDistinctException,
    EmptyBatchRequestException,
    InvalidBatchEntryIdException,
    InvalidParameterException,
    TooManyEntriesInBatchRequestException,
)
from ostler.capabilities.notifications.model.messages import Attribute, Message, message_of
from ostler.capabilities.notifications.service.topics import Topics
from ostler.foundation.call import Call
from ostler.foundation.errors import NotYetImplemented
from ostler.foundation.ids import Ids

if TYPE_CHECKING:
    from ostler.wire.shapes import sns

_ENTRY_ID = re.compile(r"[A-Za-z0-9_-]{1,80}", re.ASCII)
_MOST = 10


class PublishingOperations:
    """Takes in messages."""

    service = "sns"

    def __init__(self, topics: Topics, ids: Ids) -> None:
        self._topics = topics
        self._ids = ids

    async def publish(self, call: Call, given: sns.PublishInput) -> sns.PublishResponse:
        if "PhoneNumber" in given:
            await call.allow()
            raise NotYetImplemented("Short messages are not built: publish to a topic.")
        topic = given.get("TopicArn") or given.get("TargetArn")
        if not topic:
            await call.allow()
            raise InvalidParameterException(
                "Invalid parameter: TopicArn or TargetArn Reason: no value for required parameter"
            )
        await self._topics.allowed(call, topic)
        message = self._message(call, given)
        await self._topics.publish(call, topic, [message])
        return {"MessageId": message.id}

    async def publish_batch(self, call: Call, given: sns.PublishBatchInput) -> Mapping[str, Any]:
        await self._topics.allowed(call, given["TopicArn"])
        entries = given["PublishBatchRequestEntries"]
        names = [entry["Id"] for entry in entries]
        if not entries:
            raise EmptyBatchRequestException("The batch request doesn't contain any entries.")
        if len(entries) > _MOST:
            raise TooManyEntriesInBatchRequestException(
                "The batch request contains more entries than permissible."
            )
        if len(set(names)) < len(names):
            raise BatchEntryIdsNotDistinctException(
                "Two or more batch entries in the request have the same Id."
            )
        if not all(_ENTRY_ID.fullmatch(name) for name in names):
            raise InvalidBatchEntryIdException(
                "The Id of a batch entry in a batch request doesn't abide by the specification."
            )
        messages: dict[str, Message] = {}
        failed = []
        for entry in entries:
            try:
                messages[entry["Id"]] = self._message(call, entry)
            except InvalidParameterException as fault:
                failed.append(
                    {
                        "Id": entry["Id"],
                        "Code": "InvalidParameter",
                        "Message": fault.message,
                        "SenderFault": True,
                    }
                )
        await self._topics.publish(call, given["TopicArn"], list(messages.values()))
        taken = [{"Id": name, "MessageId": each.id} for name, each in messages.items()]
        return {"Successful": taken, "Failed": failed}

    def _message(self, call: Call, given: Mapping[str, Any]) -> Message:
        return message_of(
            self._ids.uuid(),
            call.at,
            given["Message"],
            subject=given.get("Subject", ""),
            structure=given.get("MessageStructure", ""),
            attributes={
                name: _attribute(each) for name, each in given.get("MessageAttributes", {}).items()
            },
        )


def _attribute(given: Mapping[str, Any]) -> Attribute:
    if "BinaryValue" in given:
        return Attribute(given["DataType"], base64.b64encode(given["BinaryValue"]).decode())
    return Attribute(given["DataType"], given.get("StringValue", ""))
