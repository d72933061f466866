"""Values to XML, by the shapes of a model; each shape is compiled once."""

import functools
import re
from collections.abc import Callable, Mapping
from typing import Any

from botocore.model import ListShape, MapShape, Shape, StructureShape

from ostler.wire import texts

Writer = Callable[[Any], str]

_SPECIAL = re.compile("[^\t\n\x20-\x25\x27-\x3b\x3d\x3f-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_ESCAPES = {"&": "&amp;", "<": "&lt;", ">": "&gt;", "\r": "&#13;"}
_UNSPEAKABLE = "\ufffd"


@functools.cache
def writer(shape: Shape) -> Writer:
    """What turns a value into the text between an element's tags; undeclared members are left
    out."""
    return _Writers().of(shape)


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
    return lambda value: f"<{name}{attributes}>{write(value)}</{name}>"


def _name(shape: Shape, default: str) -> str:
    return str(shape.serialization.get("name", default))
