"""Destinations: where a command's order sends whole output, besides what the house keeps itself."""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

import structlog

from ostler.capabilities.commands.model import (
    Command,
    Step,
    key_of,
    lines_of,
    log_group_of,
    log_stream_of,
)
from ostler.capabilities.commands.service.neighbours import Buckets, Logs
from ostler.foundation.call import Call
from ostler.foundation.clock import Clock
from ostler.foundation.errors import ApiError
from ostler.foundation.ids import NodeId

_AT_ONCE = 4 * 1024 * 1024
"""Bytes of output that are made into lines at a time."""

log = structlog.get_logger()

Content = Callable[[int], AsyncIterator[bytes]]
"""What was written, from that byte on."""


@dataclass(frozen=True, slots=True)
class Written:
    """A stream of a step that is whole: all of it, of which the log has the first bytes."""

    command: Command
    node: NodeId
    step: Step
    stream: str
    content: Content
    logged: int


class Destinations:
    """Brings output to a bucket and a log, in the name of the node that wrote it.

    In AWS it is the node that uploads: its role decides. What it may not do is not done, and the
    server's log says why; the command does not fail by it.
    """

    def __init__(self, buckets: Buckets, logs: Logs, clock: Clock) -> None:
        self._buckets = buckets
        self._logs = logs
        self._clock = clock

    async def to_bucket(self, call: Call, written: Written) -> None:
        """Put it where the order says; again, with more, after a reboot."""
        bucket = written.command.order.bucket
        if not bucket:
            return
        key = key_of(written.command, written.node, written.step, written.stream)
        try:
            await self._buckets.put(call, bucket, key, written.content(0), "text/plain")
        except ApiError as refusal:
            _say(written, refusal, bucket=bucket, key=key)

    async def to_log(self, call: Call, written: Written) -> bool:
        """Write what the log does not have yet; whether there is such a log, and it took it."""
        if not written.command.order.logging.enabled:
            return False
        group = log_group_of(written.command)
        stream = log_stream_of(written.command, written.node, written.step, written.stream)
        try:
            async for part in _whole_lines(written.content(written.logged)):
                lines = lines_of(part.decode(errors="replace"))
                if lines:
                    await self._logs.write(call, group, stream, lines, self._clock.now())
        except ApiError as refusal:
            _say(written, refusal, log_group=group, log_stream=stream)
            return False
        return True


async def _whole_lines(content: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """The content in parts that end with a line, where lines end at all."""
    waiting = b""
    async for piece in content:
        waiting += piece
        if len(waiting) >= _AT_ONCE:
            end = waiting.rfind(b"\n") + 1 or len(waiting)
            yield waiting[:end]
            waiting = waiting[end:]
    yield waiting


def _say(written: Written, refusal: ApiError, **where: str) -> None:
    log.warning(
        "output_not_delivered",
        command_id=written.command.id,
        node_id=written.node,
        code=refusal.code,
        reason=refusal.message,
        **where,
    )
