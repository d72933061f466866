"""Interpolation: placing parameters' values where `{{ name }}` stands, as agents do it."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ostler.grammar.documents.model import Document, Step, text_of

# The agents' patterns are Go's: \s there is these five, and names are letters and digits.
_SPACE = r"[ \t\n\f\r]*"
_PLACEHOLDER = re.compile(rf"\{{\{{{_SPACE}([A-Za-z0-9]+){_SPACE}\}}\}}")
_REFERENCE = re.compile(rf"\{{\{{{_SPACE}([A-Za-z0-9_]+){_SPACE}\}}\}}")
_STORED = re.compile(r"\{\{\s*(ssm|ssm-secure):([A-Za-z0-9_/.:-]+)\s*\}\}")

_SCRIPTS = {
    "aws:runShellScript": "${{SSM_{}}}",
    "aws:runPowerShellScript": "${{env:SSM_{}}}",
}


@dataclass(frozen=True, slots=True)
class StoredReference:
    """A `{{ssm:name}}` or `{{ssm:name:version}}`: a value that Parameter Store keeps."""

    name: str
    secure: bool = False


def interpolate(value: Any, values: Mapping[str, Any]) -> Any:
    """`value` with every placeholder of a name in `values` replaced, in one pass.

    A text that is one placeholder and nothing else becomes the value with its type; inside a
    longer text it becomes text, JSON for what is not a string. What a value brings with it is
    not looked at again. Keys of maps stay as they are.
    """
    return _each_text(value, lambda text: _placed(text, values))


def inputs_of(step: Step, values: Mapping[str, Any], document: Document) -> Any:
    """The step's inputs as its plugin gets them.

    Inside scripts, a parameter with `interpolationType: ENV_VAR` is replaced by a reference to
    its environment variable (see `environment_of`), so that its value cannot become code.
    """
    reference = _SCRIPTS.get(step.action)
    if reference is None:
        return interpolate(step.inputs, values)
    in_scripts = {
        name: reference.format(name) if _by_environment(document, name) else value
        for name, value in values.items()
    }

    def placed(inputs: Any) -> Any:
        match inputs:
            case list():
                return [placed(item) for item in inputs]
            case dict():
                return {
                    key: interpolate(item, in_scripts if key == "runCommand" else values)
                    for key, item in inputs.items()
                }
            case _:
                return interpolate(inputs, values)

    return placed(step.inputs)


def environment_of(values: Mapping[str, Any], document: Document) -> dict[str, str]:
    """The environment variables that bring ENV_VAR parameters to scripts."""
    return {
        f"SSM_{name}": text_of(value)
        for name, value in values.items()
        if _by_environment(document, name)
    }


def references(value: Any) -> list[str]:
    """The names of the parameters that `value` refers to, in order, each once."""
    found = (name for text in _texts(value) for name in _REFERENCE.findall(text))
    return list(dict.fromkeys(found))


def stored_references(value: Any) -> list[StoredReference]:
    """What `value` asks of Parameter Store, in order, each once."""
    found = (
        StoredReference(name, kind == "ssm-secure")
        for text in _texts(value)
        for kind, name in _STORED.findall(text)
    )
    return list(dict.fromkeys(found))


def with_stored(value: Any, found: Mapping[str, str]) -> Any:
    """`value` with every `{{ssm:name}}` of a name in `found` replaced by what is kept there."""

    def replaced(match: re.Match[str]) -> str:
        kind, name = match.groups()
        return found.get(name, match.group()) if kind == "ssm" else match.group()

    return _each_text(value, lambda text: _STORED.sub(replaced, text))


def whole_reference(value: Any) -> str | None:
    """The parameter that `value` as a whole stands for."""
    match = _PLACEHOLDER.fullmatch(value) if isinstance(value, str) else None
    return match.group(1) if match else None


def _by_environment(document: Document, name: str) -> bool:
    return name in document.parameters and document.parameters[name].by_environment


def _placed(text: str, values: Mapping[str, Any]) -> Any:
    name = whole_reference(text)
    if name is not None and name in values:
        return values[name]

    def replaced(match: re.Match[str]) -> str:
        if match.group(1) not in values:
            return match.group()
        # Values once had to write $$ for $ (agent/framework/docparser/parameters).
        return text_of(values[match.group(1)]).replace("$$", "$")

    return _PLACEHOLDER.sub(replaced, text)


def _each_text(value: Any, change: Callable[[str], Any]) -> Any:
    match value:
        case str():
            return change(value)
        case list() | tuple():
            return [_each_text(item, change) for item in value]
        case dict():
            return {key: _each_text(item, change) for key, item in value.items()}
        case _:
            return value


def _texts(value: Any) -> Iterator[str]:
    match value:
        case str():
            yield value
        case list() | tuple():
            for item in value:
                yield from _texts(item)
        case dict():
            for item in value.values():
                yield from _texts(item)
