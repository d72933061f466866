"""What events do by themselves: what happened is routed, schedules are kept."""

from ostler.capabilities.events.service.routing import Routing
from ostler.foundation.timers import Due


class Watch:
    """Looks after what happened, and after the time."""

    def __init__(self, routing: Routing) -> None:
        self._routing = routing

    async def route(self, due: Due) -> None:
        """Something happened in the timer's account and region."""
        await self._routing.route(due)

    async def keep_schedule(self, due: Due) -> None:
        """The time of a rule has come."""
        await self._routing.keep_schedule(due)
