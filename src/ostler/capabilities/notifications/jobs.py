"""What notifications do by themselves: nobody waits for ever to be confirmed."""

from ostler.capabilities.notifications.service.subscriptions import Subscriptions
from ostler.foundation.timers import Due


class Watch:
    """Looks after subscriptions that are not confirmed."""

    def __init__(self, subscriptions: Subscriptions) -> None:
        self._subscriptions = subscriptions

    async def give_up(self, due: Due) -> None:
        """The time to confirm a subscription is over."""
        await self._subscriptions.give_up(due)
