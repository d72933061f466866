"""Values that stand outside of a body, in a path, a query or a header: each is a short text."""

import base64
import binascii
import functools
import re
from collections.abc import Callable
from typing import Any

import msgspec
from botocore.model import ListShape, Shape

from ostler.wire import values
from ostler.wire.errors import SerializationException

_TIME_FORMATS = {"header": values.RFC_822, "querystring": values.ISO_8601, "uri": values.ISO_8601}
_NUMBER = re.compile(r"[+-]?[0-9]{1,40}(\.[0-9]{1,40})?([eE][+-]?[0-9]{1,2})?")
_BOOLEANS = {"true": True, "false": False}
_CONTROLS = re.compile(r"[\x00-\x1f\x7f]+")


@functools.cache
def reader(shape: Shape, location: str) -> Callable[[str], Any]:
    """What turns the text at `location` into the shape's value; SerializationException if it
    cannot. The items of a list have commas between them."""
    if isinstance(shape, ListShape):
        read_item = reader(shape.member, location)
        return lambda text: [read_item(item.strip()) for item in text.split(",")]
    if shape.serialization.get("jsonvalue"):
        return _read_json
    if shape.type_name == "timestamp":
        return _time_reader(_time_format(shape, location))
    read_value = values.reader(shape)
    if shape.type_name == "boolean":
        return lambda text: read_value(_BOOLEANS.get(text.lower(), text))
    if shape.type_name in ("integer", "long", "float", "double"):
        return lambda text: read_value(_number(text))
    return read_value


@functools.cache
def writer(shape: Shape, location: str) -> Callable[[Any], str]:
    """What turns the shape's value into the text that stands at `location`."""
    if isinstance(shape, ListShape):
        write_item = writer(shape.member, location)
        return lambda items: ",".join(write_item(item) for item in items)
    if shape.serialization.get("jsonvalue"):
        return lambda value: base64.b64encode(msgspec.json.encode(value)).decode()
    if shape.type_name == "timestamp":
        write_time = values.TIME_WRITERS[_time_format(shape, location)]
        return lambda value: str(write_time(value))
    if shape.type_name == "boolean":
        return lambda value: "true" if value else "false"
    if shape.type_name == "blob":
        return values.writer(shape)
    return str


def header_safe(text: str) -> str:
    """The text without what would end a header or cannot stand in one."""
    return _CONTROLS.sub(" ", text).encode("latin-1", "replace").decode("latin-1")


def _time_format(shape: Shape, location: str) -> str:
    return str(shape.serialization.get("timestampFormat", _TIME_FORMATS[location]))


def _time_reader(written_as: str) -> Callable[[str], Any]:
    read_time = values.TIME_READERS[written_as]
    if written_as == values.EPOCH:
        return lambda text: read_time(_number(text))
    return read_time


def _number(text: str) -> Any:
    """The number that the text is, or the text itself, which its reader will refuse."""
    found = _NUMBER.fullmatch(text)
    if found is None:
        return text
    return float(text) if found[1] or found[2] else int(text)


def _read_json(text: str) -> Any:
    try:
        return values.decode(base64.b64decode(text, validate=True))
    except (binascii.Error, ValueError):
        raise SerializationException("The header is not JSON in base64.") from None
