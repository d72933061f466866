"""AWS:Service: what systemd looks after."""

from ostler.agent.gatherers import Entry, listing
from ostler.agent.plugins import Surroundings

_QUIET = ("--no-legend", "--no-pager", "--plain")
_SUFFIX = ".service"


async def gather(given: str, at: Surroundings) -> list[Entry] | None:
    units = await listing(["systemctl", "list-units", "--type=service", "--all", *_QUIET], at)
    if units is None:
        return None
    files = await listing(["systemctl", "list-unit-files", "--type=service", *_QUIET], at) or ""
    starts = dict(line.split()[:2] for line in files.splitlines() if len(line.split()) > 1)
    entries = []
    for line in units.splitlines():
        columns = line.split(maxsplit=4)
        if len(columns) < 4 or columns[1] == "not-found":
            continue
        entry = {
            "Name": columns[0].removesuffix(_SUFFIX),
            "DisplayName": columns[4] if len(columns) > 4 else "",
            "ServiceType": "systemd",
            "Status": columns[3].capitalize(),
            "StartType": starts.get(columns[0], "").capitalize(),
        }
        entries.append({name: value for name, value in entry.items() if value})
    return entries
