"""The whole output of steps, brought in numbered pieces that may be resumed after any cut."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import parse_qs, unquote

from ostler.foundation.call import Call
from ostler.foundation.errors import ValidationException
from ostler.foundation.ids import NodeId
from ostler.relay.ports import Output
from ostler.wire.agent.channels import OUTPUT, UPLOAD_OFFSET
from ostler.wire.http import Request, Response

# What names may look like. They name rows, and parts of blob keys: a slash or a lone dot must
# never get as far as that.
_COMMAND = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_STEP = re.compile(r"(?!\.+$)[A-Za-z0-9_:. -]{1,128}")
_STREAMS = {"stdout", "stderr"}
_OFFSET = re.compile(r"[0-9]{1,15}")


@dataclass(frozen=True, slots=True)
class Place:
    """Which output a request is about."""

    command: str
    step: str
    stream: str


async def answer(request: Request, call: Call, node: NodeId, output: Output) -> Response:
    """Keep the piece in `request`, or tell how much of that output is kept."""
    place = place_of(request.path)
    which = (node, place.command, place.step, place.stream)
    where = (call.scope, *which)
    if request.method != "PUT":
        return _kept(200, await output.length(*where))
    offset, final = _asked(request.query)
    end = offset + len(request.body)
    kept = await output.append(*where, offset, request.body)
    if kept.cut:
        await output.deliver(call, *which)
        return _kept(413, kept.length)
    if kept.length != end:
        return _kept(409, kept.length)
    if final:
        await output.finish(*where)
        await output.deliver(call, *which)
    return _kept(200, kept.length)


def place_of(path: str) -> Place:
    """The output that `path` names; ValidationException when it names none."""
    match [unquote(part) for part in path.removeprefix(OUTPUT).split("/")]:
        case [command, step, stream] if (
            _COMMAND.fullmatch(command) and _STEP.fullmatch(step) and stream in _STREAMS
        ):
            return Place(command, step, stream)
    raise ValidationException(
        "The path must be a command's id, a step's name, and stdout or stderr."
    )


def _asked(query: str) -> tuple[int, bool]:
    """The offset of the piece, and whether it is the last one."""
    given: Mapping[str, list[str]] = parse_qs(query, max_num_fields=10)
    offset = given.get("offset", ["0"])[-1]
    if not _OFFSET.fullmatch(offset):
        raise ValidationException("offset must be the number of the first byte.")
    return int(offset), given.get("final", ["false"])[-1] == "true"


def _kept(status: int, length: int) -> Response:
    return Response(status, {UPLOAD_OFFSET: str(length)})
