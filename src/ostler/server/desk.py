"""The desk: what nodes answer, and what waits for them, whichever capability it is of."""

from collections.abc import Sequence

from ostler.capabilities.associations import Bell
from ostler.capabilities.commands import Desk as CommandDesk
from ostler.foundation.ids import NodeId
from ostler.foundation.storage import Scope
from ostler.relay.ports import Acked, Heard
from ostler.wire.agent.jobs import Job


class Desk:
    """The relay's Replies and Work: commands first, then the bell of State Manager.

    Each knows its own jobs by their ids and passes over those of the other.
    """

    def __init__(self, commands: CommandDesk, bell: Bell) -> None:
        self._commands = commands
        self._bell = bell

    async def record(self, replies: Sequence[Heard]) -> None:
        """Keep what nodes answer to commands; the bell expects no answer."""
        await self._commands.record(replies)

    async def acknowledged(self, acks: Sequence[Acked]) -> None:
        """Keep that jobs reached their nodes, or why not."""
        await self._commands.acknowledged(acks)
        for ack in acks:
            await self._bell.acknowledged(ack.scope, ack.node, ack.job_id, ack.code)

    async def pending(self, scope: Scope, node: NodeId) -> Sequence[Job]:
        """Every job that waits for the node."""
        commands = await self._commands.pending(scope, node)
        return [*commands, *await self._bell.pending(scope, node)]
