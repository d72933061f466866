"""How channels are opened: their paths, the token, the first message, and what may follow.

An agent asks for a token with a signed POST on the channel's path, upgrades a signed GET on the
same path to a websocket, and sends the token in the first frame, the only one that is text.
"""

import re
from enum import StrEnum
from urllib.parse import quote
from xml.sax.saxutils import escape, unescape

from msgspec import Struct

from ostler.wire.agent.jobs import BrokenMessage

SERVICE = "ssmmessages"
"""The name that requests for channels are signed for."""
SCHEMA_VERSION = "1.0"
CONTROL_CHANNEL = "/v1/control-channel/"
DATA_CHANNEL = "/v1/data-channel/"
OUTPUT = "/v1/output/"
CONTROL_CHANNEL_QUERY = "role=subscribe&stream=input"
DATA_CHANNEL_QUERY = "role=publish_subscribe"
LARGEST_OUTPUT = 1024 * 1024
"""The most bytes that one request for the output path may carry."""
UPLOAD_OFFSET = "upload-offset"
"""The header of every answer on the output path: how many bytes are kept, where to go on."""

_TOKEN = re.compile(r"<TokenValue>([^<]*)</TokenValue>")


class MessageType(StrEnum):
    """The kinds of frames on a control channel."""

    AGENT_JOB = "agent_job"
    AGENT_JOB_ACK = "agent_job_ack"
    AGENT_JOB_REPLY = "agent_job_reply"
    AGENT_JOB_REPLY_ACK = "agent_job_reply_ack"
    INTERACTIVE_SHELL = "interactive_shell"
    CHANNEL_CLOSED = "channel_closed"
    AGENT_TASK_COMPLETE = "agent_task_complete"
    AGENT_TASK_ACKNOWLEDGE = "agent_task_acknowledge"


class TokenRequest(Struct, frozen=True, rename="pascal"):
    """The body of the POST that asks for a channel's token."""

    request_id: str = ""
    message_schema_version: str = SCHEMA_VERSION


class OpenControlChannel(Struct, frozen=True, rename="pascal"):
    """The first message on a control channel."""

    token_value: str
    request_id: str = ""
    agent_version: str = ""
    platform_type: str = ""
    cookie: str | None = None
    message_schema_version: str = SCHEMA_VERSION


def control_channel_path(node: str) -> str:
    """Where `node` opens its control channel."""
    return CONTROL_CHANNEL + quote(node, safe="")


def data_channel_path(session: str) -> str:
    """Where both ends of `session` open their data channel."""
    return DATA_CHANNEL + quote(session, safe="")


def output_path(command: str, step: str, stream: str) -> str:
    """Where a node brings the whole output of a step; `stream` is stdout or stderr.

    PUT with `?offset=N` puts the body where N bytes are kept already, and with `&final=true` says
    that nothing follows. The answer is 200, or 409 when another number of bytes is kept. HEAD
    asks for that number.
    """
    return OUTPUT + "/".join(quote(part, safe="") for part in (command, step, stream))


def token_answer(token: str, *, kind: str = "CreateControlChannelResponse") -> bytes:
    """The body that grants a token; the status beside it must be 201."""
    return (
        f"<{kind}><MessageSchemaVersion>{SCHEMA_VERSION}</MessageSchemaVersion>"
        f"<TokenValue>{escape(token)}</TokenValue></{kind}>"
    ).encode()


def read_token_answer(body: bytes) -> str:
    """The token in the body that grants one; BrokenMessage when there is none."""
    found = _TOKEN.search(body.decode(errors="replace"))
    if found is None or not found[1]:
        raise BrokenMessage("the answer holds no token")
    return unescape(found[1])


def refusal(code: str, message: str) -> bytes:
    """The body of an error; agents search it for the code as an element's name."""
    return f"<{code}><Message>{escape(message)}</Message></{code}>".encode()
