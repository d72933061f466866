"""Custom types: what somebody laid down in files for the inventory.

A file has SchemaVersion, TypeName and Content, an object or a list of them, as for the stock agent
(AWS, Systems Manager user guide, "Working with custom inventory").
"""

from pathlib import Path
from typing import Any

import msgspec

from ostler.agent.gatherers import Entry
from ostler.agent.host import HostFault
from ostler.agent.plugins import StepFault, Surroundings
from ostler.grammar.inventory import CUSTOM

LARGEST_FILE = 200 * 1024
MOST_TYPES = 20


class Told(msgspec.Struct, rename="pascal"):
    """What such a file says."""

    type_name: str
    schema_version: str
    content: dict[str, Any] | list[dict[str, Any]]

    @property
    def entries(self) -> list[Entry]:
        """The content as entries, whose values are texts."""
        several = self.content if isinstance(self.content, list) else [self.content]
        return [{key: _text(value) for key, value in each.items()} for each in several]


def gather(folder: Path, at: Surroundings) -> list[Told]:
    """What the files of the folder say; a file that says nothing useful is complained of."""
    if not at.host.is_folder(folder):
        return []
    told: dict[str, Told] = {}
    for facts in sorted(at.host.inside(folder), key=lambda each: each.name):
        if facts.is_folder or not facts.name.endswith(".json"):
            continue
        path = folder / facts.name
        try:
            one = msgspec.json.decode(at.host.read(path, LARGEST_FILE), type=Told)
        except (HostFault, msgspec.MsgspecError) as fault:
            at.output.say("stderr", f"{path} is left out: {fault}\n")
            continue
        if not one.type_name.startswith(CUSTOM) or one.type_name in told:
            at.output.say(
                "stderr",
                f"{path} is left out: {one.type_name} is told already, or no custom type\n",
            )
            continue
        told[one.type_name] = one
        if len(told) > MOST_TYPES:
            raise StepFault(f"There are more than {MOST_TYPES} custom types in {folder}.")
    return list(told.values())


def _text(value: Any) -> str:
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()
