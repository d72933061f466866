"""Updates: the version that the server offers, fetched, checked, and laid beside the one in use."""

import asyncio
import hashlib
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import BinaryIO

import msgspec
from msgspec import Struct

from ostler.agent.handover import Handover
from ostler.agent.installation import Installation, Unfit, Verdict, kind_of_machine
from ostler.agent.network import Endpoint, Network
from ostler.agent.plugins import StepFault

LARGEST = 256 * 1024 * 1024
QUIET_WITHIN = timedelta(minutes=10)
"""How long an update waits for other commands to end before it gives up."""


class Offer(Struct, frozen=True):
    """A bundle that the server has for this kind of machine."""

    version: str
    size: int
    sha256: str

    @property
    def name(self) -> str:
        """What its version is called where it is installed."""
        return f"{self.version}-{self.sha256[:12]}"


class Offers(Struct, frozen=True):
    """All bundles of a server, by kind."""

    bundles: dict[str, Offer]


class Updates:
    """How steps bring the agent itself to another version."""

    def __init__(
        self,
        installation: Installation | None,
        network: Network,
        server: Endpoint,
        handover: Handover,
        folder: Path,
    ) -> None:
        self._installation = installation
        self._network = network
        self._server = server
        self._handover = handover
        self._file = folder / "update.zip"

    def verdict(self, asked_by: str) -> Verdict | None:
        """How the trial ended that a step asked for."""
        verdict = self._installed().verdict
        return verdict if verdict is not None and verdict.asked_by == asked_by else None

    @property
    def current(self) -> str:
        """What is in use now."""
        return self._installed().current

    async def offered(self) -> Offer:
        """What the server has for this machine."""
        kind = kind_of_machine()
        answer = bytearray()
        url = f"{self._server.url}/v1/agent/manifest.json"
        told = await self._network.fetch(url, {}, answer.extend)
        try:
            if told.status == 200:
                return msgspec.json.decode(answer, type=Offers).bundles[kind]
        except msgspec.MsgspecError as fault:
            raise StepFault(f"{url} is no list of agents: {fault}.") from fault
        except KeyError as fault:
            raise StepFault(f"The server has no agent for {kind}.") from fault
        raise StepFault(f"{url} answered {told.status}: this server offers no agents.")

    async def fetch(self, offer: Offer) -> str:
        """Lay what is offered beside the version in use; the name it has there."""
        installation = self._installed()
        url = f"{self._server.url}/v1/agent/{kind_of_machine()}.zip"
        if offer.size > LARGEST:
            raise StepFault(f"An agent of {offer.size} bytes is none.")
        try:
            with self._file.open("wb") as file:
                incoming = _Incoming(file, offer.size)
                told = await self._network.fetch(url, {}, incoming.take)
            if told.status != 200:
                raise StepFault(f"{url} answered {told.status} instead of the agent.")
            if incoming.digest.hexdigest() != offer.sha256:
                raise StepFault(f"{url} is not what the server's list says: nothing was installed.")
            version = await asyncio.to_thread(installation.unpack, self._file)
            installation.tidy([version])
            return version
        except (Unfit, OSError) as fault:
            raise StepFault(f"The new agent cannot be installed: {fault}") from fault
        finally:
            with suppress(OSError):
                self._file.unlink(missing_ok=True)

    async def hand_over(self, version: str, asked_by: str) -> None:
        """Have a version go on once everything else that runs has ended."""
        if not await self._handover.alone(QUIET_WITHIN):
            raise StepFault(
                "Something else still runs on this node, and an update would end it. Nothing was "
                "changed; try again later."
            )
        self._handover.choose(version, asked_by)

    def _installed(self) -> Installation:
        if self._installation is None:
            raise StepFault(
                "This agent was not put here by its server's installer; bring it up to date in the "
                "way it was installed."
            )
        return self._installation


class _Incoming:
    """A bundle on its way: no more of it than was announced."""

    def __init__(self, file: BinaryIO, size: int) -> None:
        self._file = file
        self._left = size
        self.digest = hashlib.sha256()

    def take(self, data: bytes) -> None:
        self._left -= len(data)
        if self._left < 0:
            raise StepFault("The server sends more than its list says: nothing was installed.")
        self.digest.update(data)
        self._file.write(data)
