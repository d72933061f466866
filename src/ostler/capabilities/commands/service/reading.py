"""Reading output: of any step, from any byte on, while it runs and ever after."""

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import timedelta

from ostler.capabilities.commands.errors import InvalidPluginName
from ostler.capabilities.commands.model import key_of
from ostler.capabilities.commands.service.commands import Commands, InvocationView, StepView
from ostler.capabilities.commands.service.neighbours import Buckets, Fleet
from ostler.capabilities.commands.service.outputs import Outputs
from ostler.foundation.call import Call
from ostler.foundation.clock import Clock
from ostler.foundation.errors import ApiError
from ostler.foundation.ids import CommandId, NodeId

LOOK_AGAIN = timedelta(milliseconds=250)
"""How often somebody who waits for more is looked after."""

STRAGGLERS_HAVE = timedelta(minutes=1)
"""So long after a step's end its agent may still be bringing output."""

PERMISSION = "ssm:GetCommandInvocation"
"""Who may see how it ended may see what it says."""


@dataclass(frozen=True, slots=True)
class Portion:
    """A part of what a step wrote on a stream.

    `content` begins at the byte `start`. `finished`: nothing will follow it. `whole` is false
    where the node brought no more than the reply's text, which may be cut, as stock agents do,
    and of an invocation that wrote more than is kept.
    """

    content: bytes
    start: int
    finished: bool
    whole: bool

    @property
    def end(self) -> int:
        """Where the next portion begins."""
        return self.start + len(self.content)


class OutputReader:
    """Gives out what steps write, as far as it has come."""

    def __init__(
        self,
        commands: Commands,
        outputs: Outputs,
        fleet: Fleet,
        buckets: Buckets,
        clock: Clock,
        *,
        bringers: Collection[str] = (),
    ) -> None:
        """`bringers` are the names of the agents that bring whole output."""
        self._commands = commands
        self._outputs = outputs
        self._fleet = fleet
        self._buckets = buckets
        self._clock = clock
        self._bringers = bringers

    async def read(
        self,
        call: Call,
        command: CommandId,
        node: NodeId,
        step: str,
        stream: str,
        *,
        start: int,
        most: int,
        wait: timedelta,
    ) -> Portion:
        """What stands from `start` on; waits so long for something, or for the end."""
        await call.allow(action=PERMISSION)
        call = replace(call, action=PERMISSION)
        until = self._clock.now() + wait
        while True:
            portion = await self._look(call, command, node, step, stream, start, most)
            if portion.content or portion.finished or self._clock.now() >= until:
                return portion
            await self._clock.sleep(LOOK_AGAIN)

    async def _look(
        self,
        call: Call,
        command: CommandId,
        node: NodeId,
        step: str,
        stream: str,
        start: int,
        most: int,
    ) -> Portion:
        # First whether it has ended, then what is there: what comes in between is not missed.
        view = await self._commands.invocation(call, command, node, step)
        found = _the_step(view)
        ended = view.invocation.status.final or found.result.status.final
        kept = await self._outputs.extent(call.scope, command, node, found.step.id, stream)
        if kept.length:
            content = await self._outputs.whole_output(
                call, command, node, found.step.id, stream, start=start, length=most
            )
            complete = kept.finished or self._is_long_over(view, found)
            finished = ended and complete and start + len(content) >= kept.length
            return Portion(content, start, finished, whole=not kept.cut)
        if ended:
            uploaded = await self._uploaded(call, view, found, stream, start, most)
            if uploaded is not None:
                return uploaded
        output = found.output
        said = output.standard_output if stream == "stdout" else output.standard_error
        text = said.encode() if ended else b""
        if text and not self._is_long_over(view, found) and await self._brings(call, node):
            # The reply was faster than the output. Were its text given out now, the bytes that
            # come might be others, and nobody would ask for them any more.
            return Portion(b"", start, finished=False, whole=True)
        content = text[start : start + most]
        return Portion(content, start, ended and start + len(content) >= len(text), not text)

    async def _uploaded(
        self,
        call: Call,
        view: InvocationView,
        found: StepView,
        stream: str,
        start: int,
        most: int,
    ) -> Portion | None:
        """What stock agents bring: they upload to the ordered bucket before they reply."""
        bucket = view.command.order.bucket
        if not bucket:
            return None
        key = key_of(view.command, view.invocation.node, found.step, stream)
        size = await self._buckets.size(call.scope, bucket, key)
        if size is None:
            return None
        end = min(size, start + most)
        parts = self._buckets.read(call.scope, bucket, key, start, end)
        content = b"".join([part async for part in parts])
        return Portion(content, start, start + len(content) >= size, whole=True)

    def _is_long_over(self, view: InvocationView, found: StepView) -> bool:
        """An agent that has not brought the rest of its output by now has lost it."""
        ended = found.result.ended or view.invocation.ended
        return ended is not None and self._clock.now() - ended > STRAGGLERS_HAVE

    async def _brings(self, call: Call, node: NodeId) -> bool:
        """Whether the node's agent brings whole output; not any more once it is deregistered."""
        try:
            [found] = await self._fleet.get_many(call, [node])
        except ApiError:
            return False
        return found.facts.agent_name in self._bringers


def _the_step(view: InvocationView) -> StepView:
    if view.only_step is None:
        raise InvalidPluginName("The command has several steps: say which one by PluginName.")
    return view.only_step
