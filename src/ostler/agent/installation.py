"""An installation: the agent's versions beside each other in one folder, one of them in use.

    ROOT/current -> versions/VERSION      what starts
    ROOT/versions/VERSION/                an environment of Python's: bin/python and its packages
    ROOT/trial.json                       a version that has to prove itself first
    ROOT/verdict.json                     how the last trial ended

Every change is one rename, so whatever moment the machine dies at, one whole version starts next.
A bundle is a zip with a version's packages and `bundle.json`, and runs by itself: `python3 BUNDLE
install` unpacks it. Nothing here needs more than Python's own library, for then there is no other.
"""

import argparse
import hashlib
import json
import os
import platform
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TypeVar

ROOT = Path("/opt/ostler-agent")
DESCRIPTION = "bundle.json"
STARTS = 3
"""How often a version on trial may start before it is given up."""

Kind = TypeVar("Kind")

_LAUNCHER = """#!/bin/sh
exec "$(readlink -f {root}/current)/bin/python" -P -m ostler.agent.main "$@"
"""
_ENVIRONMENT = """home = {home}
include-system-site-packages = false
"""


class Unfit(Exception):
    """The bundle cannot be installed here; the text says why."""


@dataclass(frozen=True, slots=True)
class Trial:
    """A version that is used until it has reported, or has failed to."""

    version: str
    asked_by: str
    """The step that wants to know how it ends."""
    starts: int = 0


@dataclass(frozen=True, slots=True)
class Verdict:
    """How a trial ended."""

    version: str
    asked_by: str
    accepted: bool
    why: str = ""


def kind_of_machine() -> str:
    """The kind of bundle that runs here: Python, processor and C library."""
    library = "glibc" if platform.libc_ver()[0] == "glibc" else "musl"
    return f"cp{sys.version_info[0]}{sys.version_info[1]}-{platform.machine()}-{library}"


