"""What happens to logs by itself: what nobody has or keeps any more is forgotten."""

from ostler.capabilities.logs.service import Groups
from ostler.foundation.timers import Due


class Cleaner:
    """Forgets events."""

    def __init__(self, groups: Groups) -> None:
        self._groups = groups

    async def forget(self, due: Due) -> None:
        """Forget the events of what was deleted."""
        await self._groups.forget(due)

    async def retain(self, due: Due) -> None:
        """Forget the events that are older than their group keeps them."""
        await self._groups.look_after(due)
