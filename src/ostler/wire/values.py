"""JSON to typed values and back, by the shapes of a model; each shape is compiled once.

Times are aware `datetime`s in UTC, blobs are `bytes`. What the shape does not declare is dropped,
in both directions; null means absent. No text that is read holds the character NUL, which
PostgreSQL can neither keep nor compare.
"""

import base64
import binascii
import functools
import math
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from email.utils import format_datetime, parsedate_to_datetime
from typing import Any, NoReturn

import msgspec
from botocore.model import ListShape, MapShape, Shape, StructureShape

from ostler.wire.errors import SerializationException, ValidationException

Reader = Callable[[Any], Any]
Writer = Callable[[Any], Any]

EPOCH = "unixTimestamp"
ISO_8601 = "iso8601"
RFC_822 = "rfc822"

_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder()

_FOUND_LIST = "Start of list found where not expected"
_FOUND_MAP = "Start of structure or map found where not expected."
_INT_LIMITS = {"integer": 1 << 31, "long": 1 << 63}


@functools.cache
def reader(shape: Shape) -> Reader:
    """What turns a decoded JSON value into the shape's; raises SerializationException."""
    return _Readers().of(shape)


def read_by_members(shape: Shape, value: Any) -> Any:
    """The same for a value whose names are the model's own, as SDKs and documents have them: in
    headers, queries and XML things may be called otherwise."""
    try:
        return _member_reader(shape)(value)
    except RecursionError:
        raise SerializationException("The input is nested too deeply.") from None


@functools.cache
def _member_reader(shape: Shape) -> Reader:
    return _Readers(wire_names=False).of(shape)


@functools.cache
def writer(shape: Shape) -> Writer:
    """What turns a value into what JSON can say; undeclared members are left out."""
    return _Writers().of(shape) or _same


def decode(body: bytes) -> Any:
    """Read JSON text; SerializationException when it is none, or nested out of all measure."""
    try:
        return _decoder.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        raise SerializationException("The body is not well-formed JSON.") from None


def read(shape: Shape, value: Any) -> Any:
    """Read a decoded JSON value by its shape, however deep it is."""
    try:
        return reader(shape)(value)
    except RecursionError:
        raise SerializationException("The body is nested too deeply.") from None


def encode(shape: Shape, value: Mapping[str, Any]) -> bytes:
    """The JSON text of a value of a shape."""
    return _encoder.encode(writer(shape)(value))


# Reading.


class _Readers:
    """Compiles the readers of one shape and of all that it holds; recursive shapes meet again."""

    def __init__(self, *, wire_names: bool = True) -> None:
        self._structures: dict[str, Reader] = {}
        self._wire_names = wire_names

    def of(self, shape: Shape) -> Reader:
        if isinstance(shape, StructureShape):
            if shape.is_document_type:
                return _read_anything
            return self._structures.get(shape.name) or self._structure(shape)
        if isinstance(shape, ListShape):
            return self._list(shape)
        if isinstance(shape, MapShape):
            return self._map(shape)
        if shape.serialization.get("jsonvalue"):
            return _read_json_text
        if shape.type_name == "timestamp":
            return TIME_READERS[shape.serialization.get("timestampFormat", EPOCH)]
        return _SCALAR_READERS[shape.type_name]

    def _structure(self, shape: StructureShape) -> Reader:
        members: dict[str, tuple[str, Reader]] = {}
        is_union = shape.is_tagged_union

        def read_structure(value: Any) -> dict[str, Any]:
            if type(value) is not dict:
                _unexpected(value, "null")
            result = {}
            for wire_name, member in value.items():
                if member is not None and (known := members.get(wire_name)) is not None:
                    result[known[0]] = known[1](member)
            if is_union and len(result) > 1:
                raise SerializationException(f"Only one member of {shape.name} may be set.")
            return result

        self._structures[shape.name] = read_structure
        for name, member in shape.members.items():
            wire_name = member.serialization.get("name", name) if self._wire_names else name
            members[wire_name] = name, self.of(member)
        return read_structure

    def _list(self, shape: ListShape) -> Reader:
        # A null among the items stays: the validation names it.
        read_item = self.of(shape.member)

        def read_list(value: Any) -> list[Any]:
            if type(value) is not list:
                _unexpected(value, "list or null")
            return [None if item is None else read_item(item) for item in value]

        return read_list

    def _map(self, shape: MapShape) -> Reader:
        read_item = self.of(shape.value)

        def read_map(value: Any) -> dict[str, Any]:
            if type(value) is not dict:
                _unexpected(value, "map or null")
            return {
                _read_string(key): None if item is None else read_item(item)
                for key, item in value.items()
            }

        return read_map


def _same(value: Any) -> Any:
    return value


def _read_anything(value: Any) -> Any:
    """What has no shape of its own is taken as it is, but its texts are texts like others."""
    if type(value) is str:
        return _read_string(value)
    if type(value) is list:
        return [_read_anything(item) for item in value]
    if type(value) is dict:
        return {_read_string(key): _read_anything(item) for key, item in value.items()}
    return value


def _read_string(value: Any) -> str:
    if type(value) is not str:
        _unexpected(value, "a String")
    if "\0" in value:
        raise ValidationException("No text may hold the character NUL (U+0000).")
    return value


def _read_boolean(value: Any) -> bool:
    return value if type(value) is bool else _unexpected(value, "a Boolean")


def _read_integer(value: Any, *, limit: int, wanted: str) -> int:
    # AWS cuts fractions off, and takes what is too large for the largest there is.
    if type(value) is int or type(value) is float:
        return min(max(int(value), -limit), limit - 1)
    return _unexpected(value, wanted)