class Installation:
    """The versions under one folder."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._versions = root / "versions"

    @classmethod
    def of_this_program(cls) -> "Installation | None":
        """The one that this program was started from, unless it was put here by other means."""
        here = Path(sys.prefix).resolve()
        return cls(here.parents[1]) if here.parent.name == "versions" else None

    @property
    def current(self) -> str:
        """The version in use; empty when there is none."""
        with suppress(OSError):
            return (self.root / "current").readlink().name
        return ""

    @property
    def trial(self) -> Trial | None:
        return _read(self.root / "trial.json", Trial)

    @property
    def verdict(self) -> Verdict | None:
        return _read(self.root / "verdict.json", Verdict)

    def python(self, version: str) -> Path:
        """What runs a version."""
        return self._versions / version / "bin" / "python"

    def unpack(self, bundle: Path) -> str:
        """Have the version in a bundle lie beside the others; its name."""
        name = f"{_described(bundle)['version']}-{digest_of(bundle)[:12]}"
        if self.python(name).exists():
            return name
        draft = self._versions / f".{name}"
        shutil.rmtree(draft, ignore_errors=True)
        packages = draft / "lib" / f"python{sys.version_info[0]}.{sys.version_info[1]}"
        packages /= "site-packages"
        packages.mkdir(parents=True)
        with zipfile.ZipFile(bundle) as archive:
            archive.extractall(packages)
        (packages / "__main__.py").unlink(missing_ok=True)
        interpreter = Path(getattr(sys, "_base_executable", sys.executable)).resolve()
        (draft / "bin").mkdir()
        (draft / "bin" / "python").symlink_to(interpreter)
        (draft / "pyvenv.cfg").write_text(_ENVIRONMENT.format(home=interpreter.parent))
        # At the first start there is nothing to compile any more, and nothing to write.
        compiled = [str(draft / "bin" / "python"), "-m", "compileall", "-q", str(packages)]
        subprocess.run(compiled, check=False, stdout=subprocess.DEVNULL)
        os.sync()
        draft.rename(self._versions / name)
        _settle(self._versions)
        return name

    def use(self, version: str) -> None:
        """Have a version start from now on."""
        draft = self.root / ".current"
        draft.unlink(missing_ok=True)
        draft.symlink_to(Path("versions") / version)
        draft.rename(self.root / "current")
        _settle(self.root)

    def tidy(self, keep: Iterable[str]) -> None:
        """Remove every version but these and the one in use."""
        kept = {*keep, self.current}
        for path in self._versions.iterdir():
            if path.name not in kept:
                shutil.rmtree(path, ignore_errors=True)

    def write_launcher(self) -> Path:
        """Make ROOT/bin/ostler-agent, which starts the version in use."""
        launcher = self.root / "bin" / "ostler-agent"
        launcher.parent.mkdir(exist_ok=True)
        _write(launcher, _LAUNCHER.format(root=self.root))
        launcher.chmod(0o755)
        return launcher

    # Trials.

    def try_out(self, version: str, asked_by: str) -> None:
        """Have a version start next, and stay only if it reports."""
        (self.root / "verdict.json").unlink(missing_ok=True)
        self._write_trial(Trial(version, asked_by))

    def next_start(self) -> str:
        """The version that is to start now; a start on trial is counted."""
        trial = self.trial
        if trial is None:
            return self.current
        verdict = self.verdict
        if trial.version == self.current:
            self.accept()
        elif verdict is not None and not verdict.accepted and verdict.version == trial.version:
            self._end_trial()
        elif trial.starts >= STARTS:
            self.refuse(f"It started {STARTS} times and reported none of them.")
        else:
            self._write_trial(Trial(trial.version, trial.asked_by, trial.starts + 1))
            return trial.version
        return self.current

    def accept(self) -> None:
        """The version on trial has reported: it is the one in use."""
        trial = self.trial
        if trial is not None:
            self.use(trial.version)
            self._judge(trial, accepted=True)

    def refuse(self, why: str) -> None:
        """The version on trial is given up; what was in use before stays so."""
        trial = self.trial
        if trial is not None:
            self._judge(trial, accepted=False, why=why)

    def _judge(self, trial: Trial, *, accepted: bool, why: str = "") -> None:
        verdict = Verdict(trial.version, trial.asked_by, accepted, why)
        _write(self.root / "verdict.json", json.dumps(asdict(verdict)))
        self._end_trial()

    def _end_trial(self) -> None:
        (self.root / "trial.json").unlink(missing_ok=True)
        _settle(self.root)

    def _write_trial(self, trial: Trial) -> None:
        _write(self.root / "trial.json", json.dumps(asdict(trial)))


def digest_of(file: Path) -> str:
    """The SHA-256 of a file, in hexadecimal."""
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def main(arguments: Sequence[str] | None = None) -> int:
    """What a bundle does when it is run: install itself."""
    parser = argparse.ArgumentParser(prog="ostler-agent-bundle")
    parts = parser.add_subparsers(dest="command", required=True)
    install = parts.add_parser("install", help="unpack this bundle and use it")
    install.add_argument("--root", type=Path, default=ROOT)
    given = parser.parse_args(arguments)
    try:
        install_here(Path(sys.path[0]), given.root)
    except (Unfit, OSError, zipfile.BadZipFile) as fault:
        print(f"ostler-agent: {fault}", file=sys.stderr)  # noqa: T201 - this is a program
        return 1
    return 0


def install_here(bundle: Path, root: Path) -> None:
    """Unpack a bundle and use it; what is installed already stays to fall back to."""
    installation = Installation(root)
    (root / "versions").mkdir(mode=0o755, parents=True, exist_ok=True)
    before = installation.current
    version = installation.unpack(bundle)
    installation.use(version)
    installation.tidy([before])
    installation.write_launcher()


def _described(bundle: Path) -> dict[str, Any]:
    try:
        with zipfile.ZipFile(bundle) as archive:
            described: dict[str, Any] = json.loads(archive.read(DESCRIPTION))
    except (zipfile.BadZipFile, KeyError, ValueError) as fault:
        raise Unfit(f"{bundle} is no bundle of the agent.") from fault
    if described["kind"] != kind_of_machine():
        raise Unfit(f"The bundle is for {described['kind']}, this is {kind_of_machine()}.")
    return described


def _read(path: Path, kind: Callable[..., Kind]) -> Kind | None:
    try:
        return kind(**json.loads(path.read_text()))
    except (OSError, ValueError, TypeError):
        return None


def _write(path: Path, text: str) -> None:
    """Replace a file as a whole, and for good."""
    draft = path.with_name(f".{path.name}")
    with draft.open("w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    draft.rename(path)
    _settle(path.parent)


def _settle(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
