"""The fingerprint: by which the server tells a node from a copy of its disk."""

import logging
from collections.abc import Mapping

import msgspec
from msgspec import Struct

from ostler.agent.folder import Folder
from ostler.foundation.ids import Ids

THRESHOLD = 40
"""Percent of a machine's properties that must be as they were, once its address is another."""
_FILE = "fingerprint.json"

log = logging.getLogger(__name__)


class Fingerprint(Struct, frozen=True):
    """A random UUID, and the properties of the machine that it was made for."""

    value: str
    hardware: dict[str, str]


def fingerprint_of(folder: Folder, hardware: Mapping[str, str], ids: Ids) -> str:
    """This machine's fingerprint: a new one when the saved one is another machine's."""
    present = present_fingerprint(folder, hardware)
    if present is not None:
        return present
    if _saved(folder) is not None:
        log.warning("fingerprint_renewed reason=the machine is not the one that registered")
    fresh = Fingerprint(ids.uuid(), dict(hardware))
    folder.write(_FILE, msgspec.json.encode(fresh))
    return fresh.value


def present_fingerprint(folder: Folder, hardware: Mapping[str, str]) -> str | None:
    """The saved fingerprint, if it is this machine's."""
    saved = _saved(folder)
    return saved.value if saved is not None and same_machine(saved.hardware, hardware) else None


def same_machine(saved: Mapping[str, str], present: Mapping[str, str]) -> bool:
    """Whether both lists of properties are one machine's.

    Another machine id is another machine, and so is another product id: who clones a virtual
    machine often forgets the first, and the hypervisor gives each a second of its own. With the
    same ids and address it is the same; with another address, as many of the properties as the
    threshold says must agree.
    """
    if saved.get("machine-id") != present.get("machine-id"):
        return False
    if "product" in saved and "product" in present and saved["product"] != present["product"]:
        return False
    if saved.get("address") == present.get("address") or not present:
        return True
    alike = sum(1 for name, value in present.items() if saved.get(name) == value)
    return alike * 100 >= THRESHOLD * len(present)


def _saved(folder: Folder) -> Fingerprint | None:
    content = folder.read(_FILE)
    if content is None:
        return None
    try:
        return msgspec.json.decode(content, type=Fingerprint)
    except msgspec.MsgspecError:
        log.warning("fingerprint_unreadable")
        return None
