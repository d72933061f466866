"""What happens to parameters by itself: their policies act."""

from ostler.capabilities.parameters.service.policies import Policies
from ostler.foundation.timers import Due


class Watch:
    """Looks after parameters whose policies are due."""

    def __init__(self, policies: Policies) -> None:
        self._policies = policies

    async def act(self, due: Due) -> None:
        """Let a parameter's policies act."""
        await self._policies.act(due)
