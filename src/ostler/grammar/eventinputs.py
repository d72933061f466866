"""Event inputs: what of an event a target is given, by a path into it or a template around it."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

MOST_VARIABLES = 100

_STEP = re.compile(
    r"\.(?P<name>[^.\[\]\s'\"*]+)|\[(?P<index>[0-9]{1,9})\]|\['(?P<quoted>[^']+)'\]"
    r'|\["(?P<doubly>[^"]+)"\]|(?P<every>\[\*\])'
)
_VARIABLE = re.compile(r"<([A-Za-z0-9_.-]+)>")
_MISSING = object()


class InputFault(Exception):
    """A path or a template that cannot be used; the message says why."""


@dataclass(frozen=True, slots=True)
class Path:
    """A way into an event: names of members, numbers of items, None for every item."""

    steps: tuple[str | int | None, ...]

    def find(self, event: Any) -> Any:
        """What is there; None where nothing is."""
        found = _walk(event, self.steps)
        return None if found is _MISSING else found


def read_path(text: str) -> Path:
    """Read `$.detail.items[0]['a b']`; InputFault where it is no such path."""
    if not text.startswith("$"):
        raise InputFault(f"{text} does not begin with $")
    steps: list[str | int | None] = []
    at = 1
    while at < len(text):
        step = _STEP.match(text, at)
        if step is None:
            raise InputFault(f"{text} is no path from its character {at + 1} on")
        at = step.end()
        if step["every"]:
            steps.append(None)
        elif step["index"]:
            steps.append(int(step["index"]))
        else:
            steps.append(step["name"] or step["quoted"] or step["doubly"])
    return Path(tuple(steps))


def _walk(node: Any, steps: Sequence[str | int | None]) -> Any:
    for at, step in enumerate(steps):
        match node:
            case dict() if isinstance(step, str) and step in node:
                node = node[step]
            case list() if isinstance(step, int) and step < len(node):
                node = node[step]
            case list() if step is None:
                found = [_walk(each, steps[at + 1 :]) for each in node]
                return [each for each in found if each is not _MISSING]
            case _:
                return _MISSING
    return node


@dataclass(frozen=True, slots=True)
class Template:
    """A text with `<name>` in it, and where in an event the names lead.

    In a template that is JSON, a name within quotes becomes text, another one becomes JSON. In
    any other text it is put in as it is. A name that leads nowhere becomes an empty text.
    """

    paths: Mapping[str, Path]
    text: str

    def fill(self, event: Any, known: Mapping[str, Any]) -> str:
        """The text with everything put in; `known` are further names, as `aws.events.rule-name`."""
        is_json = self.text.lstrip()[:1] in ('"', "{", "[")
        parts: list[str] = []
        at, quoted = 0, False
        for variable in _VARIABLE.finditer(self.text):
            before = self.text[at : variable.start()]
            quoted ^= _quotes(before) % 2 == 1
            parts.append(before)
            parts.append(self._written(variable[1], event, known, is_json, quoted))
            at = variable.end()
        return "".join([*parts, self.text[at:]])

    def _written(
        self, name: str, event: Any, known: Mapping[str, Any], is_json: bool, quoted: bool
    ) -> str:
        value = self.paths[name].find(event) if name in self.paths else known.get(name)
        if value is None:
            value = ""
        if is_json and not quoted:
            return msgspec.json.encode(value).decode()
        text = value if isinstance(value, str) else msgspec.json.encode(value).decode()
        return msgspec.json.encode(text).decode()[1:-1] if is_json else text


def read_template(paths: Mapping[str, str], text: str, known: Sequence[str] = ()) -> Template:
    """Read a template; InputFault where a path is none or a name in it leads nowhere at all."""
    if len(paths) > MOST_VARIABLES:
        raise InputFault(f"There are more than {MOST_VARIABLES} names in InputPathsMap")
    for name in paths:
        if name.lower().startswith("aws"):
            raise InputFault(f"The name {name} is reserved: it begins with AWS")
    for name in _VARIABLE.findall(text):
        if name not in paths and name not in known:
            raise InputFault(f"InputTemplate uses <{name}>, which is not in InputPathsMap")
    return Template({name: read_path(path) for name, path in paths.items()}, text)


def _quotes(text: str) -> int:
    """How many of the double quotes in it are not escaped."""
    return len(re.findall(r'(?<!\\)(?:\\\\)*"', text))
