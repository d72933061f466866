"""The nodes' machines in a simulation: they count what is started on them."""

from collections import Counter
from collections.abc import Awaitable, Callable
from pathlib import Path

from ostler.agent.host import Facts, Leader, Process, Program, Sink
from ostler.agent.outcomes import REBOOT
from ostler.foundation.clock import Clock
from tests.support.host import FakeHost

Step = tuple[str, str]
"""A command's id and the name of one of its steps."""

TITLE = "# step "
"""How the first line of every script begins; the step's name follows."""


class CountingHost(FakeHost):
    """A machine that knows which step was started how often, and how each ended.

    A script may say `reboot N`: it asks for so many reboots before it goes on.
    """

    def __init__(self, clock: Clock, number: int) -> None:
        super().__init__(clock)
        self.machine_id = f"machine{number}"
        self.address = f"192.0.2.{number}"
        self.name = f"node{number}"
        self.starts: Counter[Step] = Counter()
        self.codes: dict[Step, list[int]] = {}
        """The exit codes that the agent has heard."""
        self.began: Callable[[Step], None] = lambda step: None
        self.wants_reboot: Callable[[], None] = lambda: None

    def facts(self) -> Facts:
        hardware = {"machine-id": self.machine_id, "address": self.address, "name": self.name}
        return Facts(self.name, self.address, "Linux", "Fake Linux", "1.0", hardware)

    def resumes(self, step: Step) -> int:
        """How often the step may have been started again."""
        return self.codes.get(step, []).count(REBOOT)

    def start(self, program: Program, sink: Sink) -> Process:
        path = Path(program.arguments[-1])
        title, *lines = self.read(path, 1 << 20).decode().splitlines()
        step = program.environment["SSM_COMMAND_ID"], title.removeprefix(TITLE)
        self.starts[step] += 1
        self.began(step)
        self.files[path] = "\n".join(self._words(step, lines)).encode()
        return _Counted(super().start(program, sink), self.codes.setdefault(step, []))

    async def reboot(self) -> None:
        await super().reboot()
        self.wants_reboot()

    def _words(self, step: Step, lines: list[str]) -> list[str]:
        match lines[0].split() if lines else []:
            case ["reboot", times]:
                return [f"exit {REBOOT}"] if self.resumes(step) < int(times) else lines[1:]
        return lines


class _Counted:
    """A process whose end is written down when it is heard."""

    def __init__(self, process: Process, codes: list[int]) -> None:
        self._process = process
        self._codes = codes

    @property
    def leader(self) -> Leader:
        return self._process.leader

    def ended(self) -> Awaitable[int]:
        return self._ended()

    def quiet(self) -> Awaitable[None]:
        return self._process.quiet()

    def terminate(self) -> None:
        self._process.terminate()

    def kill(self) -> None:
        self._process.kill()

    async def _ended(self) -> int:
        code = await self._process.ended()
        self._codes.append(code)
        return code
