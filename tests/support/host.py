"""FakeHost: a machine in memory, whose sh knows a few words. The host tests hold it to the real."""

import asyncio
import io
import itertools
import shlex
import zipfile
from collections.abc import Awaitable, Callable, Iterator
from datetime import timedelta
from pathlib import Path, PurePosixPath

from ostler.agent.host import Card, Facts, FileFacts, HostFault, Leader, NewFile, Program, Sink
from ostler.agent.host.processes import DRAIN
from ostler.agent.waiting import first
from ostler.foundation.clock import Clock

Behaviour = Callable[["FakeHost", Program, Sink], int]
"""What a program does at once, and its exit code."""


class FakeHost:
    """Files, programs and a reboot that only counts."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.files: dict[Path, bytes] = {}
        self.executable: set[Path] = set()
        self.folders: set[Path] = {Path("/"), Path.cwd(), *Path.cwd().parents}
        self.programs: dict[str, Behaviour] = {}
        self.started: list[Program] = []
        self.leftovers_ended: list[Leader] = []
        self.reboots = 0
        self.reboot_fault = ""
        self.boots = 1
        self.machine_id = "0123456789abcdef"
        self.address = "192.0.2.10"
        self._pids = itertools.count(100)

    def facts(self) -> Facts:
        hardware = {"machine-id": self.machine_id, "address": self.address, "name": "node"}
        return Facts("node", self.address, "Linux", "Fake Linux", "1.0", hardware, "x86_64")

    def network_cards(self) -> list[Card]:
        return [Card("eth0", "02:00:00:00:00:01", (self.address,), gateway="192.0.2.1")]

    def boot(self) -> str:
        return f"boot-{self.boots}"

    def find(self, program: str) -> str | None:
        return f"/usr/bin/{program}" if program in self.programs else None

    def start(self, program: Program, sink: Sink) -> "FakeProcess":
        name = PurePosixPath(program.arguments[0]).name
        if program.folder not in self.folders:
            raise HostFault(f"{program.arguments[0]} did not start: no folder {program.folder}")
        self.started.append(program)
        leader = Leader(next(self._pids), "1", self.boot())
        if name == "sh":
            lines = self.read(Path(program.arguments[-1]), 1 << 20).decode().splitlines()
            return FakeProcess(leader, _shell(lines, program, sink), self.clock)
        if name not in self.programs:
            raise HostFault(f"{program.arguments[0]} did not start: not found")
        code = self.programs[name](self, program, sink)
        return FakeProcess(leader, iter([("exit", code)]), self.clock)

    def end_leftovers(self, leader: Leader, mark: str) -> bool:
        self.leftovers_ended.append(leader)
        return True

    def make_folder(self, path: Path) -> None:
        if any(parent in self.files for parent in (path, *path.parents)):
            raise HostFault(f"the folder {path} cannot be made: there is a file")
        self.folders.update((path, *path.parents))

    def is_folder(self, path: Path) -> bool:
        return path in self.folders

    def exists(self, path: Path) -> bool:
        return path in self.files or path in self.folders

    def inside(self, path: Path) -> list[FileFacts]:
        if path not in self.folders:
            raise HostFault(f"{path} cannot be looked at: No such file or directory")
        now = self.clock.now()
        inside = {each for each in {*self.files, *self.folders} if each.parent == path != each}
        return [
            FileFacts(each.name, each in self.folders, len(self.files.get(each, b"")), now, now)
            for each in sorted(inside)
        ]

    def real(self, path: Path) -> Path:
        return path

    def read(self, path: Path, limit: int) -> bytes:
        if path not in self.files:
            raise HostFault(f"{path} cannot be read: No such file or directory")
        if len(self.files[path]) > limit:
            raise HostFault(f"{path} has more than {limit} bytes.")
        return self.files[path]

    def write(self, path: Path, content: bytes, *, executable: bool = False) -> None:
        file = self.new_file(path)
        file.write(content)
        file.keep(executable=executable)

    def new_file(self, path: Path) -> NewFile:
        self.make_folder(path.parent)
        return _FakeFile(self, path)

    def move_into(self, source: Path, target: Path) -> list[Path]:
        self.make_folder(target)
        moved = []
        for path in [path for path in self.files if path.is_relative_to(source)]:
            self.move_file(path, target / path.relative_to(source))
            moved.append(target / path.relative_to(source))
        return moved

    def move_file(self, source: Path, target: Path) -> None:
        if source not in self.files:
            raise HostFault(f"{target} cannot be written: No such file or directory")
        self.make_folder(target.parent)
        self.files[target] = self.files.pop(source)

    def remove(self, path: Path) -> None:
        self.files = {k: v for k, v in self.files.items() if not k.is_relative_to(path)}
        self.folders = {folder for folder in self.folders if not folder.is_relative_to(path)}

    def unpack(self, archive: Path, folder: Path) -> None:
        self.make_folder(folder)
        try:
            with zipfile.ZipFile(io.BytesIO(self.files[archive])) as packed:
                for name in packed.namelist():
                    self.write(folder / name, packed.read(name))
        except zipfile.BadZipFile as fault:
            raise HostFault(f"{archive.name} cannot be unpacked: {fault}") from fault

    async def reboot(self) -> None:
        if self.reboot_fault:
            raise HostFault(self.reboot_fault)
        self.reboots += 1


class _FakeFile:
    def __init__(self, host: FakeHost, path: Path) -> None:
        self._host = host
        self._path = path
        self._content = b""

    def write(self, data: bytes) -> None:
        self._content += data

    def keep(self, *, executable: bool = False) -> None:
        self._host.files[self._path] = self._content
        if executable:
            self._host.executable.add(self._path)

    def drop(self) -> None:
        pass


Deed = tuple[str, int]
"""What a script does next that takes time or ends it: ("exit", code), ("sleep", seconds)…"""


class FakeProcess:
    """A script under way: it writes when it is due, and listens to signals as it says."""

    def __init__(self, leader: Leader, deeds: Iterator[Deed], clock: Clock) -> None:
        self.leader = leader
        self._clock = clock
        self._deaf = False
        self._code: int | None = None
        self._held: asyncio.Task[None] | None = None
        self._over = asyncio.Event()
        self._silent = asyncio.Event()
        self._task = asyncio.ensure_future(self._run(deeds))

    def ended(self) -> Awaitable[int]:
        return self._ended()

    def quiet(self) -> Awaitable[None]:
        return self._quiet()

    def terminate(self) -> None:
        if not self._deaf:
            self._end(-15)

    def kill(self) -> None:
        self._end(-9)
        self._silent.set()

    async def _run(self, deeds: Iterator[Deed]) -> None:
        for deed, number in deeds:
            match deed:
                case "sleep":
                    await self._clock.sleep(timedelta(seconds=number))
                case "deaf":
                    self._deaf = True
                case "background":
                    self._held = asyncio.ensure_future(self._hold(number))
                case "exit":
                    self._end(number)
                    return

    async def _hold(self, seconds: int) -> None:
        await self._clock.sleep(timedelta(seconds=seconds))
        self._silent.set()

    def _end(self, code: int) -> None:
        if self._code is None:
            self._code = code
            self._over.set()
            if self._held is None:
                self._silent.set()
            if self._task is not asyncio.current_task():
                self._task.cancel()

    async def _ended(self) -> int:
        await self._over.wait()
        if not self._silent.is_set():
            await first(self._silent.wait(), self._clock.sleep(DRAIN))
        assert self._code is not None
        return self._code

    async def _quiet(self) -> None:
        await self._over.wait()
        await self._silent.wait()


def _shell(lines: list[str], program: Program, sink: Sink) -> Iterator[Deed]:
    """What our few words of sh do."""
    for line in lines:
        words = shlex.split(line, comments=True)
        words = [_expanded(word, program) for word in words]
        match words:
            case ["echo", *said, ">&2"]:
                sink("stderr", f"{' '.join(said)}\n".encode())
            case ["echo", *said]:
                sink("stdout", f"{' '.join(said)}\n".encode())
            case ["sleep", seconds, "&"]:
                yield "background", int(seconds)
            case ["sleep", seconds]:
                yield "sleep", int(seconds)
            case ["trap", "", "TERM"]:
                yield "deaf", 0
            case ["kill", number, "$$"]:
                yield "exit", int(number)
            case ["exit", code]:
                yield "exit", int(code)
            case ["pwd"]:
                sink("stdout", f"{program.folder}\n".encode())
            case []:
                pass
            case _:
                sink("stderr", f"{words[0]}: not found\n".encode())
                yield "exit", 127
    yield "exit", 0


def _expanded(word: str, program: Program) -> str:
    for name, value in program.environment.items():
        word = word.replace(f"${{{name}}}", value)
    return word
