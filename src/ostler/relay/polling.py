"""Message polling, for agents without a control channel: the operations of `ec2messages`.

The same mailbox and the same contents as on the control channel: a message's id is the job's.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import TYPE_CHECKING

import structlog

from ostler.foundation.call import Call
from ostler.foundation.clock import Clock
from ostler.foundation.errors import AccessDeniedException, ApiError, ValidationException
from ostler.foundation.ids import NodeId
from ostler.relay.mailbox import Mailbox
from ostler.relay.ports import Acked, Heard
from ostler.relay.replies import Collector
from ostler.wire.agent import jobs
from ostler.wire.agent.jobs import AckCode, BrokenMessage, Job, ReplyContent

if TYPE_CHECKING:
    from ostler.wire.shapes import ec2messages

log = structlog.get_logger()

SHORTEST_VISIBILITY = 1
USUAL_VISIBILITY = 10
LONGEST_VISIBILITY = 600

_FAILURES: Mapping[str, AckCode] = {
    "NoHandlerExists": AckCode.UNEXPECTED_TYPE,
    "InternalHandlerException": AckCode.UNEXPECTED,
}


class InvalidMessageIdException(ApiError):
    """The message's id is not one that this service gives."""


class InternalServerException(ApiError):
    """Our fault: what the node said is not kept, so it has to say it again."""


class Operations:
    """One method per operation."""

    service = "ec2messages"

    def __init__(
        self, mailbox: Mailbox, collector: Collector, clock: Clock, *, endpoint: str
    ) -> None:
        self._mailbox = mailbox
        self._collector = collector
        self._clock = clock
        self._endpoint = endpoint

    async def get_endpoint(
        self, call: Call, given: ec2messages.GetEndpointRequest
    ) -> ec2messages.GetEndpointResult:
        await self._allow(call, NodeId(given["Destination"]))
        return {"Endpoint": self._endpoint}

    async def get_messages(
        self, call: Call, given: ec2messages.GetMessagesRequest
    ) -> ec2messages.GetMessagesResult:
        node = NodeId(given["Destination"])
        await self._allow(call, node)
        asked = given.get("VisibilityTimeoutInSeconds", USUAL_VISIBILITY)
        visibility = timedelta(seconds=min(max(asked, SHORTEST_VISIBILITY), LONGEST_VISIBILITY))
        found = await self._mailbox.poll(call.scope, node, visibility=visibility)
        return {
            "Destination": node,
            "MessagesRequestId": given["MessagesRequestId"],
            "Messages": [self._message(call, node, job) for job in found],
        }

    async def acknowledge_message(
        self, call: Call, given: ec2messages.AcknowledgeMessageRequest
    ) -> ec2messages.AcknowledgeMessageResult:
        await self._answered(call, given["MessageId"], AckCode.ACCEPTED)
        return {}

    async def delete_message(
        self, call: Call, given: ec2messages.DeleteMessageRequest
    ) -> ec2messages.DeleteMessageResult:
        await self._answered(call, given["MessageId"], AckCode.ACCEPTED)
        return {}

    async def fail_message(
        self, call: Call, given: ec2messages.FailMessageRequest
    ) -> ec2messages.FailMessageResult:
        failure = given["FailureType"]
        await self._answered(call, given["MessageId"], _FAILURES[failure], failure)
        return {}

    async def send_reply(
        self, call: Call, given: ec2messages.SendReplyRequest
    ) -> ec2messages.SendReplyResult:
        job_id = given["MessageId"]
        node = await self._node_of(call, job_id)
        try:
            reply = jobs.decode(given["Payload"], ReplyContent)
        except BrokenMessage as fault:
            raise ValidationException(f"The payload is not a reply: {fault}") from fault
        heard = Heard(call.scope, node, job_id, given["ReplyId"], reply, jobs.SEND_COMMAND)
        await self._keep(call, node, heard)
        if jobs.is_final(reply.document_status):
            self._mailbox.room(call.scope, node)
        return {"MessageId": job_id, "ReplyId": given["ReplyId"], "ReplyStatus": "Acknowledged"}

    async def _answered(self, call: Call, job_id: str, code: AckCode, message: str = "") -> None:
        node = await self._node_of(call, job_id)
        await self._keep(call, node, Acked(call.scope, node, job_id, code, message))

    async def _keep(self, call: Call, node: NodeId, answer: Heard | Acked) -> None:
        if not await self._collector.take(answer):
            raise InternalServerException("The message could not be kept; send it again.")
        self._mailbox.settled(call.scope, node, answer.job_id)

    async def _node_of(self, call: Call, job_id: str) -> NodeId:
        """The node whose job that is, which must be the caller."""
        try:
            node = NodeId(jobs.node_of(job_id))
        except BrokenMessage as fault:
            await call.allow()
            raise InvalidMessageIdException(f"There is no message {job_id}.") from fault
        await self._allow(call, node)
        return node

    async def _allow(self, call: Call, node: NodeId) -> None:
        """Only the node itself may ask for what is its own."""
        arn = call.arn("managed-instance", node)
        await call.allow(arn)
        if call.caller.node != node:
            log.warning("foreign_node_refused", node_id=node, caller=call.caller.arn)
            raise AccessDeniedException(
                f"User: {call.caller.arn} is not authorized to perform: {call.action} "
                f"on resource: {arn} because only the node itself may"
            )

    def _message(self, call: Call, node: NodeId, job: Job) -> ec2messages.Message:
        return {
            "MessageId": job.job_id,
            "Destination": node,
            "CreatedDate": jobs.iso8601(self._clock.now()),
            # The agent's older module for commands wants a dot behind the topic's name.
            "Topic": f"{job.topic}.{call.region}",
            "Payload": job.content,
        }
