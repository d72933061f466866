"""What is said about a job: the order, its acknowledgement, and the replies to it.

The same contents travel inside frames of the control channel and inside the messages that an
agent fetches by polling. Writing is exact. Reading is lenient, for stock agents of many versions:
unknown members are passed over, missing ones have their defaults, numbers may come as text.
"""

import re
from collections.abc import Hashable
from datetime import UTC, datetime
from enum import StrEnum
from functools import cache
from typing import Any, TypeVar

import msgspec
from msgspec import UNSET, Struct, UnsetType, field

from ostler.wire.agent.frames import LARGEST_FRAME

T = TypeVar("T", bound=Struct)

SEND_COMMAND = "aws.ssm.sendCommand"
CANCEL_COMMAND = "aws.ssm.cancelCommand"
"""Topics; agents look only at how a topic begins."""

LARGEST_REPLY = 120_000
"""A reply whose content is longer is dropped by the stock agent instead of sent."""
STANDARD_OUTPUT_LIMIT = 24_000
STANDARD_ERROR_LIMIT = 8_000
OUTPUT_LIMIT = 2_500
"""Characters that a reply carries of a step's standard output, its standard error, and both."""


class BrokenMessage(ValueError):
    """The payload is not the message it should be; the text says why."""


class ReplyStatus(StrEnum):
    """How a document or a step of it stands, as agents report it."""

    NOT_STARTED = "NotStarted"
    IN_PROGRESS = "InProgress"
    SUCCESS = "Success"
    SUCCESS_AND_REBOOT = "SuccessAndReboot"
    PASSED_AND_REBOOT = "PassedAndReboot"
    FAILED = "Failed"
    CANCELLED = "Cancelled"
    TIMED_OUT = "TimedOut"
    SKIPPED = "Skipped"


class AckCode(StrEnum):
    """What an agent answers at once to a job."""

    ACCEPTED = "200"
    CLOSED = "51401"
    FULL = "51402"
    UNEXPECTED_TYPE = "51403"
    UNTRANSLATABLE = "51404"
    DUPLICATE = "51405"
    INVALID_DOCUMENT = "51406"
    NOT_IN_CONTAINERS = "51407"
    UNREADABLE = "51408"
    UNEXPECTED = "51499"


class Job(Struct, frozen=True, rename="pascal"):
    """`agent_job`: do this. `content` is the JSON text of a SendCommandContent or CancelContent."""

    job_id: str
    topic: str
    content: str
    schema_version: int = 1


class JobAck(Struct, frozen=True, rename="camel"):
    """`agent_job_ack`: the job arrived, and whether it will be done."""

    job_id: str
    acknowledged_message_id: str = ""
    created_date: str = ""
    status_code: str | int = AckCode.ACCEPTED.value
    error_message: str = ""

    @property
    def code(self) -> str:
        """The status code as text, however it was written."""
        return str(self.status_code)


class JobReply(Struct, frozen=True, rename="camel"):
    """`agent_job_reply`: how the job stands. `content` is the JSON text of a ReplyContent."""

    job_id: str
    topic: str = SEND_COMMAND
    content: str = ""
    schema_version: int = 1


class ReplyAck(Struct, frozen=True, rename="camel"):
    """`agent_job_reply_ack`: the reply in that frame is safe, forget it."""

    job_id: str
    acknowledged_message_id: str


class SendCommandContent(Struct, frozen=True, rename="pascal"):
    """Run a document. `document_content` is the document itself, as an object."""

    command_id: str
    document_name: str
    document_content: dict[str, Any]
    parameters: dict[str, Any] | None = field(default_factory=dict)
    output_s3_bucket_name: str = ""
    output_s3_key_prefix: str = ""
    cloud_watch_log_group_name: str = ""
    # A text, not a boolean: so the agent reads it.
    cloud_watch_output_enabled: str = "false"


class CancelContent(Struct, frozen=True, rename="pascal"):
    """Stop the job of that id."""

    cancel_message_id: str


class AgentIdentity(Struct, frozen=True):
    """The program that replies."""

    lang: str = ""
    name: str = ""
    os: str = ""
    osver: str = ""
    ver: str = ""


