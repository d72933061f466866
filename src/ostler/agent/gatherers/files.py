"""AWS:File: the files that fit, in the folders that are named.

The input is a list, as JSON: [{"Path": "/etc", "Pattern": ["*.conf"], "Recursive": true,
"DirScanLimit": 1000}]. AWS, Systems Manager user guide, "Working with file and Windows registry
inventory": at most 500 files, 5,000 folders unless a limit is given.
"""

from collections.abc import Iterator
from datetime import datetime
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import msgspec

from ostler.agent.gatherers import Entry
from ostler.agent.host import FileFacts, HostFault
from ostler.agent.plugins import StepFault, Surroundings

MOST_FILES = 500
MOST_FOLDERS = 5000


async def gather(given: str, at: Surroundings) -> list[Entry] | None:
    found: dict[Path, FileFacts] = {}
    for wanted in _read(given):
        for path, facts in _scan(wanted, at):
            found[path] = facts
            if len(found) > MOST_FILES:
                raise StepFault(f"The filters of files fit more than {MOST_FILES} files.")
    return [_entry(path, found[path]) for path in sorted(found)]


def _read(given: str) -> list[dict[str, Any]]:
    try:
        return msgspec.json.decode(given, type=list[dict[str, Any]])
    except msgspec.MsgspecError as fault:
        raise StepFault(f"The input files is not a list of filters in JSON: {fault}") from fault


def _scan(wanted: dict[str, Any], at: Surroundings) -> Iterator[tuple[Path, FileFacts]]:
    start, patterns = wanted.get("Path"), wanted.get("Pattern")
    if not isinstance(start, str) or not start.startswith("/") or not isinstance(patterns, list):
        raise StepFault("A filter of files needs an absolute Path, and a list as its Pattern.")
    limit = wanted.get("DirScanLimit", MOST_FOLDERS)
    waiting = [Path(start)]
    scanned = 0
    while waiting:
        folder = waiting.pop()
        scanned += 1
        if scanned > int(limit):
            raise StepFault(f"There are more than {limit} folders in {start}.")
        try:
            found_here = at.host.inside(folder)
        except HostFault as fault:
            at.output.say("stderr", f"{fault}\n")
            continue
        for facts in found_here:
            if facts.is_folder:
                if wanted.get("Recursive", False):
                    waiting.append(folder / facts.name)
            elif any(fnmatchcase(facts.name, str(pattern)) for pattern in patterns):
                yield folder / facts.name, facts


def _entry(path: Path, facts: FileFacts) -> Entry:
    return {
        "Name": facts.name,
        "InstalledDir": str(path.parent),
        "Size": str(facts.size),
        "ModificationTime": _told(facts.modified),
        "LastAccessTime": _told(facts.accessed),
    }


def _told(instant: datetime) -> str:
    return f"{instant:%Y-%m-%dT%H:%M:%SZ}"
