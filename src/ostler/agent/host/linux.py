"""A Linux machine."""

import asyncio
import hashlib
import os
import shutil
import socket
import tarfile
import zipfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from ostler.agent.host import (
    Card,
    Facts,
    FileFacts,
    HostFault,
    Leader,
    NewFile,
    Process,
    Program,
    Sink,
    network_cards,
    processes,
)
from ostler.agent.host.environment import passed_on
from ostler.foundation.clock import Clock

REBOOT = ("shutdown", "-r", "+1")


class LinuxHost:
    """The machine that this process runs on; `root` is where its own files are looked for.

    Programs find `environment` besides the variables that they are given.
    """

    def __init__(
        self,
        clock: Clock,
        *,
        reboot: Sequence[str] = REBOOT,
        environment: Mapping[str, str] | None = None,
        root: Path = Path("/"),
    ) -> None:
        self._clock = clock
        self._environment = passed_on(os.environ) if environment is None else environment
        self._reboot = tuple(reboot)
        self._root = root

    def facts(self) -> Facts:
        name = socket.gethostname()
        system = os.uname()
        release = self._release()
        machine_id = self._line("etc/machine-id") or self._line("var/lib/dbus/machine-id")
        address = _address()
        hardware = {
            "machine-id": machine_id,
            "address": address,
            "name": name,
            "network-cards": _digest(self._network_cards()),
            "processor": _digest(self._processor()),
            "memory": _digest(self._line("proc/meminfo")),
            "disks": _digest(self._names("dev/disk/by-uuid")),
            "product": _digest(self._line("sys/class/dmi/id/product_uuid")),
        }
        return Facts(
            name=name,
            address=address,
            platform_type="Linux",
            platform_name=release.get("NAME", "Linux"),
            platform_version=release.get("VERSION_ID", system.release),
            architecture=system.machine,
            hardware={name: value for name, value in hardware.items() if value},
        )

    def network_cards(self) -> Sequence[Card]:
        return network_cards.cards(self._root)

    def boot(self) -> str:
        return self._line("proc/sys/kernel/random/boot_id")

    def find(self, program: str) -> str | None:
        return shutil.which(program)

    def start(self, program: Program, sink: Sink) -> Process:
        whole = replace(program, environment={**self._environment, **program.environment})
        return processes.start(whole, sink, self._clock, self.boot())

    def end_leftovers(self, leader: Leader, mark: str) -> bool:
        return processes.end_leftovers(leader, mark, self.boot())

    def make_folder(self, path: Path) -> None:
        try:
            path.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as fault:
            raise HostFault(f"the folder {path} cannot be made: {fault.strerror}") from fault

    def is_folder(self, path: Path) -> bool:
        return path.is_dir()

    def exists(self, path: Path) -> bool:
        return path.exists()

    def inside(self, path: Path) -> Sequence[FileFacts]:
        try:
            with os.scandir(path) as inside:
                return [_facts_of(each) for each in inside]
        except OSError as fault:
            raise HostFault(f"{path} cannot be looked at: {fault.strerror}") from fault

    def real(self, path: Path) -> Path:
        return path.resolve()

    def read(self, path: Path, limit: int) -> bytes:
        try:
            with path.open("rb") as file:
                content = file.read(limit + 1)
        except OSError as fault:
            raise HostFault(f"{path} cannot be read: {fault.strerror}") from fault
        if len(content) > limit:
            raise HostFault(f"{path} has more than {limit} bytes.")
        return content

    def write(self, path: Path, content: bytes, *, executable: bool = False) -> None:
        file = self.new_file(path)
        try:
            file.write(content)
            file.keep(executable=executable)
        finally:
            file.drop()

    def new_file(self, path: Path) -> NewFile:
        self.make_folder(path.parent)
        return _FreshFile(path)

    def move_into(self, source: Path, target: Path) -> list[Path]:
        self.make_folder(target)
        moved: list[Path] = []
        try:
            for folder, folders, names in os.walk(source):
                place = target / Path(folder).relative_to(source)
                self.make_folder(place)
                links = [name for name in folders if (Path(folder) / name).is_symlink()]
                for name in [*names, *links]:
                    shutil.move(Path(folder) / name, place / name)
                    moved.append(place / name)
        except OSError as fault:
            raise HostFault(f"{target} cannot be filled: {fault.strerror}") from fault
        return moved

    def move_file(self, source: Path, target: Path) -> None:
        self.make_folder(target.parent)
        try:
            shutil.move(source, target)
        except OSError as fault:
            raise HostFault(f"{target} cannot be written: {fault.strerror}") from fault

    def remove(self, path: Path) -> None:
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)
        else:
            with suppress(OSError):
                path.unlink()

    def unpack(self, archive: Path, folder: Path) -> None:
        self.make_folder(folder)
        try:
            if archive.suffix == ".zip":
                with zipfile.ZipFile(archive) as packed:
                    packed.extractall(folder)  # noqa: S202 - it keeps everything inside
            else:
                with tarfile.open(archive) as bound:
                    _extract(bound, folder)
        except (OSError, ValueError, zipfile.BadZipFile, tarfile.TarError, EOFError) as fault:
            raise HostFault(f"{archive.name} cannot be unpacked: {fault}") from fault

    async def reboot(self) -> None:
        try:
            process = await asyncio.create_subprocess_exec(
                *self._reboot,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.DEVNULL,
                stderr=asyncio.subprocess.PIPE,
            )
        except OSError as fault:
            raise HostFault(f"{self._reboot[0]} did not start: {fault.strerror}") from fault
        _, words = await process.communicate()
        if process.returncode != 0:
            said = words.decode(errors="replace").strip()[:500]
            raise HostFault(f"{' '.join(self._reboot)} ended with {process.returncode}: {said}")

    def _release(self) -> dict[str, str]:
        for name in ("etc/os-release", "usr/lib/os-release"):
            with suppress(OSError):
                return _assignments((self._root / name).read_text())
        return {}

    def _line(self, name: str) -> str:
        """The first line of a file, or nothing."""
        with suppress(OSError, UnicodeDecodeError), (self._root / name).open() as file:
            return file.readline(4096).strip()
        return ""

    def _names(self, name: str) -> str:
        with suppress(OSError):
            return " ".join(sorted(os.listdir(self._root / name)))
        return ""

    def _network_cards(self) -> str:
        """The addresses of the cards that are hardware; bridges and tunnels come and go."""
        cards = self._root / "sys/class/net"
        found: list[str] = []
        with suppress(OSError):
            found = [
                self._line(f"sys/class/net/{card}/address")
                for card in os.listdir(cards)
                if (cards / card / "device").exists()
            ]
        return " ".join(sorted(found))

    def _processor(self) -> str:
        """What the processor calls itself; its speed in the same file changes all the time."""
        lines: list[str] = []
        path = self._root / "proc/cpuinfo"
        with suppress(OSError, UnicodeDecodeError), path.open() as file:
            lines = [line for line in file if line.startswith(("model name", "vendor_id"))]
        return "".join(lines)