class AdditionalInfo(Struct, frozen=True, rename="camel"):
    """When and by whom a reply was written."""

    agent: AgentIdentity = field(default_factory=AgentIdentity)
    date_time: str = ""
    run_id: str = ""
    runtime_status_counts: dict[str, int] | None = None
    able_to_open_mgs_connection: bool | UnsetType = field(
        default=UNSET, name="ableToOpenMGSConnection"
    )


class PluginReply(Struct, frozen=True, rename="camel"):
    """How one step stands, or ended."""

    status: str
    code: int = 0
    name: str = ""
    output: str = ""
    start_date_time: str = ""
    end_date_time: str = ""
    output_s3_bucket_name: str = ""
    output_s3_key_prefix: str = ""
    step_name: str = ""
    standard_output: str = ""
    standard_error: str = ""


class ReplyContent(Struct, frozen=True, rename="camel"):
    """How the whole document stands, and what is new of its steps.

    `runtime_status` goes by step name (schema 2) or plugin name (schema 1). It names only what
    the reply is about: the last reply of a document of several steps names none of them.
    """

    document_status: str
    runtime_status: dict[str, PluginReply] | None = None
    document_trace_output: str = ""
    additional_info: AdditionalInfo = field(default_factory=AdditionalInfo)


class TaskComplete(Struct, frozen=True, rename="pascal"):
    """`agent_task_complete`: a session ended on the node."""

    task_id: str
    topic: str = ""
    final_task_status: str = ""
    output: str = ""
    schema_version: int = 1


class TaskAck(Struct, frozen=True, rename="pascal"):
    """`agent_task_acknowledge`: that the session ended is known, say it no more."""

    message_id: str
    task_id: str
    topic: str
    schema_version: int = 1


def encode(message: Struct) -> bytes:
    """The JSON of `message`."""
    return msgspec.json.encode(message)


def text(message: Struct) -> str:
    """The JSON of `message` as a text, to be the content of another message."""
    return msgspec.json.encode(message).decode()


def decode(payload: bytes | str, kind: type[T]) -> T:
    """The `kind` of message in `payload`; BrokenMessage when it is something else.

    The character NUL, which PostgreSQL cannot keep, is read as U+FFFD: what a node says of its
    scripts must arrive, or it would be said for ever.
    """
    if len(payload) > LARGEST_FRAME:
        raise BrokenMessage(f"{len(payload)} bytes are too much; the most is {LARGEST_FRAME}")
    try:
        message: T = _decoder(kind).decode(_without_nul(payload))
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as fault:
        raise BrokenMessage(f"not a readable {kind.__name__}: {fault}") from fault
    return message


def job_id(command: str, node: str) -> str:
    """The id of the job that runs `command` on `node`."""
    return f"aws.ssm.{command}.{node}"


def command_of(job: str) -> str:
    """The command in a job's id: as agents see it, the second-last of its parts."""
    return _parts(job)[-2]


def node_of(job: str) -> str:
    """The node in a job's id: the last of its parts."""
    return _parts(job)[-1]


def is_final(document_status: str) -> bool:
    """Whether a document that stands so has come to its end; a reboot is not the end."""
    return document_status not in _NOT_FINAL


def iso8601(at: datetime) -> str:
    """An instant as agents write it: UTC, in milliseconds."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _parts(job: str) -> list[str]:
    parts = job.split(".")
    if len(parts) < 4 or not all(parts):
        raise BrokenMessage(f"{job[:200]!r} is not the id of a job")
    return parts


def _without_nul(payload: bytes | str) -> bytes | str:
    if isinstance(payload, str):
        payload = payload.encode()
    return _NUL.sub(rb"\1\\ufffd", payload) if rb"\u0000" in payload else payload


# As JSON writes it: an even number of backslashes before it are backslashes.
_NUL = re.compile(rb"(?<!\\)((?:\\\\)*)\\u0000")
_NOT_FINAL = {ReplyStatus.NOT_STARTED, ReplyStatus.IN_PROGRESS, ReplyStatus.SUCCESS_AND_REBOOT}


@cache
def _decoder(kind: Hashable) -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(kind, strict=False)
