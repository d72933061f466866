"""Letters: what nodes are sent and what they answer, in the agents' words."""

import json
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime

from ostler.capabilities.commands.model import (
    NOT_STARTED,
    Event,
    Report,
    Status,
    StepReport,
    StepResult,
    shown,
    shown_trace,
)
from ostler.capabilities.commands.service import Payload
from ostler.foundation.ids import CommandId, NodeId
from ostler.wire.agent.jobs import (
    CANCEL_COMMAND,
    SEND_COMMAND,
    AckCode,
    BrokenMessage,
    CancelContent,
    Job,
    PluginReply,
    ReplyContent,
    ReplyStatus,
    SendCommandContent,
    command_of,
    job_id,
    node_of,
    text,
)

_CANCELS = uuid.UUID("0c5b4a5e-9d5c-4c0a-8a64-6f1f9a3f6d2e")

ACCEPTED = (AckCode.ACCEPTED, AckCode.DUPLICATE)
LATER = (AckCode.CLOSED, AckCode.FULL)
"""The node has no room: the job is not settled, and is sent again."""

_OF_DOCUMENTS: Mapping[str, Event] = {
    ReplyStatus.SUCCESS: Event.SUCCEEDED,
    ReplyStatus.SKIPPED: Event.SUCCEEDED,
    ReplyStatus.FAILED: Event.FAILED,
    ReplyStatus.TIMED_OUT: Event.TIMED_OUT,
    ReplyStatus.CANCELLED: Event.STOPPED,
}
_OF_STEPS: Mapping[str, Status] = {
    ReplyStatus.SUCCESS: Status.SUCCESS,
    # A step that does not fit the platform has done what it should: nothing.
    ReplyStatus.SKIPPED: Status.SUCCESS,
    ReplyStatus.FAILED: Status.FAILED,
    ReplyStatus.TIMED_OUT: Status.EXECUTION_TIMED_OUT,
    ReplyStatus.CANCELLED: Status.CANCELLED,
}


def content_of(payload: Payload) -> str:
    """What all nodes of a command are sent alike."""
    order = payload.order
    return text(
        SendCommandContent(
            command_id=payload.command,
            document_name=payload.document_name,
            document_content=json.loads(payload.content),
            parameters=dict(payload.parameters),
            output_s3_bucket_name=order.bucket,
            output_s3_key_prefix=order.prefix,
            cloud_watch_log_group_name=order.logging.group,
            cloud_watch_output_enabled="true" if order.logging.enabled else "false",
        )
    )


def run_job(command: CommandId, node: NodeId, content: str) -> Job:
    """Run the command."""
    return Job(job_id(command, node), SEND_COMMAND, content)


def cancel_job(command: CommandId, node: NodeId) -> Job:
    """Stop the command: a job with an id of its own, always the same one."""
    content = text(CancelContent(cancel_message_id=job_id(command, node)))
    return Job(job_id(cancel_id(command), node), CANCEL_COMMAND, content)


def cancel_id(command: CommandId) -> str:
    """What stands for the command in the id of the job that stops it."""
    return str(uuid.uuid5(_CANCELS, command))


def is_cancel(command: str) -> bool:
    """Whether it is a `cancel_id` rather than a command's own id."""
    try:
        return uuid.UUID(command).version == 5
    except ValueError:
        return False


def told_command(job: str, node: NodeId) -> CommandId | None:
    """The command that a job of the node is about; None when it is not the node's.

    For the job that stops a command it is its `cancel_id`.
    """
    try:
        return CommandId(command_of(job)) if node_of(job) == node else None
    except BrokenMessage:
        return None


def report_of_ack(code: str, message: str) -> Report | None:
    """What an acknowledgement says; None when nothing is settled by it."""
    if code in ACCEPTED:
        return Report(Event.RECEIVED)
    if code in LATER:
        return None
    why = f"{message} ({code})" if message else code
    return Report(Event.REFUSED, trace=shown_trace(f"The agent refused the command: {why}"))


def report_of_reply(reply: ReplyContent) -> Report:
    """What a reply says. A word that we do not know means that the node is still at work."""
    steps = {step: _step(told) for step, told in (reply.runtime_status or {}).items() if step}
    event = _OF_DOCUMENTS.get(reply.document_status, Event.PROGRESSED)
    return Report(event, steps, shown_trace(reply.document_trace_output))


def _step(told: PluginReply) -> StepReport:
    status = _OF_STEPS.get(told.status, Status.IN_PROGRESS)
    code = told.code if status.final else NOT_STARTED
    result = StepResult(
        status,
        max(min(code, 2**31 - 1), -(2**31)),
        _instant(told.start_date_time),
        _instant(told.end_date_time) if status.final else None,
    )
    return StepReport(result, shown(told.standard_output, told.standard_error, told.output))


def _instant(written: str) -> datetime | None:
    """An instant as agents write it; Go writes the year 1 for what has not happened."""
    try:
        at = datetime.fromisoformat(written)
    except ValueError:
        return None
    at = at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    return at if at.year > 1 else None
