"""Package documents: which file is for which machine, and what its checksum is, schema 2.0."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ostler.grammar.documents.faults import DocumentFault, at
from ostler.grammar.documents.model import schema_version
from ostler.grammar.documents.preconditions import PLATFORMS

_SHA256 = re.compile(r"[0-9a-fA-F]{64}")
_ARCHITECTURES = {
    "aarch64": ("arm64", "aarch64"),
    "i686": ("386", "i386", "i686"),
    "x86_64": ("x86_64", "amd64"),
}
_DISTRIBUTIONS = {
    "amazon": "amazon",
    "ubuntu": "ubuntu",
    "raspbian": "raspbian",
    "debian": "debian",
    "red hat": "redhat",
    "centos": "centos",
    "rocky": "rocky",
    "alma": "almalinux",
    "oracle": "oracle",
    "fedora": "fedora",
    "opensuse leap": "opensuseleap",
    "opensuse": "opensuse",
    "suse": "suse",
    "sles": "suse",
    "alpine": "alpine",
    "arch": "arch",
    "gentoo": "gentoo",
}
"""By a part of the name that a distribution gives itself; the first that fits counts."""
_NAMED = {"windows": "Windows", "macos": "MacOS"}


@dataclass(frozen=True, slots=True)
class Manifest:
    """A package's manifest; `checksums` are the SHA-256 of its files, by name."""

    version: str
    platforms: list[str]
    checksums: Mapping[str, str]


def check_package(raw: Any) -> Manifest:
    """What the manifest in `raw` says; DocumentFault unless nodes can install from it."""
    if not isinstance(raw, dict):
        raise at("", "a document must be an object")
    schema = schema_version(raw)
    if schema != "2.0":
        raise DocumentFault(
            f"Schema version {schema} is not supported for a document of type Package.",
            "InvalidDocumentSchemaVersion",
        )
    missing = [member for member in ("version", "packages", "files") if not raw.get(member)]
    if missing:
        named = ",".join(f'"{member}"' for member in missing)
        raise at("", f"object has missing required properties ([{named}])")
    if not isinstance(raw["version"], str):
        raise at("/version", "version must be a string")
    checksums = dict(_checksums(raw["files"]))
    platforms: set[str] = set()
    for platform, file, path in _files(raw["packages"]):
        if file not in checksums:
            raise at(path, f"{file} is not one of the files")
        platforms.update(_platforms(platform))
    return Manifest(raw["version"], [each for each in PLATFORMS if each in platforms], checksums)


@dataclass(frozen=True, slots=True)
class Machine:
    """What a package's file is chosen by: names as manifests write them."""

    platform: str
    version: str
    architecture: str


def file_for(raw: Any, machine: Machine) -> str:
    """The file of a sound manifest that is meant for a machine; DocumentFault when none is."""
    releases = _chosen(raw["packages"], [machine.platform])
    machines = _chosen(releases, _release_names(releases, machine.version))
    entry = _chosen(machines, _ARCHITECTURES.get(machine.architecture, (machine.architecture,)))
    if not entry:
        raise DocumentFault(
            f"The package has no file for {machine.platform} {machine.version} on "
            f"{machine.architecture}."
        )
    return str(entry["file"])


def platform_named(name: str) -> str:
    """What manifests call the distribution that calls itself so."""
    lower = name.lower()
    return next((short for long, short in _DISTRIBUTIONS.items() if long in lower), lower)


def _chosen(choices: Mapping[str, Any], names: Iterable[str]) -> Any:
    return next((choices[name] for name in [*names, "_any"] if name in choices), {})


def _release_names(choices: Mapping[str, Any], version: str) -> Iterator[str]:
    """The exact release first, then the patterns it fits, the longest of them first."""
    yield version
    parts = version.split(".")
    for length in range(len(parts), 0, -1):
        yield ".".join([*parts[:length], "*"])
    if "_any" not in choices:
        yield "*"


def _checksums(files: Any) -> Iterator[tuple[str, str]]:
    for name, file in _members(files, "/files"):
        path = f"/files/{name}"
        sums = dict(_members(file, path)).get("checksums")
        checksum = dict(_members(sums, f"{path}/checksums")).get("sha256")
        if not isinstance(checksum, str) or not _SHA256.fullmatch(checksum):
            raise at(f"{path}/checksums", "sha256 must be 64 hexadecimal digits")
        yield name, checksum.lower()


def _files(packages: Any) -> Iterator[tuple[str, str, str]]:
    for platform, releases in _members(packages, "/packages"):
        for release, machines in _members(releases, f"/packages/{platform}"):
            for machine, entry in _members(machines, f"/packages/{platform}/{release}"):
                path = f"/packages/{platform}/{release}/{machine}"
                file = dict(_members(entry, path)).get("file")
                if not isinstance(file, str):
                    raise at(path, "file must be a string")
                yield platform, file, path


def _platforms(platform: str) -> tuple[str, ...]:
    """The platform type of a distribution; every name but two means a Linux."""
    if platform == "_any":
        return PLATFORMS
    return (_NAMED.get(platform.lower(), "Linux"),)


def _members(value: Any, path: str) -> list[tuple[str, Any]]:
    if not isinstance(value, dict):
        raise at(path, "must be an object")
    return list(value.items())
