"""Scripts: lines of a document become a file, the file a program, its end a step's."""

import signal
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

from ostler.agent.host import Program
from ostler.agent.outcomes import REBOOT, STOPPED
from ostler.agent.plugins import Ending, StepFault, Surroundings
from ostler.agent.supervision import Cause, Exit, supervise
from ostler.wire.agent.jobs import ReplyStatus

# The documents promise any limit from a second on. The stock agent takes less than five seconds
# for an hour (agent/plugins/pluginutil); whoever asks for one second does not mean that.
SHORTEST, LONGEST = 1, 172_800


@dataclass(frozen=True, slots=True)
class Script:
    """What a step wants run, and how."""

    text: str
    file: str
    arguments: Sequence[str]
    """The interpreter and its options; the file's path comes last."""
    folder: str
    limit: timedelta | None
    """None: as long as is usual."""
    environment: Mapping[str, str] = field(default_factory=dict)


async def run(script: Script, at: Surroundings) -> Ending:
    """Run a script to its end."""
    file = at.folder / script.file
    at.host.make_folder(at.folder)
    at.host.write(file, script.text.encode("utf-8", "surrogatepass"), executable=True)
    program = Program(
        [*script.arguments, str(file)],
        working_folder(script.folder, at),
        {**script.environment, **at.environment},
    )
    return await run_program(program, script.limit or at.limit, at)


async def run_program(program: Program, limit: timedelta, at: Surroundings) -> Ending:
    """Run a program to its end, and say of a failure what the program does not."""
    process = at.host.start(program, at.output.write)
    at.began(process.leader)
    end = await supervise(process, at.clock, limit=limit, stop=at.stop)
    words = complaint(end)
    if words:
        at.output.say("stderr", words)
    return ending(end)


def lines_of(inputs: Mapping[str, Any]) -> str:
    """The script in a step's inputs; StepFault when there is none."""
    given = inputs.get("runCommand")
    lines = [given] if isinstance(given, str) else given
    if not isinstance(lines, list) or not all(isinstance(line, str) for line in lines):
        raise StepFault("The input runCommand must be a list of lines.")
    return "\n".join(lines) + "\n"


def limit_of(inputs: Mapping[str, Any]) -> timedelta | None:
    """How long the script may run; None when the inputs say nothing that can be used."""
    given = inputs.get("timeoutSeconds")
    seconds = 0
    if isinstance(given, str | int | float) and not isinstance(given, bool):
        with suppress(ValueError, OverflowError):
            seconds = int(given)
    return timedelta(seconds=seconds) if SHORTEST <= seconds <= LONGEST else None


def environment_of(inputs: Mapping[str, Any]) -> dict[str, str]:
    """The variables in a step's inputs; StepFault for what can be none."""
    given = inputs.get("environment") or {}
    if not isinstance(given, dict):
        raise StepFault("The input environment must be a map of names and values.")
    for name, value in given.items():
        if not name or "=" in name or "\0" in f"{name}{value}":
            raise StepFault(f"{name!r} cannot be an environment variable.")
    return {name: value if isinstance(value, str) else str(value) for name, value in given.items()}


def text_input(inputs: Mapping[str, Any], name: str) -> str:
    """An input that is a text; nothing when it is missing."""
    value = inputs.get(name)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise StepFault(f"The input {name} must be a text.")
    return value


def working_folder(wanted: str, at: Surroundings) -> Path:
    """Where a script runs: an absolute path as it is, a relative one among the downloads."""
    path = Path(wanted)
    if path.is_absolute():
        return path
    downloaded = at.downloads / path
    return downloaded if at.host.is_folder(downloaded) else at.here


def ending(end: Exit) -> Ending:
    """What a script's end means for its step."""
    match end:
        case Exit(cause=Cause.CANCELLED):
            return Ending(ReplyStatus.CANCELLED, STOPPED)
        case Exit(cause=Cause.TIME):
            return Ending(ReplyStatus.TIMED_OUT, STOPPED)
        case Exit(code=0):
            return Ending(ReplyStatus.SUCCESS)
        case Exit(code=code) if code == REBOOT:
            return Ending(ReplyStatus.SUCCESS_AND_REBOOT, code)
        case Exit(code=code):
            return Ending(ReplyStatus.FAILED, code if code > 0 else 128 - code)


def complaint(end: Exit) -> str:
    """What is said of a script that failed by itself, behind what it said."""
    if end.cause is not Cause.ITSELF or end.code in (0, REBOOT):
        return ""
    if end.code > 0:
        return f"failed to run commands: exit status {end.code}"
    try:
        name = signal.Signals(-end.code).name
    except ValueError:
        name = str(-end.code)
    return f"failed to run commands: signal {name}"
