"""Bundles: our agent with all that it needs, as one file for each kind of Python and machine."""

import argparse
import asyncio
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator, Sequence
from importlib import metadata, resources
from pathlib import Path

from ostler.agent import VERSION
from ostler.agent.installation import DESCRIPTION, digest_of, kind_of_machine
from ostler.server.settings import WrongSetting, read_settings

PARTS = ("agent", "grammar", "wire")
"""Of our own packages, and of the foundation only its clock and its ids."""
REQUIREMENTS = ("PyYAML", "cffi", "cryptography", "h11", "msgspec", "pycparser", "websockets")
_MAIN = "import sys\nfrom ostler.agent.installation import main\n\nsys.exit(main())\n"
_EPOCH = (1980, 1, 1, 0, 0, 0)


_KIND = re.compile(r"cp3\d{2}-[a-z0-9_]+-(glibc|musl)", re.ASCII)


class NoBundle(Exception):
    """The bundle cannot be made; the text says why."""


class Bundles:
    """The bundles in a folder; the one for machines like this is made when it is asked for."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._making = asyncio.Lock()
        self._told: dict[str, dict[str, str | int]] = {}
        self._own: Path | None = None

    async def find(self, kind: str) -> Path | None:
        """The bundle of a kind."""
        return (await self._files()).get(kind)

    async def manifest(self) -> bytes:
        """What there is, in JSON: version, size and SHA-256 of every bundle."""
        files = await self._files()
        told = await asyncio.to_thread(
            lambda: {kind: self._description(path) for kind, path in sorted(files.items())}
        )
        return json.dumps({"bundles": told}).encode()

    async def _files(self) -> dict[str, Path]:
        async with self._making:
            if self._own is None:
                self._own = await asyncio.to_thread(bundle_of_this_server, self._folder)
        return {path.stem: path for path in self._folder.glob("cp*.zip")}

    def _description(self, path: Path) -> dict[str, str | int]:
        known = f"{path}:{path.stat().st_mtime_ns}"
        if known not in self._told:
            with zipfile.ZipFile(path) as archive:
                version = str(json.loads(archive.read(DESCRIPTION))["version"])
            size, digest = path.stat().st_size, digest_of(path)
            self._told[known] = {"version": version, "size": size, "sha256": digest}
        return self._told[known]


def main(arguments: Sequence[str]) -> int:
    """Make the bundle for another kind of machine; 0 when it was made."""
    parser = argparse.ArgumentParser(
        prog="ostler-server bundle",
        description="Make the agent for machines with another Python, processor or C library. "
        "Machines like the server's need none of this. The wheels are fetched with pip, or taken "
        "from a folder: then nothing is asked of any network.",
    )
    parser.add_argument("kind", help="as the installer names it, e.g. cp313-aarch64-glibc")
    parser.add_argument("--data", type=Path, default=None, help="the server's data folder")
    parser.add_argument("--config", type=Path, help="the server's TOML file of settings")
    parser.add_argument("--wheels", type=Path, help="a folder with the wheels for that kind")
    given = parser.parse_args(arguments)
    try:
        if not _KIND.fullmatch(given.kind):
            raise NoBundle(f"{given.kind} is no kind like cp313-aarch64-glibc.")
        folder = read_settings(os.environ, given.config, data=given.data).data / "agents"
        with tempfile.TemporaryDirectory() as scratch:
            wheels = given.wheels or Path(scratch)
            if given.wheels is None:
                download_wheels(given.kind, wheels)
            made = bundle_of_wheels(folder, given.kind, wheels)
    except (NoBundle, WrongSetting, OSError, zipfile.BadZipFile) as fault:
        sys.stderr.write(f"ostler-server bundle: {fault}\n")
        return 1
    sys.stdout.write(f"{made}\n")
    return 0


def bundle_of_this_server(folder: Path) -> Path:
    """Write the bundle for machines like this one, of what is installed here."""
    return _write(folder, kind_of_machine(), [*_own_files(), *_installed_files()])


def bundle_of_wheels(folder: Path, kind: str, wheels: Path) -> Path:
    """Write the bundle for another kind of machine, of the wheels in a folder."""
    found = sorted(wheels.glob("*.whl"))
    names = {path.name.split("-")[0].lower().replace("_", "-") for path in found}
    missing = [name for name in REQUIREMENTS if name.lower() not in names]
    if missing:
        raise NoBundle(f"{wheels} has no wheel of {', '.join(missing)}.")
    with tempfile.TemporaryDirectory() as scratch:
        for path in found:
            with zipfile.ZipFile(path) as wheel:
                wheel.extractall(scratch)
        files = [
            (path.relative_to(scratch).as_posix(), path)
            for path in sorted(Path(scratch).rglob("*"))
            if path.is_file()
        ]
        return _write(folder, kind, [*_own_files(), *files])


def download_wheels(kind: str, into: Path) -> None:
    """Have pip fetch the wheels for another kind of machine, in this server's own versions."""
    python, machine, library = kind.split("-")
    family = "manylinux" if library == "glibc" else "musllinux"
    newest = {"manylinux": ("2_34", "2_28", "2_17"), "musllinux": ("1_2", "1_1")}[family]
    platforms = [f"--platform={family}_{level}_{machine}" for level in newest]
    wanted = [f"{name}=={metadata.version(name)}" for name in REQUIREMENTS]
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
    command += ["--only-binary=:all:", f"--python-version={python[2]}.{python[3:]}"]
    command += ["--implementation=cp", f"--dest={into}", *platforms, *wanted]
    if subprocess.run(command, check=False).returncode != 0:
        raise NoBundle(f"pip could not fetch the wheels for {kind}.")


def _own_files() -> Iterator[tuple[str, Path]]:
    ours = Path(str(resources.files("ostler")))
    yield "ostler/__init__.py", ours / "__init__.py"
    for name in ("__init__", "clock", "ids"):
        yield f"ostler/foundation/{name}.py", ours / "foundation" / f"{name}.py"
    for part in PARTS:
        for path in sorted((ours / part).rglob("*")):
            if path.suffix in (".py", ".service"):
                yield path.relative_to(ours.parent).as_posix(), path


def _installed_files() -> Iterator[tuple[str, Path]]:
    for name in REQUIREMENTS:
        for file in sorted(metadata.distribution(name).files or []):
            path = Path(str(file.locate()))
            if ".." not in file.parts and file.suffix not in (".pyc", ".pyi") and path.is_file():
                yield file.as_posix(), path


def _write(folder: Path, kind: str, files: list[tuple[str, Path]]) -> Path:
    """The same files make the same bytes, on every server and at every start."""
    folder.mkdir(parents=True, exist_ok=True)
    described = json.dumps({"version": VERSION, "kind": kind})
    target = folder / f"{kind}.zip"
    with tempfile.NamedTemporaryFile(dir=folder, suffix=".new", delete=False) as draft:
        with zipfile.ZipFile(draft, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as archive:
            for name, text in (("__main__.py", _MAIN), (DESCRIPTION, described)):
                archive.writestr(_entry(name), text)
            for name, path in files:
                with path.open("rb") as source, archive.open(_entry(name), "w") as entry:
                    shutil.copyfileobj(source, entry)
        Path(draft.name).replace(target)
    return target


def _entry(name: str) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name, _EPOCH)
    entry.compress_type = zipfile.ZIP_DEFLATED
    entry.external_attr = 0o644 << 16
    return entry
