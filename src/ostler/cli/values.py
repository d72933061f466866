"""Values by name in files: dotenv, JSON and YAML, nested or flat.

However a file nests them, here the names are flat, their levels parted by slashes; a list is a
text with commas. What a file calls a number or true is a text as well, spelt as it is there.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

FORMS = ("dotenv", "json", "yaml")
LEVEL = "__"
"""What parts the levels of a name in dotenv, where a slash cannot stand."""

_SUFFIXES = {".json": "json", ".yaml": "yaml", ".yml": "yaml"}
_ASSIGNMENT = re.compile(
    r"""\s*(?:export\s+)?(?P<name>[\w.-]+)\s*=[ \t]*
    (?:'(?P<literal>[^']*)'|"(?P<quoted>(?:[^"\\]|\\.)*)"|(?P<plain>(?!['"])[^\r\n]*?))
    [ \t]*(?:(?<=[ \t])\#[^\n]*|(?<=['"])\#[^\n]*)?(?:\r?\n|\Z)""",
    re.VERBOSE | re.DOTALL,
)
_IDLE = re.compile(r"[ \t]*(?:#[^\n]*)?\r?\n|[ \t]*(?:#[^\n]*)?\Z")
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t"}
_PLAIN = re.compile(r"[\w./:@%+,=-]*")


class Unreadable(Exception):
    """The file is not what its form says, or names what no parameter can hold."""


@dataclass(frozen=True, slots=True)
class Values:
    """Texts by flat names, in the file's order; `lists` are those that the file has as lists."""

    texts: Mapping[str, str] = field(repr=False)
    lists: frozenset[str] = frozenset()


def form_of(path: Path, given: str | None) -> str:
    """The form that was asked for, or else the one that the file's name tells."""
    return given or _SUFFIXES.get(path.suffix.lower(), "dotenv")


def read(text: str, form: str) -> Values:
    """The values in a text, in its order."""
    if form == "dotenv":
        return Values(dict(_assignments(text)))
    try:
        found = _READERS[form](text)
    except (ValueError, yaml.YAMLError) as fault:
        raise Unreadable(f"This is no {form}: {fault}") from fault
    if not isinstance(found, dict):
        raise Unreadable("Values have names: the file has to hold a mapping.")
    leaves = list(_flat(found, ""))
    lists = frozenset(name for name, leaf in leaves if isinstance(leaf, list))
    joined = {name: ",".join(leaf) if isinstance(leaf, list) else leaf for name, leaf in leaves}
    return Values(joined, lists)


def write(values: Values, form: str) -> str:
    """The values as a file; dotenv has no lists, so that they are texts with commas there."""
    texts = values.texts
    if form == "dotenv":
        return "".join(f"{_dotenv_name(name)}={_quoted(text)}\n" for name, text in texts.items())
    tree: dict[str, Any] = {}
    for name, text in texts.items():
        _plant(tree, name, text.split(",") if name in values.lists else text)
    if form == "json":
        return json.dumps(tree, indent=2, ensure_ascii=False) + "\n"
    return str(yaml.safe_dump(tree, allow_unicode=True, sort_keys=False))


def _assignments(text: str) -> Iterator[tuple[str, str]]:
    position = 0
    while position < len(text):
        if (idle := _IDLE.match(text, position)) is not None and idle.end() > position:
            position = idle.end()
            continue
        found = _ASSIGNMENT.match(text, position)
        if found is None:
            line = text.count("\n", 0, position) + 1
            raise Unreadable(f"Line {line} is not NAME=value.")
        position = found.end()
        value = found["literal"]
        if value is None and found["quoted"] is not None:
            value = re.sub(r"\\(.)", _unescaped, found["quoted"], flags=re.DOTALL)
        yield found["name"].replace(LEVEL, "/"), found["plain"] if value is None else value


def _unescaped(found: re.Match[str]) -> str:
    return _ESCAPES.get(found[1], found[1])


def _dotenv_name(name: str) -> str:
    if LEVEL in name:
        raise Unreadable(f"{name} has {LEVEL} in it, which dotenv would read back as a slash.")
    return name.replace("/", LEVEL)


def _quoted(value: str) -> str:
    if _PLAIN.fullmatch(value):
        return value
    if "'" not in value and "\n" not in value and "\r" not in value:
        return f"'{value}'"
    escaped = re.sub(r'["\\$]', lambda found: f"\\{found[0]}", value)
    return '"' + escaped.replace("\n", "\\n").replace("\r", "\\r") + '"'


def _json(text: str) -> Any:
    return json.loads(text, parse_int=str, parse_float=str, parse_constant=str)


def _yaml(text: str) -> Any:
    return yaml.load(text, Loader=yaml.BaseLoader)  # noqa: S506 - it makes texts and no objects


_READERS: Mapping[str, Callable[[str], Any]] = {"json": _json, "yaml": _yaml}


def _flat(found: Mapping[Any, Any], above: str) -> Iterator[tuple[str, str | list[str]]]:
    for key, value in found.items():
        name = f"{above}{str(key).strip('/')}"
        match value:
            case dict():
                yield from _flat(value, f"{name}/")
            case list():
                yield name, [_leaf(name, item) for item in value]
            case _:
                yield name, _leaf(name, value)


def _leaf(name: str, value: Any) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case str():
            return value
    raise Unreadable(f"{name} has no value that is a text, a number, true, false or a list.")


def _plant(tree: dict[str, Any], name: str, value: Any) -> None:
    *levels, last = name.split("/")
    for level in levels:
        below = tree.setdefault(level, {})
        if not isinstance(below, dict):
            raise Unreadable(f"{name} stands below a name that has a value itself; use dotenv.")
        tree = below
    if last in tree:
        raise Unreadable(f"{name} has a value and names below it; use dotenv.")
    tree[last] = value
