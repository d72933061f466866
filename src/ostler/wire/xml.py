"""Values to XML and back, by the shapes of a model; each shape is compiled once.

What the shape does not declare is dropped, in both directions. The names of elements are compared
without their namespace, as AWS does.
"""

import base64
import binascii
import functools
import re
from collections.abc import Callable, Mapping
from typing import Any
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

from botocore.model import ListShape, MapShape, Shape, StructureShape

from ostler.wire import texts, values
from ostler.wire.errors import SerializationException

Writer = Callable[[Any], str]
Reader = Callable[[Element], Any]

_SPECIAL = re.compile("[^\t\n\x20-\x25\x27-\x3b\x3d\x3f-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_ESCAPES = {"&": "&amp;", "<": "&lt;", ">": "&gt;", "\r": "&#13;"}
_UNSPEAKABLE = "\ufffd"
_BOOLEANS = {"true": True, "false": False, "1": True, "0": False}


@functools.cache
def writer(shape: Shape) -> Writer:
    """What turns a value into the text between an element's tags; undeclared members are left
    out."""
    return _Writers().of(shape)


def decode(body: bytes) -> Element:
    """The root of a document; SerializationException when there is none, or one with a DTD."""
    try:
        text = body.decode("utf-8-sig")
        # Entities are declared in a document type alone: without it none can expand or fetch.
        if "<!DOCTYPE" in text:
            raise SerializationException("A document type is not accepted.")
        return ElementTree.fromstring(text)  # noqa: S314 - see above
    except (ElementTree.ParseError, UnicodeDecodeError, ValueError):
        raise SerializationException("The body is not well-formed XML.") from None


def read(shape: Shape, root: Element) -> Any:
    """Read an element by its shape."""
    return _reader(shape)(root)


def escaped(text: str) -> str:
    """The text with markup escaped; characters that XML cannot say are replaced by U+FFFD."""
    return _SPECIAL.sub(lambda found: _ESCAPES.get(found[0], _UNSPEAKABLE), text)


class _Writers:
    """Compiles the writers of one shape and of all that it holds; recursive shapes meet again."""

    def __init__(self) -> None:
        self._structures: dict[str, Writer] = {}

    def of(self, shape: Shape) -> Writer:
        """The writer of what stands between the tags of an element of the shape."""
        if isinstance(shape, StructureShape):
            return self._structures.get(shape.name) or self._structure(shape)
        if isinstance(shape, ListShape):
            return self._items(shape, _name(shape.member, "member"))
        if isinstance(shape, MapShape):
            return self._entries(shape, "entry")
        write_text = texts.writer(shape, "querystring")
        if shape.type_name in ("string", "character"):
            return escaped
        return lambda value: escaped(write_text(value))

    def _member(self, name: str, shape: Shape) -> Writer:
        """The writer of a member with its tags; a flattened list or map has none around it."""
        wire_name = _name(shape, name)
        if shape.serialization.get("flattened"):
            if isinstance(shape, ListShape):
                return self._items(shape, _name(shape.member, wire_name))
            if isinstance(shape, MapShape):
                return self._entries(shape, wire_name)
        return _element(wire_name, self.of(shape), shape)

    def _structure(self, shape: StructureShape) -> Writer:
        members: dict[str, Writer] = {}

        def write_structure(value: Mapping[str, Any]) -> str:
            return "".join(
                members[name](member)
                for name, member in value.items()
                if member is not None and name in members
            )

        self._structures[shape.name] = write_structure
        for name, member in shape.members.items():
            if not _is_attribute(member):
                members[name] = self._member(name, member)
        return write_structure

    def _items(self, shape: ListShape, name: str) -> Writer:
        write_item = _element(name, self.of(shape.member), shape.member)
        return lambda value: "".join(map(write_item, value))

    def _entries(self, shape: MapShape, name: str) -> Writer:
        write_key = _element(_name(shape.key, "key"), self.of(shape.key), shape.key)
        write_value = _element(_name(shape.value, "value"), self.of(shape.value), shape.value)
        return lambda value: "".join(
            f"<{name}>{write_key(key)}{write_value(item)}</{name}>" for key, item in value.items()
        )


def _element(name: str, write: Writer, shape: Shape) -> Writer:
    namespace = shape.serialization.get("xmlNamespace") or {}
    attributes = ""
    if uri := namespace.get("uri"):
        prefix = namespace.get("prefix")
        attributes = f' xmlns{f":{prefix}" if prefix else ""}="{uri}"'
    own = {}
    if isinstance(shape, StructureShape):
        own = {each: _name(of, each) for each, of in shape.members.items() if _is_attribute(of)}
    if not own:
        return lambda value: f"<{name}{attributes}>{write(value)}</{name}>"

    def write_element(value: Mapping[str, Any]) -> str:
        said = "".join(
            f' {wire_name}="{_quoted(value[member])}"'
            for member, wire_name in own.items()
            if value.get(member) is not None
        )
        return f"<{name}{attributes}{said}>{write(value)}</{name}>"

    return write_element


def _is_attribute(shape: Shape) -> bool:
    return bool(shape.serialization.get("xmlAttribute"))


def _quoted(text: str) -> str:
    return escaped(text).replace('"', "&quot;").replace("\n", "&#10;").replace("\t", "&#9;")


def _name(shape: Shape, default: str) -> str:
    return str(shape.serialization.get("name", default))


# Reading.


@functools.cache
def _reader(shape: Shape) -> Reader:
    return _Readers().of(shape)


class _Readers:
    def __init__(self) -> None:
        self._structures: dict[str, Reader] = {}

    def of(self, shape: Shape) -> Reader:
        if isinstance(shape, StructureShape):
            return self._structures.get(shape.name) or self._structure(shape)
        if isinstance(shape, ListShape):
            read_item = self.of(shape.member)
            return lambda element: [read_item(each) for each in element]
        if isinstance(shape, MapShape):
            return self._map(shape)
        return _scalar_reader(shape)

    def _structure(self, shape: StructureShape) -> Reader:
        members: dict[str, tuple[str, Reader, bool]] = {}
        attributes: dict[str, tuple[str, Reader]] = {}

        def read_structure(element: Element) -> dict[str, Any]:
            found: dict[str, Any] = {}
            for each in element:
                known = members.get(_local(each.tag))
                if known is not None:
                    name, read_member, flattened = known
                    if flattened:
                        found.setdefault(name, []).append(read_member(each))
                    else:
                        found[name] = read_member(each)
            for wire_name, value in element.attrib.items():
                if _local(wire_name) in attributes:
                    name, read_member = attributes[_local(wire_name)]
                    found[name] = read_member(_holding(value))
            return found

        self._structures[shape.name] = read_structure
        for name, member in shape.members.items():
            if member.serialization.get("xmlAttribute"):
                wire_name = member.serialization["name"].rpartition(":")[2]
                attributes[wire_name] = name, self.of(member)
            elif isinstance(member, ListShape) and member.serialization.get("flattened"):
                members[_flat_name(name, member)] = name, self.of(member.member), True
            else:
                members[_name(member, name)] = name, self.of(member), False
        return read_structure

    def _map(self, shape: MapShape) -> Reader:
        key_name, value_name = _name(shape.key, "key"), _name(shape.value, "value")
        read_value = self.of(shape.value)

        def read_map(element: Element) -> dict[str, Any]:
            found = {}
            for entry in element:
                parts = {_local(each.tag): each for each in entry}
                if key_name in parts and value_name in parts:
                    found[_content(parts[key_name])] = read_value(parts[value_name])
            return found

        return read_map


def _scalar_reader(shape: Shape) -> Reader:
    if shape.type_name == "timestamp":
        read_time = values.TIME_READERS[shape.serialization.get("timestampFormat", values.ISO_8601)]
        return lambda element: read_time(_content(element).strip())
    if shape.type_name == "boolean":
        return _read_boolean
    if shape.type_name in ("integer", "long"):
        read_whole = values.reader(shape)
        return lambda element: read_whole(_number(element, int))
    if shape.type_name in ("float", "double"):
        return lambda element: _number(element, float)
    return _read_blob if shape.type_name == "blob" else _content


def _content(element: Element) -> str:
    return element.text or ""


def _read_boolean(element: Element) -> bool:
    value = _BOOLEANS.get(_content(element).strip().lower())
    if value is None:
        raise SerializationException(f"{_local(element.tag)} must be true or false.")
    return value


def _number(element: Element, kind: type[int] | type[float]) -> Any:
    try:
        found = _content(element).strip()
        if len(found) > 40:
            raise ValueError("no number is as long")
        return kind(found)
    except ValueError:
        raise SerializationException(f"{_local(element.tag)} must be a number.") from None


def _read_blob(element: Element) -> bytes:
    try:
        return base64.b64decode(_content(element), validate=True)
    except (binascii.Error, ValueError):
        raise SerializationException(f"{_local(element.tag)} is not base64.") from None


def _holding(content: str) -> Element:
    element = Element("attribute")
    element.text = content
    return element


def _local(tag: str) -> str:
    return tag.rpartition("}")[2]


def _flat_name(name: str, shape: ListShape) -> str:
    """A flattened list has no element of its own: each item bears its own name, or the list's."""
    return _name(shape.member, _name(shape, name))
