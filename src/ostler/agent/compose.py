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
from ostler.agent.handover import Handover
from ostler.agent.heartbeat import Heartbeat
from ostler.agent.host import Host
from ostler.agent.installation import Installation
from ostler.agent.journal import Journal
from ostler.agent.keys import Keys, Smith
from ostler.agent.network import Network, endpoint_of
from ostler.agent.output import BUDGET, LARGEST, Ring
from ostler.agent.registration import NodeCalls, Registration
from ostler.agent.replies import Words
from ostler.agent.reporter import Reporter
from ostler.agent.sources import ServerSources
from ostler.agent.trials import REPORTS_WITHIN
from ostler.agent.updates import Updates
from ostler.agent.uploads import Uploads
from ostler.agent.waiting import first
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
    installation: Installation | None = None
    """Where this program lies, if other versions of it can lie beside it."""


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
        on_trial: bool = False,
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

        self.handover = Handover(clock, holding=on_trial)
        self.lost_trial = False
        """Whether this version was to prove itself and could not."""
        self._on_trial = on_trial
        self._installation = outside.installation
        shop = Workshop(
            host=host,
            clock=clock,
            ids=ids,
            ring=Ring(folder.path / "work", budget=budget, largest=largest),
            uploads=Uploads(calls, clock, ids),
            reporter=reporter,
            words=words,
            sources=ServerSources(calls, network, server),
            updates=Updates(outside.installation, network, server, self.handover, folder.path),
            handover=self.handover,
            platform=facts.platform_type,
            environment=environment,
            packages=folder.path / "packages",
            here=Path.cwd(),
            home=folder.path,
            refresh=lambda ids: self.associations.refresh(ids),
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
        """Be a node until `stopped` is set, or another version is to go on."""
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
        ends = (stopped.wait(), self.handover.asked.wait(), self._lose_trial())
        stopping = asyncio.create_task(first(*ends))
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

    async def _lose_trial(self) -> None:
        """Return if this version does not reach the server in time, though it has to."""
        if self._on_trial and self._installation is not None:
            reported = asyncio.create_task(self._report())
            await first(reported, self._clock.sleep(REPORTS_WITHIN))
            if not reported.done():
                reported.cancel()
                self.lost_trial = True
                return
            self._installation.accept()
            log.info("version_accepted version=%s", self._installation.current)
            self.handover.release()
            self.worker.begin_waiting()
        await asyncio.Event().wait()

    async def _report(self) -> None:
        await self._heartbeat.heard.wait()
        await self.channel.reached.wait()
