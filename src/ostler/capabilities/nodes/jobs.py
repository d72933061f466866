"""What the fleet does by itself: it notices who fell silent."""

from ostler.capabilities.nodes.service.heartbeats import Heartbeats
from ostler.foundation.timers import Due


class Watch:
    """Looks for nodes that were not heard for too long."""

    def __init__(self, heartbeats: Heartbeats) -> None:
        self._heartbeats = heartbeats

    async def look(self, due: Due) -> None:
        """Tell who fell silent in the timer's account and region."""
        await self._heartbeats.find_silent(due.scope)
