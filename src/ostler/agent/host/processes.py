"""Processes on a machine of the Unix family: a group each, read as they write."""

import asyncio
import os
import signal
import subprocess
import threading
from collections.abc import Awaitable
from contextlib import suppress
from datetime import timedelta

from ostler.agent.host import HostFault, Leader, Program, Sink
from ostler.agent.waiting import first
from ostler.foundation.clock import Clock

CHUNK = 64 * 1024
DRAIN = timedelta(seconds=5)
"""How long streams are read on after the program ended, for what it left in the background."""


def start(program: Program, sink: Sink, clock: Clock, boot: str) -> "GroupProcess":
    """Start a program as the leader of a new session, and so of a new process group.

    It has the variables of `program.environment`, and no others.
    """
    try:
        popen = subprocess.Popen(
            list(program.arguments),
            cwd=program.folder,
            env=program.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
            bufsize=0,
        )
    except (OSError, ValueError) as fault:
        raise HostFault(f"{program.arguments[0]} did not start: {fault}") from fault
    return GroupProcess(popen, sink, clock, boot)


class GroupProcess:
    """A started program. Its first process is not reaped before the group has been dealt with:
    until then nobody else can be given the group's id, and a signal reaches the right ones."""

    def __init__(
        self, popen: "subprocess.Popen[bytes]", sink: Sink, clock: Clock, boot: str
    ) -> None:
        self._popen = popen
        self._sink = sink
        self._clock = clock
        self._loop = asyncio.get_running_loop()
        self._exited = asyncio.Event()
        self._silent = asyncio.Event()
        self._streams: dict[int, str] = {}
        self._reaped = False
        self.leader = Leader(popen.pid, start_mark(popen.pid), boot)
        self._watch()
        assert popen.stdout is not None
        assert popen.stderr is not None
        self._read_from(popen.stdout.fileno(), "stdout")
        self._read_from(popen.stderr.fileno(), "stderr")

    def ended(self) -> Awaitable[int]:
        return self._ended()

    def quiet(self) -> Awaitable[None]:
        return self._quiet()

    def terminate(self) -> None:
        self._signal(signal.SIGTERM)

    def kill(self) -> None:
        self._signal(signal.SIGKILL)

    async def _ended(self) -> int:
        await self._exited.wait()
        if not self._silent.is_set():
            await first(self._silent.wait(), self._clock.sleep(DRAIN))
        for fd in list(self._streams):
            self._close(fd)
        if not self._reaped:
            self._reaped = True
            self._popen.wait()
        return self._popen.returncode

    async def _quiet(self) -> None:
        await self._exited.wait()
        await self._silent.wait()

    def _signal(self, number: signal.Signals) -> None:
        if not self._reaped:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self._popen.pid, number)

    def _read_from(self, fd: int, stream: str) -> None:
        os.set_blocking(fd, False)
        self._streams[fd] = stream
        self._loop.add_reader(fd, self._readable, fd)

    def _readable(self, fd: int) -> None:
        try:
            data = os.read(fd, CHUNK)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if data:
            self._sink(self._streams[fd], data)
        else:
            self._close(fd)

    def _close(self, fd: int) -> None:
        self._loop.remove_reader(fd)
        stream = self._popen.stdout if self._streams.pop(fd) == "stdout" else self._popen.stderr
        assert stream is not None
        stream.close()
        if not self._streams:
            self._silent.set()

    def _watch(self) -> None:
        """Learn of the first process's end without taking its exit status yet."""
        try:
            fd = os.pidfd_open(self._popen.pid)
        except OSError:
            # Old kernels and some sandboxes have no pidfd: a thread waits instead.
            threading.Thread(target=self._wait_in_thread, daemon=True).start()
            return

        def over() -> None:
            self._loop.remove_reader(fd)
            os.close(fd)
            self._exited.set()

        self._loop.add_reader(fd, over)

    def _wait_in_thread(self) -> None:
        with suppress(ChildProcessError):
            os.waitid(os.P_PID, self._popen.pid, os.WEXITED | os.WNOWAIT)
        with suppress(RuntimeError):  # the loop may have closed meanwhile
            self._loop.call_soon_threadsafe(self._exited.set)


def start_mark(pid: int) -> str:
    """When a process began, in the kernel's ticks: with its id and the boot, unmistakable."""
    fields = _stat(pid)
    return fields[19] if fields else ""


def end_leftovers(leader: Leader, mark: str, boot: str) -> bool:
    """Kill what still runs of a group that an earlier agent of this boot started."""
    if leader.boot != boot or not leader.started:
        return False
    started = start_mark(leader.pid)
    if started != leader.started and (started or not _members_with(leader.pid, mark)):
        # The id belongs to another process now, or to nobody, or the group to others.
        return False
    try:
        os.killpg(leader.pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        return False
    return True


def _members_with(group: int, mark: str) -> bool:
    """Whether a process of that group holds the mark in its environment."""
    for entry in os.listdir("/proc"):
        fields = _stat(int(entry)) if entry.isdigit() else []
        if fields and fields[2] == str(group):
            with suppress(OSError), open(f"/proc/{entry}/environ", "rb") as environment:
                if mark.encode() in environment.read():
                    return True
    return False


def _stat(pid: int) -> list[str]:
    """The fields of a process's state after its name, which alone may hold spaces."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            return file.read().rpartition(b")")[2].decode().split()
    except OSError:
        return []
