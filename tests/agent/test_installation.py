"""Installations: whatever moment the machine dies at, a whole version starts, and the right one."""

import asyncio
import contextlib
import os
import signal
import subprocess
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from ostler.agent.installation import STARTS, Installation, Trial
from ostler.agent.trials import WATCHED_FOR, watch
from ostler.foundation.clock import ManualClock

OLD, NEW, STEP = "1.0-old", "2.0-new", "command:step"


class Crash(BaseException):
    """The power fails."""


@pytest.fixture
def installed(tmp_path: Path) -> Installation:
    installation = Installation(tmp_path)
    for version in (OLD, NEW):
        (tmp_path / "versions" / version / "bin").mkdir(parents=True)
    installation.use(OLD)
    return installation


def test_a_version_on_trial_starts_next_and_stays_once_accepted(installed: Installation) -> None:
    installed.try_out(NEW, STEP)

    assert NEW == installed.next_start()
    installed.accept()

    assert (NEW, NEW, None) == (installed.current, installed.next_start(), installed.trial)
    assert installed.verdict is not None
    assert (STEP, True) == (installed.verdict.asked_by, installed.verdict.accepted)


def test_one_that_is_refused_leaves_the_old_one(installed: Installation) -> None:
    installed.try_out(NEW, STEP)
    installed.next_start()
    installed.refuse("It coughs.")

    assert OLD == installed.next_start()
    assert installed.verdict is not None
    assert (False, "It coughs.") == (installed.verdict.accepted, installed.verdict.why)


def test_one_that_never_reports_is_given_up_after_some_starts(installed: Installation) -> None:
    installed.try_out(NEW, STEP)

    starts = [installed.next_start() for _ in range(STARTS + 1)]

    assert [NEW] * STARTS + [OLD] == starts
    assert installed.verdict is not None
    assert not installed.verdict.accepted


def test_a_half_written_trial_is_none(installed: Installation) -> None:
    (installed.root / "trial.json").write_text('{"version": "2.0')

    assert OLD == installed.next_start()


def test_tidying_leaves_what_is_in_use_and_what_is_named(installed: Installation) -> None:
    (installed.root / "versions" / "0.9").mkdir()

    installed.tidy([NEW])

    assert {OLD, NEW} == {path.name for path in (installed.root / "versions").iterdir()}


@pytest.mark.parametrize("end", ["accept", "refuse"])
@pytest.mark.parametrize("moment", range(24))
def test_at_whatever_change_the_machine_dies_the_next_start_is_right(
    installed: Installation, monkeypatch: pytest.MonkeyPatch, end: str, moment: int
) -> None:
    left = iter(range(moment, -1, -1))

    def dies(change: Callable[..., object]) -> Callable[..., object]:
        def changed(*arguments: object, **named: object) -> object:
            if next(left, 0) == 0:
                raise Crash
            return change(*arguments, **named)

        return changed

    def update() -> None:
        installed.try_out(NEW, STEP)
        if installed.next_start() == NEW:
            installed.accept() if end == "accept" else installed.refuse("It coughs.")

    with monkeypatch.context() as patched:
        for name in ("rename", "unlink", "symlink_to"):
            patched.setattr(Path, name, dies(getattr(Path, name)))
        patched.setattr(os, "fsync", dies(os.fsync))
        with contextlib.suppress(Crash):
            update()

    starts = [installed.next_start() for _ in range(STARTS + 2)]
    assert starts[-1] == installed.current
    assert {OLD, NEW} >= set(starts)
    verdict = installed.verdict
    if verdict is not None and installed.trial is None:
        assert verdict.accepted == (installed.current == NEW)
    if end == "refuse":
        assert OLD == installed.current


async def test_the_watchman_ends_a_version_that_hangs(installed: Installation) -> None:
    installed.try_out(NEW, STEP)
    clock = ManualClock()
    hanging = subprocess.Popen(["sleep", "600"])
    try:
        watching = asyncio.create_task(watch(installed, hanging.pid, clock))
        await clock.advance(WATCHED_FOR + timedelta(seconds=1))

        assert await watching
        assert -signal.SIGKILL == hanging.wait()
        assert (None, OLD) == (installed.trial, installed.next_start())
    finally:
        hanging.kill()


async def test_the_watchman_goes_when_the_version_has_reported(installed: Installation) -> None:
    installed.try_out(NEW, STEP)
    clock = ManualClock()
    watching = asyncio.create_task(watch(installed, os.getpid(), clock))
    await clock.advance(timedelta(seconds=5))
    installed.accept()

    await clock.advance(timedelta(seconds=2))

    assert not await watching


async def test_the_watchman_leaves_an_ended_version_to_the_next_start(
    installed: Installation,
) -> None:
    installed.try_out(NEW, STEP)
    ended = subprocess.Popen(["true"])
    ended.wait()

    assert not await watch(installed, ended.pid, ManualClock())
    assert Trial(NEW, STEP) == installed.trial
