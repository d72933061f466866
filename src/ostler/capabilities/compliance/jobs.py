"""What compliance does by itself: it forgets nodes that are none any more."""

from ostler.capabilities.compliance.service import Compliance
from ostler.capabilities.nodes.events import NodeDeregistered
from ostler.foundation.storage import Scope


class Caretaker:
    """Hears of the fleet."""

    def __init__(self, compliance: Compliance) -> None:
        self._compliance = compliance

    async def forget(self, scope: Scope, gone: NodeDeregistered) -> None:
        """Drop what is kept of the node."""
        await self._compliance.forget(scope, gone.node)
