"""Trials: a new version of the agent runs on approval, and the old one comes back if it fails.

Whoever starts the agent starts the version in use. If another is on trial, this one counts the
start, leaves a watchman behind and becomes the other; so the new version need not even be able
to start. `python -m ostler.agent.trials ROOT PID` is the watchman.
"""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

from ostler.agent.host.processes import start_mark
from ostler.agent.installation import Installation
from ostler.foundation.clock import Clock, SystemClock

REPORTS_WITHIN = timedelta(seconds=120)
"""How long a new version has to reach the server; it gives up by itself after that."""
WATCHED_FOR = timedelta(seconds=150)
"""How long the watchman waits for one that does not even give up."""
MARK = "OSTLER_AGENT_TRIAL"
_SECOND = timedelta(seconds=1)


def is_on_trial() -> bool:
    """Whether this process was started to prove itself; says so once."""
    return os.environ.pop(MARK, "") == Path(sys.prefix).resolve().name


def begin(installation: Installation, arguments: Sequence[str]) -> None:
    """Become the version that is to start, unless this is it."""
    version = installation.next_start()
    if installation.trial is not None:
        watchman = (sys.executable, "-P", "-m", "ostler.agent.trials")
        subprocess.run([*watchman, str(installation.root), str(os.getpid())], check=True)
        os.environ[MARK] = version
    elif version == Path(sys.prefix).resolve().name:
        return
    become(installation, version, arguments)


def become(installation: Installation, version: str, arguments: Sequence[str]) -> None:
    """Go on as another version, in this very process."""
    python = str(installation.python(version))
    if not os.access(python, os.X_OK):
        installation.refuse(f"{python} cannot be run.")
        os.environ.pop(MARK, None)
        return
    os.execv(python, [python, "-P", "-m", "ostler.agent.main", *arguments])  # noqa: S606


async def watch(
    installation: Installation, pid: int, clock: Clock, limit: timedelta = WATCHED_FOR
) -> bool:
    """End a version on trial that neither reports nor gives up; whether that was needed."""
    mark = start_mark(pid)
    waited = timedelta(0)  # not by the clock on the wall, which may jump
    while installation.trial is not None and start_mark(pid) == mark != "":
        if waited >= limit:
            installation.refuse(f"It neither reported nor ended within {limit.seconds} seconds.")
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
            return True
        await clock.sleep(_SECOND)
        waited += _SECOND
    return False


def main() -> int:
    """Watch over a trial, detached from the process that is watched."""
    root, pid = sys.argv[1:]
    if os.fork():
        return 0
    os.setsid()
    asyncio.run(watch(Installation(Path(root)), int(pid), SystemClock()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
