"""aws:softwareInventory: what the machine has, told to the server as far as it changed."""

import base64
import hashlib
from collections.abc import Mapping
from datetime import datetime
from importlib import import_module
from pathlib import Path
from typing import Any

import msgspec

from ostler.agent import gatherers, scripts
from ostler.agent.calls import Refused
from ostler.agent.gatherers import Entry, custom
from ostler.agent.host import HostFault
from ostler.agent.plugins import DONE, Ending, StepFault, Surroundings
from ostler.agent.supervision import unless_stopped
from ostler.grammar.inventory import COLLECTED
from ostler.wire.agent.jobs import ReplyStatus

ENABLED = "Enabled"
LONGEST_VALUE = 4096
MOST_ENTRIES = 10_000

# By input: the type, and the gatherer's module.
_TYPES = {
    "applications": ("AWS:Application", "applications"),
    "awsComponents": ("AWS:AWSComponent", "aws_components"),
    "networkConfig": ("AWS:Network", "network"),
    "services": ("AWS:Service", "services"),
    "instanceDetailedInformation": ("AWS:InstanceDetailedInformation", "instance_details"),
    "files": ("AWS:File", "files"),
}
_UNKNOWN_HASH = "ItemContentMismatchException"
_ALL_AT_ONCE = 2
"""When so many types turned out to be new to the server, the rest will be as well."""

Item = dict[str, Any]


async def run(inputs: Mapping[str, Any], at: Surroundings) -> Ending:
    now = at.clock.now()
    items: list[Item] = []
    complaints = 0
    for name, (type_name, module) in _TYPES.items():
        given = scripts.text_input(inputs, name)
        if given != ENABLED and not (name == "files" and given):
            continue
        try:
            entries = await import_module(f"{gatherers.__name__}.{module}").gather(given, at)
        except (StepFault, HostFault) as fault:
            at.output.say("stderr", f"{type_name}: {fault}\n")
            complaints += 1
            continue
        if entries is None:
            at.output.say("stdout", f"{type_name}: this machine has no such thing\n")
            continue
        items.append(_item(type_name, COLLECTED[type_name].version, entries, now, at))
    if scripts.text_input(inputs, "customInventory") == ENABLED:
        folder = scripts.text_input(inputs, "customInventoryDirectory")
        for told in custom.gather(Path(folder) if folder else _custom_folder(at), at):
            items.append(_item(told.type_name, told.schema_version, told.entries, now, at))
    if items:
        await _tell(items, at)
    for item in items:
        at.output.say("stdout", f"{item['TypeName']}: {len(item['Content'])}\n")
    return Ending(ReplyStatus.FAILED, 1) if complaints else DONE


async def _tell(items: list[Item], at: Surroundings) -> None:
    """Upload the items: first their hashes alone, then what the server does not have so."""
    whole: set[str] = set()
    while True:
        every = len(whole) > _ALL_AT_ONCE
        sent = [item if every or item["TypeName"] in whole else _without(item) for item in items]
        try:
            await unless_stopped(at.sources.put_inventory(sent), at.stop)
        except Refused as refused:
            missing = str(refused.members.get("TypeName", ""))
            if refused.code != _UNKNOWN_HASH or missing in whole or every:
                raise
            whole.add(missing)
        else:
            return


def _item(
    type_name: str, version: str, entries: list[Entry], now: datetime, at: Surroundings
) -> Item:
    if len(entries) > MOST_ENTRIES:
        at.output.say("stderr", f"{type_name}: only the first {MOST_ENTRIES} are told\n")
    content = [
        {name: value[:LONGEST_VALUE] for name, value in entry.items()}
        for entry in entries[:MOST_ENTRIES]
    ]
    digest = hashlib.sha256(msgspec.json.encode(content, order="sorted")).digest()
    return {
        "TypeName": type_name,
        "SchemaVersion": version,
        "CaptureTime": f"{now:%Y-%m-%dT%H:%M:%SZ}",
        "ContentHash": base64.b64encode(digest).decode(),
        "Content": content,
    }


def _without(item: Item) -> Item:
    return {name: value for name, value in item.items() if name != "Content"}


def _custom_folder(at: Surroundings) -> Path:
    return at.home / "inventory" / "custom"
