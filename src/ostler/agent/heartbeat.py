"""The heartbeat: every few minutes the server learns that the node is there, and what it is."""

import asyncio
import logging
from collections.abc import Callable
from datetime import timedelta

from ostler.agent import NAME, VERSION
from ostler.agent.calls import Calls, Refused
from ostler.agent.host import Host
from ostler.agent.network import NetworkFault
from ostler.agent.retries import Retries, chance
from ostler.foundation.clock import Clock
from ostler.foundation.ids import Ids

EVERY = timedelta(minutes=5)

log = logging.getLogger(__name__)


class Heartbeat:
    """Tells the node's facts at the start, once more at a random time, then regularly."""

    def __init__(
        self,
        calls: Calls,
        host: Host,
        clock: Clock,
        ids: Ids,
        *,
        name: str,
        channel: Callable[[], str],
    ) -> None:
        self._calls = calls
        self._host = host
        self._clock = clock
        self._ids = ids
        self._name = name
        self._channel = channel
        self._retries = Retries(ids)
        self.heard = asyncio.Event()
        """Set once the server has heard of this agent."""

    async def run(self) -> None:
        # Nodes that started together, after a power cut say, do not go on together.
        wait = EVERY * chance(self._ids)
        while True:
            try:
                await self._calls.ask("UpdateInstanceInformation", self._information())
            except (Refused, NetworkFault) as fault:
                log.warning("heartbeat_failed because=%s", fault)
                await self._clock.sleep(self._retries.next())
                continue
            self._retries.reset()
            self.heard.set()
            await self._clock.sleep(wait)
            wait = EVERY

    def _information(self) -> dict[str, str]:
        facts = self._host.facts()
        return {
            "InstanceId": self._calls.node,
            "AgentName": NAME,
            "AgentVersion": VERSION,
            "AgentStatus": "Active",
            "ComputerName": self._name or facts.name,
            "IPAddress": facts.address,
            "PlatformName": facts.platform_name,
            "PlatformType": facts.platform_type,
            "PlatformVersion": facts.platform_version,
            "SSMConnectionChannel": self._channel(),
        }
