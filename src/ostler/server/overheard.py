"""What this process tells, overheard: counted, and told on to those who watch parameters."""

from collections.abc import Sequence

from ostler.capabilities.parameters.events import ParameterChanged
from ostler.foundation.events import Event
from ostler.foundation.nudges import Nudges
from ostler.gateway.watching import Bell
from ostler.server.meter import Meter

NUDGE = "parameters"


class Overheard:
    """Hears what was committed just now, in passing; who needs to be sure reads the events."""

    def __init__(self, meter: Meter | None) -> None:
        self._meter = meter
        self._nudges: Nudges | None = None
        self.bell = Bell()

    def ring_for_others(self, nudges: Nudges) -> None:
        """Let the other processes know, and hear from them."""
        self._nudges = nudges
        nudges.listen(NUDGE, self._heard)
        nudges.when_reopened(self._reopened)

    def hear(self, told: Sequence[Event]) -> None:
        """Something was told."""
        if self._meter is not None:
            self._meter.heard(told)
        if any(isinstance(each, ParameterChanged) for each in told):
            self.bell.ring()
            if self._nudges is not None:
                self._nudges.send(NUDGE, "")

    async def _heard(self, body: str) -> None:
        self.bell.ring()

    async def _reopened(self) -> None:
        self.bell.ring()
