"""Composition: how an agent is put together, and how it runs and stops."""

import asyncio
import logging
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from ostler.agent.associations import Associations
from ostler.agent.calls import Calls
from ostler.agent.channels.control import ControlChannel
from ostler.agent.channels.polling import Polling
from ostler.agent.credentials import SHARED_FILE, NodeCredentials
from ostler.agent.disk import Disk, RealDisk
from ostler.agent.execution import Workshop
from ostler.agent.fingerprint import fingerprint_of
from ostler.agent.folder import Folder
from ostler.agent.heartbeat import Heartbeat
from ostler.agent.host import Host
from ostler.agent.journal import Journal
from ostler.agent.keys import Keys, Smith
from ostler.agent.network import Network, endpoint_of
from ostler.agent.output import BUDGET, LARGEST, Ring
from ostler.agent.registration import NodeCalls, Registration
from ostler.agent.replies import Words
from ostler.agent.reporter import Reporter
from ostler.agent.sources import ServerSources
from ostler.agent.uploads import Uploads
from ostler.agent.worker import Worker
from ostler.foundation.clock import Clock
from ostler.foundation.ids import Ids

GRACE = timedelta(seconds=10)
AUTHORITY_FILE = "ca.pem"

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Outside:
    """All that an agent touches: tests bring their own."""

    network: Network
    host: Host
    clock: Clock
    ids: Ids
    smith: Smith


class Agent:
    """One node's agent."""

    def __init__(
        self,
        folder: Folder,
        registration: Registration,
        outside: Outside,
        *,
        budget: int = BUDGET,
        largest: int = LARGEST,
        disk: Disk | None = None,
    ) -> None:
        server = endpoint_of(registration.server)
        network, host, clock, ids = outside.network, outside.host, outside.clock, outside.ids
        facts = host.facts()
        self._clock = clock
        self._credentials = NodeCredentials(
            NodeCalls(network, registration, clock, authority=server.authority),
            Keys(folder, outside.smith),
            folder,
            clock,
            ids,
            fingerprint=fingerprint_of(folder, facts.hardware, ids),
        )
        calls = Calls(
            network,
            self._credentials,
            clock,
            authority=server.authority,
            region=registration.region,
            node=registration.node,
        )
        words = Words(registration.node, facts)
        self.reporter = reporter = Reporter(clock)
        journal = Journal(disk or RealDisk(folder.path / "journal"), clock)
        environment = {
            "AWS_SSM_INSTANCE_ID": registration.node,
            "AWS_SSM_REGION_NAME": registration.region,
            "AWS_SSM_PLATFORM_NAME": facts.platform_name,
            "AWS_SSM_PLATFORM_VERSION": facts.platform_version,
            "AWS_SHARED_CREDENTIALS_FILE": str(folder.path / SHARED_FILE),
            "OSTLER_ENDPOINT_URL": server.url,
        }
        if (folder.path / AUTHORITY_FILE).exists():
            environment["OSTLER_CA_BUNDLE"] = str(folder.path / AUTHORITY_FILE)

        shop = Workshop(
            host=host,
            clock=clock,
            ids=ids,
            ring=Ring(folder.path / "work", budget=budget, largest=largest),
            uploads=Uploads(calls, clock, ids),
            reporter=reporter,
            words=words,
            sources=ServerSources(calls, network, server),
            platform=facts.platform_type,
            environment=environment,
            here=Path.cwd(),
            home=folder.path,
            refresh=lambda ids, only_pending: self.associations.refresh(
                ids, only_pending=only_pending
            ),
        )
        self.worker = Worker(journal, shop)
        own_journal = Journal(RealDisk(folder.path / "associations"), clock)
        self.associations = Associations(calls, own_journal, shop, clock, ids)
        polling = Polling(calls, self.worker, reporter, words, clock, ids)
        self.channel = ControlChannel(
            network, calls, self.worker, reporter, words, polling, clock, ids
        )
        self._polling = polling
        self._heartbeat = Heartbeat(
            calls, host, clock, ids, name=registration.name, channel=lambda: self.channel.kind
        )

    async def run(self, stopped: asyncio.Event, *, grace: timedelta = GRACE) -> None:
        """Be a node until `stopped` is set."""
        self.worker.resume()
        tasks = [
            asyncio.create_task(forever)
            for forever in (
                self._credentials.run(),
                self._heartbeat.run(),
                self.channel.run(),
                self.associations.run(),
            )
        ]
        stopping = asyncio.create_task(stopped.wait())
        try:
            await asyncio.wait([*tasks, stopping], return_when=asyncio.FIRST_COMPLETED)
            if stopping.done():
                log.info("agent_stopping")
                await asyncio.gather(self.worker.stop(grace), self.associations.stop(grace))
        finally:
            await self._polling.stop()
            stopping.cancel()
            for task in tasks:
                task.cancel()
            results = await asyncio.gather(*tasks, return_exceptions=True)
        for result in results:
            if isinstance(result, BaseException) and not isinstance(result, asyncio.CancelledError):
                raise result