class _FreshFile:
    """A new file that takes a name in the end: a link of that name is replaced, not followed."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._fresh = path.with_name(f".{_digest(str(path))}.new")
        try:
            with suppress(FileNotFoundError):
                self._fresh.unlink()
            fd = os.open(self._fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
        except OSError as fault:
            raise HostFault(f"{path} cannot be written: {fault.strerror}") from fault
        self._file = os.fdopen(fd, "wb")

    def write(self, data: bytes) -> None:
        try:
            self._file.write(data)
        except OSError as fault:
            raise HostFault(f"{self._path} cannot be written: {fault.strerror}") from fault

    def keep(self, *, executable: bool = False) -> None:
        try:
            self._file.close()
            self._fresh.chmod(0o700 if executable else 0o600)
            self._fresh.replace(self._path)
        except OSError as fault:
            raise HostFault(f"{self._path} cannot be written: {fault.strerror}") from fault

    def drop(self) -> None:
        with suppress(OSError):
            self._file.close()
        with suppress(OSError):
            self._fresh.unlink()


def _extract(bound: tarfile.TarFile, folder: Path) -> None:
    """Unpack what stays inside the folder; TarError for everything else.

    Python's own filter for that came with 3.11.4; Debian 12 has 3.11.2, where only files and
    folders are let through.
    """
    if hasattr(tarfile, "data_filter"):
        bound.extractall(folder, filter="data")
        return
    inside = folder.resolve()
    for member in bound.getmembers():
        if not (member.isfile() or member.isdir()):
            raise tarfile.TarError(f"{member.name} is neither a file nor a folder")
        if not (inside / member.name).resolve().is_relative_to(inside):
            raise tarfile.TarError(f"{member.name} is outside")
        member.mode &= 0o755
    bound.extractall(folder)  # noqa: S202 - every member was looked at


def _facts_of(entry: os.DirEntry[str]) -> FileFacts:
    told = entry.stat(follow_symlinks=False)
    return FileFacts(
        entry.name,
        entry.is_dir(follow_symlinks=False),
        told.st_size,
        datetime.fromtimestamp(told.st_mtime, UTC),
        datetime.fromtimestamp(told.st_atime, UTC),
    )


def _assignments(text: str) -> dict[str, str]:
    """What an os-release file says, unquoted."""
    found: dict[str, str] = {}
    for line in text.splitlines():
        name, equals, value = line.strip().partition("=")
        if equals and not name.startswith("#"):
            found[name] = value.strip("\"'")
    return found


def _address() -> str:
    """The address this machine would speak from; asking the routes sends nothing."""
    for family, far in ((socket.AF_INET, "192.0.2.1"), (socket.AF_INET6, "2001:db8::1")):
        with suppress(OSError), socket.socket(family, socket.SOCK_DGRAM) as way:
            way.connect((far, 9))
            return str(way.getsockname()[0])
    return ""


def _digest(text: str) -> str:
    """A property without what it says: the hashes lie on disk."""
    return hashlib.sha256(text.encode()).hexdigest()[:16] if text else ""
