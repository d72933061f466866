"""Reading and writing: from a document's text to plain values and back, safely."""

import json
import math
import re
from collections.abc import Iterator
from typing import Any, NoReturn

from ostler.grammar.documents.faults import DocumentFault

LARGEST = 64 * 1024
"""A document's size limit in bytes, the values given at run time included."""
DEEPEST = 48
"""How deep lists and maps may stand in each other."""

_MOST_NODES = 20_000
_INTEGER = re.compile(r"[-+]?(?:0|[1-9][0-9]{0,18})")
_FLOAT = re.compile(r"[-+]?(?:0|[1-9][0-9]*)(?:\.[0-9]+(?:[eE][-+]?[0-9]+)?|[eE][-+]?[0-9]+)")
_LONGEST_FLOAT = 32  # what is longer is a checksum that happens to look like one
_IDENTIFIER = re.compile(r"[A-Za-z0-9_$]*")
_STRUCTURE = re.compile(r'"(?:[^"\\]|\\.)*"?|[\[{]|[\]}]', re.DOTALL)
_WORDS: dict[str, Any] = {
    "": None,
    "~": None,
    **dict.fromkeys(("null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}


def read(content: str, format: str) -> Any:  # noqa: A002 - AWS's word
    """The values in `content`, which is "JSON" or "YAML"; DocumentFault for anything unsound."""
    _check_text(content)
    value = _read_yaml(content) if format == "YAML" else _read_json(content)
    _check_values(value)
    return value


def write(value: Any, format: str) -> str:  # noqa: A002 - AWS's word
    """`value` as text that people read."""
    if format == "YAML":
        return _write_yaml(value)
    return json.dumps(value, indent=2, ensure_ascii=False)


def convert(content: str, source: str, wanted: str) -> str:
    """`content` in the format `wanted`; what is in it already stays as it is, comments too."""
    if source == wanted or "TEXT" in (source, wanted):
        return content
    return write(read(content, source), wanted)


def _check_text(content: str) -> None:
    try:
        size = len(content.encode())
    except UnicodeEncodeError:
        raise DocumentFault("The content is not well-formed Unicode.") from None
    if size > LARGEST:
        raise DocumentFault("The size limit of a document is 64 KB.", "MaxDocumentSizeExceeded")
    if "\0" in content:
        raise DocumentFault("The content holds a NUL character.")


def _check_values(value: Any) -> None:
    """Refuse what cannot be stored or sent on: broken text, numbers out of range."""
    waiting = [value]
    while waiting:
        match waiting.pop():
            case str() as text:
                if "\0" in text or any("\ud800" <= letter <= "\udfff" for letter in text):
                    raise DocumentFault("The content holds text that is not well-formed Unicode.")
            case bool() | None:
                pass
            case int() as number:
                if not -(2**63) <= number < 2**63:
                    raise DocumentFault("The content holds a number out of range.")
            case float() as number:
                if not math.isfinite(number):
                    raise DocumentFault("The content holds a number out of range.")
            case list() as items:
                waiting.extend(items)
            case dict() as members:
                waiting.extend(members)
                waiting.extend(members.values())


# JSON


def _read_json(content: str) -> Any:
    _check_json_depth(content)
    try:
        return json.loads(
            content, object_pairs_hook=_without_duplicates, parse_constant=_refuse_constant
        )
    except json.JSONDecodeError as fault:
        # The column is where a reader stands after the token it could not use, as AWS counts.
        token = _IDENTIFIER.match(content, fault.pos)
        length = len(token.group()) if token else 0
        if fault.pos < len(content):
            length = max(1, length)
        raise DocumentFault(
            f"JSON not well-formed. at Line: {fault.lineno}, Column: {fault.colno + length}"
        ) from None
    except (ValueError, RecursionError):
        raise DocumentFault("The content holds a number out of range.") from None


def _check_json_depth(content: str) -> None:
    depth = 0
    for token in _STRUCTURE.finditer(content):
        if token.group() in "[{":
            depth += 1
            if depth > DEEPEST:
                raise _too_deep()
        elif token.group() in "]}":
            depth -= 1


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) < len(pairs):
        seen: set[str] = set()
        for key, _ in pairs:
            if key in seen:
                raise DocumentFault(f"JSON not well-formed. Duplicate field '{key}'")
            seen.add(key)
    return members


def _refuse_constant(name: str) -> NoReturn:
    raise DocumentFault(f"JSON not well-formed. Unrecognized token '{name}'")


def _too_deep() -> DocumentFault:
    return DocumentFault(f"The content nests deeper than {DEEPEST} levels.")


# YAML


def _read_yaml(content: str) -> Any:
    import yaml  # costs 20 ms: only who reads YAML pays

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        return _Composition().compose(yaml.parse(content, Loader=loader))
    except yaml.MarkedYAMLError as fault:
        mark = fault.problem_mark or fault.context_mark
        raise _broken_yaml(mark) from None
    except (yaml.YAMLError, ValueError, OverflowError, RecursionError):
        raise DocumentFault("YAML not well-formed.") from None


def _broken_yaml(mark: Any, because: str = "") -> DocumentFault:
    where = f" at Line: {mark.line + 1}, Column: {mark.column + 1}" if mark else ""
    return DocumentFault(f"YAML not well-formed.{where}{because}")


class _Composition:
    """Builds values out of YAML's events: without recursion, without objects, within bounds.

    Scalars follow YAML 1.2: only true and false are Booleans, and what looks like a date, an
    octal or a time of day stays the text that was written. An alias repeats its anchor's value;
    all repetitions together count against the limits, so that a bomb is refused before it grows.
    """

    def __init__(self) -> None:
        self._root: Any = None
        self._open: list[tuple[Any, str | None]] = []
        self._key: list[str | None] = []
        self._anchors: dict[str, tuple[Any, int, int]] = {}
        self._nodes = 0
        self._size = 0
        self._marks: list[tuple[int, int]] = []
        self._documents = 0

    def compose(self, events: Iterator[Any]) -> Any:
        for event in events:
            self._take(event)
        return self._root

    def _take(self, event: Any) -> None:
        match type(event).__name__:
            case "DocumentStartEvent":
                self._documents += 1
                if self._documents > 1:
                    raise _broken_yaml(event.start_mark, " One document only.")
            case "ScalarEvent":
                self._scalar(event)
            case "SequenceStartEvent" | "MappingStartEvent":
                self._start(event)
            case "SequenceEndEvent" | "MappingEndEvent":
                self._end(event)
            case "AliasEvent":
                self._alias(event)

    def _scalar(self, event: Any) -> None:
        if self._wants_key():
            self._check_tag(event, "str")
            self._set_key(event, event.value)
            return
        value = _resolved(event)
        self._weigh(event, 1, len(event.value))
        self._put(value)
        if event.anchor:
            self._anchors[event.anchor] = (value, 1, len(event.value))

    def _start(self, event: Any) -> None:
        if self._wants_key():
            raise _broken_yaml(event.start_mark, " A key must be a text.")
        is_map = type(event).__name__ == "MappingStartEvent"
        self._check_tag(event, "map" if is_map else "seq")
        self._weigh(event, 1, 0)
        if len(self._open) >= DEEPEST:
            raise _too_deep()
        self._marks.append((self._nodes, self._size))
        self._open.append(({} if is_map else [], event.anchor))
        self._key.append(None)

    def _end(self, event: Any) -> None:
        value, anchor = self._open.pop()
        self._key.pop()
        nodes, size = self._marks.pop()
        if anchor:
            self._anchors[anchor] = (value, self._nodes - nodes + 1, self._size - size)
        self._put(value)

    def _alias(self, event: Any) -> None:
        if event.anchor not in self._anchors:
            raise _broken_yaml(event.start_mark, f" No such anchor: {event.anchor}")
        value, nodes, size = self._anchors[event.anchor]
        if self._wants_key():
            if not isinstance(value, str):
                raise _broken_yaml(event.start_mark, " A key must be a text.")
            self._set_key(event, value)
            return
        self._weigh(event, nodes, size)
        if len(self._open) + _depth(value) > DEEPEST:
            raise _too_deep()
        self._put(value)

    def _wants_key(self) -> bool:
        return bool(self._open) and isinstance(self._open[-1][0], dict) and self._key[-1] is None

    def _set_key(self, event: Any, key: str) -> None:
        if key in self._open[-1][0]:
            raise _broken_yaml(event.start_mark, f" Duplicate field '{key}'")
        self._weigh(event, 1, len(key))
        self._key[-1] = key

    def _put(self, value: Any) -> None:
        if not self._open:
            self._root = value
            return
        parent = self._open[-1][0]
        if isinstance(parent, dict):
            parent[self._key[-1]] = value
            self._key[-1] = None
        else:
            parent.append(value)

    def _weigh(self, event: Any, nodes: int, size: int) -> None:
        self._nodes += nodes
        self._size += size
        if self._nodes > _MOST_NODES or self._size > LARGEST:
            raise _broken_yaml(event.start_mark, " The content grows too large.")

    @staticmethod
    def _check_tag(event: Any, kind: str) -> None:
        if event.tag not in (None, "!", f"tag:yaml.org,2002:{kind}"):
            raise _broken_yaml(event.start_mark, f" The tag {event.tag} is not allowed.")


def _resolved(event: Any) -> Any:
    """A scalar's value: quoted and tagged as text, it is text; plain, it is what it looks like."""
    if event.tag in ("!", "tag:yaml.org,2002:str"):
        return event.value
    if event.tag is None:
        return resolve(event.value) if event.style in (None, "") else event.value
    kind = event.tag.removeprefix("tag:yaml.org,2002:")
    value = resolve(event.value)
    fits = {"null": value is None, "bool": isinstance(value, bool)}
    fits["int"] = isinstance(value, int) and not isinstance(value, bool)
    fits["float"] = isinstance(value, float)
    if not fits.get(kind, False):
        raise _broken_yaml(event.start_mark, f" The tag {event.tag} is not allowed.")
    return value


def resolve(text: str) -> Any:
    """What a plain YAML scalar means."""
    if text in _WORDS:
        return _WORDS[text]
    if _INTEGER.fullmatch(text):
        return int(text)
    if len(text) <= _LONGEST_FLOAT and _FLOAT.fullmatch(text):
        return float(text)
    return text


def _depth(value: Any) -> int:
    deepest, waiting = 0, [(value, 1)]
    while waiting:
        node, depth = waiting.pop()
        if isinstance(node, list | dict):
            deepest = max(deepest, depth)
            inner = node.values() if isinstance(node, dict) else node
            waiting.extend((item, depth + 1) for item in inner)
    return deepest


def _write_yaml(value: Any) -> str:
    import yaml

    class Dumper(getattr(yaml, "CSafeDumper", yaml.SafeDumper)):  # type: ignore[misc]
        def ignore_aliases(self, data: Any) -> bool:
            return True

    def represent_text(dumper: Any, text: str) -> Any:
        style = None
        if "\n" in text:
            style = "|"
        elif not isinstance(resolve(text), str):
            style = "'"
        return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)

    Dumper.add_representer(str, represent_text)
    written: str = yaml.dump(
        value, Dumper=Dumper, sort_keys=False, allow_unicode=True, default_flow_style=False
    )
    return written