def _read_float(value: Any) -> float:
    if type(value) is float or type(value) is int:
        return _as_float(value)
    return _unexpected(value, "a Float")


def _as_float(value: float) -> float:
    try:
        return float(value)
    except OverflowError:
        raise SerializationException("NUMBER_VALUE can not be converted to a Float") from None


def _read_blob(value: Any) -> bytes:
    if type(value) is not str:
        _unexpected(value, "a Blob")
    try:
        return base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError):
        raise SerializationException("STRING_VALUE can not be converted to a Blob") from None


def _read_epoch(value: Any) -> datetime:
    if type(value) is int or type(value) is float:
        return _time(lambda: datetime.fromtimestamp(value, UTC))
    if type(value) is list or type(value) is dict:
        _unexpected(value, "")
    kind = "Boolean" if type(value) is bool else "String"
    raise SerializationException(
        f"class java.lang.{kind} can not be converted to milliseconds since epoch"
    )


def _read_iso_8601(value: Any) -> datetime:
    text = _read_string(value)
    return _time(lambda: _in_utc(datetime.fromisoformat(text)))


def _read_rfc_822(value: Any) -> datetime:
    text = _read_string(value)
    return _time(lambda: _in_utc(parsedate_to_datetime(text)))


def _time(make: Callable[[], datetime]) -> datetime:
    try:
        return make()
    except (ValueError, OverflowError, OSError, TypeError, IndexError):
        raise SerializationException("The value can not be converted to a Timestamp") from None


def _in_utc(value: datetime) -> datetime:
    return value.astimezone(UTC) if value.tzinfo else value.replace(tzinfo=UTC)


def _read_json_text(value: Any) -> Any:
    return _read_anything(decode(_read_string(value).encode("utf-8", "replace")))


def _unexpected(value: Any, wanted: str) -> NoReturn:
    """The words in which AWS refuses a value of another kind (recorded from several services)."""
    if type(value) is list:
        raise SerializationException(_FOUND_LIST)
    if type(value) is dict:
        raise SerializationException(_FOUND_MAP)
    if not wanted.startswith(("a ", "an ")):
        raise SerializationException(f"Expected {wanted}")
    if type(value) is bool:
        kind = "TRUE_VALUE" if value else "FALSE_VALUE"
    else:
        kind = "STRING_VALUE" if type(value) is str else "NUMBER_VALUE"
    raise SerializationException(f"{kind} can not be converted to {wanted}")


_SCALAR_READERS: Mapping[str, Reader] = {
    "string": _read_string,
    "character": _read_string,
    "boolean": _read_boolean,
    "integer": functools.partial(_read_integer, limit=_INT_LIMITS["integer"], wanted="an Integer"),
    "long": functools.partial(_read_integer, limit=_INT_LIMITS["long"], wanted="a Long"),
    "float": _read_float,
    "double": _read_float,
    "blob": _read_blob,
}
TIME_READERS: Mapping[str, Reader] = {
    EPOCH: _read_epoch,
    ISO_8601: _read_iso_8601,
    RFC_822: _read_rfc_822,
}


# Writing.


class _Writers:
    """Compiles the writers of one shape and of all that it holds; None where JSON can say it."""

    def __init__(self) -> None:
        self._structures: dict[str, Writer] = {}

    def of(self, shape: Shape) -> Writer | None:
        if isinstance(shape, StructureShape):
            if shape.is_document_type:
                return None
            return self._structures.get(shape.name) or self._structure(shape)
        if isinstance(shape, ListShape):
            return _list_writer(self.of(shape.member))
        if isinstance(shape, MapShape):
            return _map_writer(self.of(shape.value))
        if shape.serialization.get("jsonvalue"):
            return _write_json_text
        if shape.type_name == "timestamp":
            return TIME_WRITERS[shape.serialization.get("timestampFormat", EPOCH)]
        return _write_blob if shape.type_name == "blob" else None

    def _structure(self, shape: StructureShape) -> Writer:
        members: dict[str, tuple[str, Writer | None]] = {}

        def write_structure(value: Mapping[str, Any]) -> dict[str, Any]:
            result = {}
            for name, member in value.items():
                if member is not None and (known := members.get(name)) is not None:
                    write = known[1]
                    result[known[0]] = member if write is None else write(member)
            return result

        self._structures[shape.name] = write_structure
        for name, member in shape.members.items():
            members[name] = member.serialization.get("name", name), self.of(member)
        return write_structure


def _list_writer(write: Writer | None) -> Writer:
    if write is None:
        return list
    return lambda value: [write(item) for item in value]


def _map_writer(write: Writer | None) -> Writer:
    if write is None:
        return dict
    return lambda value: {key: write(item) for key, item in value.items()}


def _write_blob(value: bytes) -> str:
    return base64.b64encode(value).decode()


def _write_epoch(value: datetime) -> float:
    # To the millisecond, as AWS does; what has no zone is meant in UTC.
    seconds = (value if value.tzinfo else _in_utc(value)).timestamp()
    milliseconds = math.floor(seconds * 1000 + 0.5)
    return milliseconds / 1000 if milliseconds % 1000 else milliseconds // 1000


def _write_iso_8601(value: datetime) -> str:
    value = _in_utc(value)
    precision = "milliseconds" if value.microsecond else "seconds"
    return f"{value.replace(tzinfo=None).isoformat(timespec=precision)}Z"


def _write_rfc_822(value: datetime) -> str:
    return format_datetime(_in_utc(value).replace(microsecond=0), usegmt=True)


def _write_json_text(value: Any) -> str:
    return msgspec.json.encode(value).decode()


TIME_WRITERS: Mapping[str, Writer] = {
    EPOCH: _write_epoch,
    ISO_8601: _write_iso_8601,
    RFC_822: _write_rfc_822,
}
