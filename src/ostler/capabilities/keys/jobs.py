"""What happens to keys by itself: they rotate, and go when their days are over."""

from ostler.capabilities.keys.service.ring import Ring
from ostler.foundation.timers import Due


class Watch:
    """Looks after keys whose time has come."""

    def __init__(self, ring: Ring) -> None:
        self._ring = ring

    async def remove(self, due: Due) -> None:
        """Let a key go."""
        await self._ring.remove_due(due)

    async def rotate(self, due: Due) -> None:
        """Give a key other material."""
        await self._ring.rotate_due(due)
