"""Items: what a node has of a type, what it may be, and how two tellings differ."""

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

import msgspec

from ostler.capabilities.inventory.errors import (
    InvalidItemContentException,
    InvalidTypeNameException,
    ItemSizeLimitExceededException,
    TotalSizeLimitExceededException,
    UnsupportedInventoryItemContextException,
    UnsupportedInventorySchemaVersionException,
)
from ostler.grammar.inventory import COLLECTED, CUSTOM, SCHEMAS, STRING, Schema

Entry = Mapping[str, str]

MOST_CUSTOM_TYPES = 20
LARGEST_CUSTOM_ITEM = 200 * 1024
LARGEST_ITEM = 3 * 1024 * 1024
"""Bytes of a type, as JSON; AWS's agent sends no more."""
LARGEST_UPLOAD = 7 * 1024 * 1024
"""Bytes of all items of one call; AWS takes 1 MB, less than its own agent may send."""

_CUSTOM_NAME = re.compile(r"Custom:[A-Za-z0-9_.\-]{1,93}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Upload:
    """What a node tells of a type; without entries it says that they are as the hash has them."""

    type_name: str
    version: str
    captured: str
    entries: Sequence[Entry] | None = None
    content_hash: str = ""
    context: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Item:
    """What is kept of a node's type, without its entries.

    `captured` is the node's own word, as "2026-01-31T10:15:00Z"; `received` is ours.
    """

    node: str
    type_name: str
    version: str
    captured: str
    content_hash: str
    received: datetime


@dataclass(frozen=True, slots=True)
class CustomSchema:
    """A type that an account made by uploading it; a version up to `disabled` is not taken."""

    type_name: str
    version: str
    attributes: Sequence[str] = ()
    disabled: str = ""


class Deed(StrEnum):
    """What happened to a thing between two tellings."""

    ADDED = "Added"
    REMOVED = "Removed"
    CHANGED = "Changed"


@dataclass(frozen=True, slots=True)
class Change:
    """A thing that came, went, or is not as it was."""

    deed: Deed
    before: Entry | None = None
    after: Entry | None = None


@dataclass(frozen=True, slots=True)
class ToldChange:
    """A change, and when which node told it of which type."""

    sequence: int
    node: str
    type_name: str
    at: datetime
    change: Change


def digest_of(entry: Entry) -> str:
    """What tells an entry from every other one."""
    return hashlib.sha256(msgspec.json.encode(entry, order="sorted")).hexdigest()[:32]


def check_uploads(uploads: Sequence[Upload]) -> None:
    """Refuse what no node can have."""
    seen: set[str] = set()
    total = 0
    for upload in uploads:
        if upload.type_name in seen:
            raise InvalidItemContentException(
                f"{upload.type_name} is given more than once.", TypeName=upload.type_name
            )
        seen.add(upload.type_name)
        total += _check_upload(upload)
    if total > LARGEST_UPLOAD:
        raise TotalSizeLimitExceededException(
            f"The items have {total} bytes; a call has at most {LARGEST_UPLOAD}."
        )


def schema_of(type_name: str, custom: Mapping[str, CustomSchema]) -> Schema | None:
    """The schema of a type, the house's or the account's; None where there is no such type."""
    if type_name in SCHEMAS:
        return SCHEMAS[type_name]
    own = custom.get(type_name)
    if own is None:
        return None
    return Schema(type_name, own.version, dict.fromkeys(own.attributes, STRING), type_name)


def version_order(version: str) -> tuple[int, ...]:
    """Schema versions ("1.10") in order."""
    return tuple(int(part) for part in version.split("."))


def changes_between(
    schema: Schema | None, gone: Sequence[Entry], new: Sequence[Entry]
) -> list[Change]:
    """What entries that went and entries that came tell together.

    Where the type's identity says that both are one thing, it changed.
    """
    identity = schema.identity if schema is not None else ()
    waiting: dict[tuple[str, ...], list[Entry]] = {}
    if identity:
        for entry in gone:
            waiting.setdefault(_identity(entry, identity), []).append(entry)
    changes = []
    for entry in new:
        same = waiting.get(_identity(entry, identity)) if identity else None
        if same:
            changes.append(Change(Deed.CHANGED, before=same.pop(0), after=entry))
        else:
            changes.append(Change(Deed.ADDED, after=entry))
    left = [entry for entries in waiting.values() for entry in entries] if identity else gone
    return changes + [Change(Deed.REMOVED, before=entry) for entry in left]


def _identity(entry: Entry, identity: Sequence[str]) -> tuple[str, ...]:
    return tuple(entry.get(attribute, "") for attribute in identity)


def _check_upload(upload: Upload) -> int:
    """The size of the item in bytes."""
    name = upload.type_name
    is_custom = name.startswith(CUSTOM)
    if is_custom and not _CUSTOM_NAME.fullmatch(name):
        raise InvalidTypeNameException(
            f"{name} is no name of a custom type: after {CUSTOM} come up to 93 letters, digits, "
            "_, . or -."
        )
    schema = None if is_custom else COLLECTED.get(name)
    if not is_custom and schema is None:
        raise InvalidTypeNameException(f"{name} is not a type that nodes upload.")
    if upload.context:
        raise UnsupportedInventoryItemContextException(
            f"Items of {name} have no context.", TypeName=name
        )
    if schema is not None:
        if upload.version not in (schema.version, *schema.older):
            raise UnsupportedInventorySchemaVersionException(
                f"{name} has the schema version {schema.version}, not {upload.version}."
            )
        _check_attributes(schema, upload.entries or ())
    size = len(msgspec.json.encode(upload.entries or ()))
    largest = LARGEST_CUSTOM_ITEM if is_custom else LARGEST_ITEM
    if size > largest:
        raise ItemSizeLimitExceededException(
            f"{name} has {size} bytes; it may have {largest}.", TypeName=name
        )
    return size


def _check_attributes(schema: Schema, entries: Sequence[Entry]) -> None:
    for entry in entries:
        for attribute in entry:
            if attribute not in schema.attributes:
                raise InvalidItemContentException(
                    f"{schema.name} has no attribute {attribute}.", TypeName=schema.name
                )
