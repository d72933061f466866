"""Plugins: what steps do. A module is named as its action, in snake case, and offers `run`."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol

from ostler.agent.host import Host, Leader
from ostler.agent.installation import Verdict
from ostler.agent.supervision import Stop
from ostler.foundation.clock import Clock
from ostler.wire.agent.jobs import ReplyStatus
from ostler.wire.http import Response

BUILT = {
    "aws:configurePackage": "configure_package",
    "aws:downloadContent": "download_content",
    "aws:refreshAssociation": "refresh_association",
    "aws:runDocument": "run_document",
    "aws:runPowerShellScript": "run_power_shell_script",
    "aws:runShellScript": "run_shell_script",
    "aws:softwareInventory": "software_inventory",
    "aws:updateSsmAgent": "update_ssm_agent",
}


class StepFault(Exception):
    """The step cannot be done; the text says why, to whoever wrote the document."""


@dataclass(frozen=True, slots=True)
class Ending:
    """How a step ended; what it had to say is in its output."""

    status: ReplyStatus
    code: int = 0


DONE = Ending(ReplyStatus.SUCCESS)


@dataclass(frozen=True, slots=True)
class PackageDocument:
    """A document of type Package: its manifest as JSON, and the addresses of its files by name."""

    manifest: str
    version: str
    links: Mapping[str, str]


class Output(Protocol):
    """Where steps write."""

    def write(self, stream: str, data: bytes) -> None: ...

    def say(self, stream: str, words: str) -> None: ...


class Sources(Protocol):
    """Where steps get things from that are not on the machine."""

    async def document(self, name: str, version: str) -> str:
        """A document of the server, as JSON."""
        ...

    async def package(self, name: str, version: str) -> "PackageDocument":
        """A package of the server: what it says, and where its files are."""
        ...

    async def tell_package(self, told: Mapping[str, Any]) -> None:
        """Say to the server how a package was configured; whatever it answers."""
        ...

    async def secret(self, name: str) -> tuple[str, str]:
        """A parameter of Parameter Store, opened: its type and its value."""
        ...

    async def object(self, bucket: str, key: str, take: Callable[[bytes], None]) -> Response:
        """An object in one of the server's buckets, or the server's refusal."""
        ...

    async def objects(self, bucket: str, prefix: str) -> list[str]:
        """The keys in a bucket that begin so."""
        ...

    async def put_inventory(self, items: Sequence[Mapping[str, Any]]) -> None:
        """Tell the server what the machine has."""
        ...

    async def fetch(
        self, url: str, headers: Mapping[str, str], take: Callable[[bytes], None]
    ) -> Response:
        """What is at a URL; redirects are answers."""
        ...


class Offer(Protocol):
    """A version of the agent that the server has for this kind of machine."""

    @property
    def version(self) -> str: ...

    @property
    def name(self) -> str:
        """What the version is called where it is installed: it tells apart equal numbers."""
        ...


class Updates(Protocol):
    """How steps bring the agent itself to another version."""

    @property
    def current(self) -> str:
        """The name of the version in use."""
        ...

    def verdict(self, asked_by: str) -> Verdict | None:
        """How the trial ended that a step asked for."""
        ...

    async def offered(self) -> Offer:
        """What the server has for this machine."""
        ...

    async def fetch(self, offer: Any) -> str:
        """Lay what is offered beside the version in use; the name it has there."""
        ...

    async def hand_over(self, version: str, asked_by: str) -> None:
        """Have a version go on once everything else that runs has ended."""
        ...


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a step stands in: the machine, its folders, and who listens."""

    host: Host
    clock: Clock
    sources: Sources
    updates: Updates
    output: Output
    stop: Stop
    platform: str
    folder: Path
    """The step's own, for scripts and the like."""
    downloads: Path
    """Shared by the steps of one document: where relative paths of downloads begin."""
    packages: Path
    """Kept for ever: what packages consist of, so that they can be removed."""
    here: Path
    """Where programs run when nobody says otherwise."""
    environment: Mapping[str, str]
    home: Path
    """The agent's own folder."""
    began: Callable[[Leader], None] = lambda leader: None
    """Is told of every program that starts, so that it can be found after a crash."""
    room: int = 1024 * 1024 * 1024
    """How many bytes may be downloaded into the agent's own folder."""
    limit: timedelta = timedelta(hours=1)
    """How long a program may take when the step does not say."""
    refresh: Callable[[Sequence[str]], None] = lambda ids: None
    """Has what is pending of associations applied, and these, or all if none is named."""
    depth: int = 0
    """How many documents this one is run by."""

    def inside(self, name: str) -> "Surroundings":
        """The surroundings of a step of a document that this step runs."""
        return replace(
            self,
            folder=self.folder / name,
            downloads=self.folder / "downloads",
            depth=self.depth + 1,
        )


async def run(action: str, inputs: Mapping[str, Any], at: Surroundings) -> Ending:
    """Do what an action says with these inputs."""
    plugin = import_module(f"{__name__}.{BUILT[action]}")
    doing: Awaitable[Ending] = plugin.run(inputs, at)
    return await doing
