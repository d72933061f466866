"""The machine, as plugins may touch it: programs, files, facts, reboot; and nothing past it."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Protocol

from msgspec import Struct

Sink = Callable[[str, bytes], None]
"""Takes what a program wrote: to which stream ("stdout" or "stderr"), and the bytes."""


class HostFault(Exception):
    """The machine did not do what was asked; the text says what and why."""


@dataclass(frozen=True, slots=True)
class Program:
    """What to start, where, and with which variables besides those that every program finds."""

    arguments: Sequence[str]
    folder: Path
    environment: Mapping[str, str] = field(default_factory=dict)


class Leader(Struct, frozen=True):
    """The first process of a group, by marks that no later process can share."""

    pid: int
    started: str
    boot: str


@dataclass(frozen=True, slots=True)
class Facts:
    """What a node tells of itself."""

    name: str
    address: str
    platform_type: str
    platform_name: str
    platform_version: str
    hardware: Mapping[str, str]
    """What the machine is recognised by: a few properties, by name."""
    architecture: str = ""
    """Its processor, as the kernel names it."""


@dataclass(frozen=True, slots=True)
class FileFacts:
    """What a folder tells of something in it; `size` is in bytes."""

    name: str
    is_folder: bool
    size: int
    modified: datetime
    accessed: datetime


@dataclass(frozen=True, slots=True)
class Card:
    """A network card; what it has not is empty."""

    name: str
    mac_address: str = ""
    ipv4: Sequence[str] = ()
    ipv6: Sequence[str] = ()
    subnet_mask: str = ""
    gateway: str = ""


class Process(Protocol):
    """A program under way, in a process group of its own."""

    @property
    def leader(self) -> Leader: ...

    def ended(self) -> Awaitable[int]:
        """Wait for the first process to end: its exit code, or minus the signal that ended it.

        What it wrote is read to the end; should a process that it left behind keep the
        streams open, they are closed after a while.
        """
        ...

    def quiet(self) -> Awaitable[None]:
        """Wait until the first process ended and nobody of its group holds the streams."""
        ...

    def terminate(self) -> None:
        """Ask the whole group to end."""
        ...

    def kill(self) -> None:
        """End the whole group; nobody can refuse."""
        ...


class NewFile(Protocol):
    """A file that nobody sees before it is complete."""

    def write(self, data: bytes) -> None:
        """Add to it; HostFault when there is no room."""
        ...

    def keep(self, *, executable: bool = False) -> None:
        """Give it its name, over a file or a link that has it; for the agent's user only."""
        ...

    def drop(self) -> None:
        """It is not wanted after all; nothing happens once it is kept."""
        ...


class Host(Protocol):
    """One machine."""

    def facts(self) -> Facts: ...

    def network_cards(self) -> Sequence[Card]: ...

    def boot(self) -> str:
        """A text that changes whenever the machine starts."""
        ...

    def find(self, program: str) -> str | None:
        """Where a program of that name is, if there is one."""
        ...

    def start(self, program: Program, sink: Sink) -> Process:
        """Start a program in a process group of its own; HostFault when it does not start."""
        ...

    def end_leftovers(self, leader: Leader, mark: str) -> bool:
        """Kill what is left of a group that an earlier agent started; whether there was any.

        `mark` is a text that its environment holds: process ids come again, that does not.
        """
        ...

    def make_folder(self, path: Path) -> None:
        """Make a folder and those above it, for the agent's user only."""
        ...

    def is_folder(self, path: Path) -> bool: ...

    def exists(self, path: Path) -> bool: ...

    def inside(self, path: Path) -> Sequence[FileFacts]:
        """What is in a folder, links as what they are; HostFault when it cannot be looked at."""
        ...

    def real(self, path: Path) -> Path:
        """Where a path leads when all links are followed."""
        ...

    def read(self, path: Path, limit: int) -> bytes:
        """What is in a file; HostFault when it is missing or larger than `limit`."""
        ...

    def write(self, path: Path, content: bytes, *, executable: bool = False) -> None:
        """Make or replace a file; never through a link that somebody else laid there."""
        ...

    def new_file(self, path: Path) -> NewFile:
        """Begin a file that will have this name."""
        ...

    def move_into(self, source: Path, target: Path) -> list[Path]:
        """Move what a folder holds into another, over what is there; the files that moved."""
        ...

    def move_file(self, source: Path, target: Path) -> None:
        """Give a file another place, over what is there."""
        ...

    def remove(self, path: Path) -> None:
        """Remove a file or a folder with all in it; nothing happens when there is none."""
        ...

    def unpack(self, archive: Path, folder: Path) -> None:
        """Have a folder hold what is in a zip or a tar archive, and nothing outside of it."""
        ...

    async def reboot(self) -> None:
        """Have the machine start anew in a minute; HostFault when it will not."""
        ...
