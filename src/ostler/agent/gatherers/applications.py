"""AWS:Application: the packages of dpkg, rpm, apk and snap, whichever the machine has."""

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from ostler.agent.gatherers import LARGEST_LISTING, Entry, fields, listing
from ostler.agent.plugins import Surroundings

_DPKG = {
    "Name": "${Package}",
    "Version": "${Version}",
    "Architecture": "${Architecture}",
    "Publisher": "${Maintainer}",
    "ApplicationType": "${Section}",
    "URL": "${Homepage}",
    "Summary": "${binary:Summary}",
    "PackageId": "${source:Package}_${source:Version}",
}
_RPM = {
    "Name": "%{NAME}",
    "Version": "%{VERSION}",
    "Release": "%{RELEASE}",
    "Epoch": "%{EPOCH}",
    "Architecture": "%{ARCH}",
    "Publisher": "%{VENDOR}",
    "ApplicationType": "%{GROUP}",
    "InstalledTime": "%{INSTALLTIME}",
    "URL": "%{URL}",
    "Summary": "%{SUMMARY}",
    "PackageId": "%{SOURCERPM}",
}
_APK = {
    "P": "Name",
    "V": "Version",
    "A": "Architecture",
    "m": "Publisher",
    "U": "URL",
    "T": "Summary",
    "o": "PackageId",
}
_APK_DATABASES = (Path("/lib/apk/db/installed"), Path("/usr/lib/apk/db/installed"))
# The words that AWS's agent uses, so that one filter finds a package on every machine.
_ARCHITECTURES: Mapping[str, str] = {"amd64": "x86_64", "i386": "i386", "arm64": "aarch64"}


async def gather(given: str, at: Surroundings) -> list[Entry] | None:
    found = [await _dpkg(at), await _rpm(at), _apk(at), await _snap(at)]
    if all(each is None for each in found):
        return None
    return [entry for each in found if each is not None for entry in each]


async def _dpkg(at: Surroundings) -> list[Entry] | None:
    layout = "\t".join(["${db:Status-Abbrev}", *_DPKG.values()]) + "\n"
    told = await listing(["dpkg-query", "--show", f"--showformat={layout}"], at)
    if told is None:
        return None
    entries = []
    for line in told.splitlines():
        status, _, rest = line.partition("\t")
        if status[1:2] == "i":  # what is removed but for its configuration is not there
            entry = fields(rest, list(_DPKG))
            entry["Architecture"] = _architecture(entry.get("Architecture", ""))
            entries.append(entry)
    return entries


async def _rpm(at: Surroundings) -> list[Entry] | None:
    layout = "\t".join(_RPM.values()) + "\n"
    told = await listing(["rpm", "--query", "--all", "--queryformat", layout], at)
    if told is None:
        return None
    entries = [fields(line, list(_RPM)) for line in told.splitlines()]
    for entry in entries:
        installed = entry.get("InstalledTime", "")
        if installed.isdecimal():
            entry["InstalledTime"] = (
                f"{datetime.fromtimestamp(int(installed), UTC):%Y-%m-%dT%H:%M:%SZ}"
            )
    # The keys that packages are signed with look like packages of their own.
    return [entry for entry in entries if entry.get("Name") != "gpg-pubkey"]


def _apk(at: Surroundings) -> list[Entry] | None:
    database = next((path for path in _APK_DATABASES if at.host.exists(path)), None)
    if database is None:
        return None
    text = at.host.read(database, LARGEST_LISTING).decode(errors="replace")
    entries = []
    for paragraph in text.split("\n\n"):
        pairs = (line.partition(":") for line in paragraph.splitlines())
        entry = {_APK[key]: value.strip() for key, _, value in pairs if key in _APK}
        if entry:
            entries.append(entry)
    return entries


async def _snap(at: Surroundings) -> list[Entry] | None:
    told = await listing(["snap", "list", "--unicode=never", "--color=never"], at)
    if told is None:
        return None
    entries = []
    for line in told.splitlines()[1:]:
        columns = line.split()
        if len(columns) >= 5:
            entries.append(
                {
                    "Name": columns[0],
                    "Version": columns[1],
                    "Release": columns[2],
                    "Publisher": columns[4].rstrip("*"),
                    "ApplicationType": "snap",
                }
            )
    return entries


def _architecture(name: str) -> str:
    return _ARCHITECTURES.get(name, name)
