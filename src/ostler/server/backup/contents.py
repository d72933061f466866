"""The contents of a backup: what its members are called, and how rows are written in them."""

import base64
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import quote, unquote

import msgspec
from msgspec import Struct

from ostler.foundation.storage.snapshot import Rows

FORMAT = 1
HEADER = "backup.json"
NUMBERS = "numbers.json"
TABLES = "database/"
BLOBS = "blobs/"

_LARGEST_PART = 8 * 1024 * 1024


class Header(Struct, frozen=True):
    """What stands first in every backup."""

    format: int
    version: str
    """Of the Ostler that made it."""
    made_at: str
    engine: str
    steps: tuple[tuple[str, int], ...]
    """The migrations that made its tables."""
    blobs: bool
    """Whether the blobs are in it, too."""


class WrongFormat(Exception):
    """The backup is of a kind that this version cannot read."""


def header_of(content: bytes) -> Header:
    """The header; WrongFormat when it is a later format's."""
    try:
        form = msgspec.json.decode(content, type=dict[str, Any]).get("format")
        if form != FORMAT:
            raise WrongFormat(f"The backup has format {form}; this Ostler reads format {FORMAT}.")
        return msgspec.json.decode(content, type=Header)
    except msgspec.MsgspecError as fault:
        raise WrongFormat("This is no backup of Ostler.") from fault


def parts(rows: Iterable[Rows]) -> Iterator[tuple[str, bytes]]:
    """The members that hold rows: the names of the columns, then a row a line."""
    table, number, lines = "", 0, bytearray()
    for some in rows:
        if some.table != table or len(lines) > _LARGEST_PART:
            if lines:
                yield f"{TABLES}{table}/{number:06d}.jsonl", bytes(lines)
            number = 1 if some.table != table else number + 1
            table, lines = some.table, bytearray(_line(some.columns))
        for row in some.values:
            lines += _line([_written(value) for value in row])
    if lines:
        yield f"{TABLES}{table}/{number:06d}.jsonl", bytes(lines)


def table_of(member: str) -> str:
    """Of which table such a member holds rows."""
    return member.removeprefix(TABLES).partition("/")[0]


def rows_of(member: str, content: bytes) -> Rows:
    """The rows that such a member holds."""
    columns, *lines = content.splitlines()
    return Rows(
        table_of(member),
        msgspec.json.decode(columns, type=list[str]),
        [[_read(value) for value in msgspec.json.decode(line)] for line in lines],
    )


def numbers_of(content: bytes) -> Mapping[str, int]:
    """The last numbers that tables have given."""
    return msgspec.json.decode(content, type=dict[str, int])


def member_of(blob: str) -> str:
    """Where a blob of that key lies in the archive."""
    return BLOBS + "/".join(_undotted(quote(part, safe="")) for part in blob.split("/"))


def blob_of(member: str) -> str:
    """The key of the blob that lies there."""
    return unquote(member.removeprefix(BLOBS))


def _undotted(name: str) -> str:
    """No name that means a folder: an archive may be unpacked by hand."""
    return name.replace(".", "%2E") if set(name) == {"."} else name


def _line(values: Sequence[Any]) -> bytes:
    return msgspec.json.encode(values) + b"\n"


def _written(value: Any) -> Any:
    return {"bytes": base64.b64encode(value).decode()} if isinstance(value, bytes) else value


def _read(value: Any) -> Any:
    return base64.b64decode(value["bytes"]) if isinstance(value, dict) else value
