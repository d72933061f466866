"""The model: what a command document is made of, built from its plain values."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from ostler.grammar.documents.faults import DocumentFault, at

COMMAND_SCHEMAS = ("1.0", "1.2", "2.0", "2.0.1", "2.0.2", "2.0.3", "2.2")
"""The schema versions that agents execute."""


class Kind(StrEnum):
    """A parameter's type."""

    STRING = "String"
    STRING_LIST = "StringList"
    BOOLEAN = "Boolean"
    INTEGER = "Integer"
    MAP_LIST = "MapList"
    STRING_MAP = "StringMap"


class _Absent:
    def __repr__(self) -> str:
        return "ABSENT"


ABSENT = _Absent()
"""No default: the parameter is required. (A default may be null or empty.)"""


@dataclass(frozen=True, slots=True)
class Parameter:
    """One declared parameter."""

    name: str
    kind: Kind
    description: str | None = None
    default: Any = ABSENT
    allowed_values: Sequence[str] = ()
    allowed_pattern: str = ""
    min_items: int | None = None
    max_items: int | None = None
    min_chars: int | None = None
    max_chars: int | None = None
    display_type: str | None = None
    by_environment: bool = False
    """Given to scripts as the variable SSM_<name>, never as part of their text."""

    @property
    def required(self) -> bool:
        return self.default is ABSENT


@dataclass(frozen=True, slots=True)
class Step:
    """One plugin's turn. In schema 1.x its name is the plugin's and its inputs its properties."""

    name: str
    action: str
    inputs: Any
    settings: Any = None
    precondition: Mapping[str, Sequence[str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Document:
    """A command document, understood; `raw` are the values it was built from."""

    schema_version: str
    description: str
    parameters: Mapping[str, Parameter]
    steps: Sequence[Step]
    raw: Mapping[str, Any]

    @property
    def has_preconditions(self) -> bool:
        """Whether steps may have preconditions, and unfit ones are skipped instead of failed."""
        return self.schema_version == "2.2"


def document_of(raw: Any) -> Document:
    """The document whose values are `raw`; DocumentFault where its shape is wrong.

    As tolerant as agents are: members they do not know are left alone (see `check_command`).
    """
    if not isinstance(raw, dict):
        raise at("", "a document must be an object")
    version = schema_version(raw)
    if version not in COMMAND_SCHEMAS:
        raise DocumentFault(
            f"Schema version {version} is not supported for a document of type Command.",
            "InvalidDocumentSchemaVersion",
        )
    parameters = parameters_of(raw)
    steps = _plugins(raw) if version.startswith("1.") else _main_steps(raw)
    return Document(version, _text(raw, "description", ""), parameters, steps, raw)


def parameters_of(raw: Mapping[str, Any]) -> dict[str, Parameter]:
    """The parameters that a document's values declare."""
    declared = _map(raw, "parameters", "", default={})
    return {name: _parameter(name, given) for name, given in declared.items()}


def schema_version(raw: Mapping[str, Any]) -> str:
    """The schema version as text; an unquoted 2.2 is meant as "2.2"."""
    version = raw.get("schemaVersion")
    if version is None:
        raise at("", 'object has missing required properties (["schemaVersion"])')
    if isinstance(version, str | float):
        return str(version)
    raise at("/schemaVersion", "schemaVersion must be a string")


def as_json(document: Document) -> str:
    """The document as agents read it: JSON, with the types that their structures demand."""
    return json.dumps(for_agents(document), ensure_ascii=False, separators=(",", ":"))


def for_agents(document: Document) -> dict[str, Any]:
    """The document's values as agents read them."""
    content = {**document.raw, "schemaVersion": document.schema_version}
    if isinstance(content.get("parameters"), dict):
        content["parameters"] = {
            name: _for_agents(document.parameters[name], given)
            for name, given in content["parameters"].items()
        }
    return content


def _for_agents(parameter: Parameter, given: Mapping[str, Any]) -> dict[str, Any]:
    # The stock agent reads allowedValues as a list of strings; people write true and 1.
    content = dict(given)
    if parameter.allowed_values:
        content["allowedValues"] = list(parameter.allowed_values)
    return content


def _parameter(name: str, given: Any) -> Parameter:
    path = f"/parameters/{name}"
    if not isinstance(given, dict):
        raise at(path, "a parameter must be an object")
    kind = given.get("type")
    if kind is None:
        raise at(path, 'object has missing required properties (["type"])')
    if kind not in list(Kind):
        raise at(f"{path}/type", f"{kind} is not a parameter type: {', '.join(Kind)}")
    interpolation = _text(given, "interpolationType", path)
    if interpolation not in ("", "ENV_VAR"):
        raise at(f"{path}/interpolationType", "interpolationType must be ENV_VAR")
    return Parameter(
        name=name,
        kind=Kind(kind),
        description=_text(given, "description", path) if "description" in given else None,
        default=given.get("default", ABSENT),
        allowed_values=_allowed_values(given, path),
        allowed_pattern=_text(given, "allowedPattern", path),
        min_items=_count(given, "minItems", path),
        max_items=_count(given, "maxItems", path),
        min_chars=_count(given, "minChars", path),
        max_chars=_count(given, "maxChars", path),
        display_type=_text(given, "displayType", path) or None,
        by_environment=interpolation == "ENV_VAR",
    )


def _allowed_values(given: Mapping[str, Any], path: str) -> tuple[str, ...]:
    allowed = given.get("allowedValues")
    if allowed is None:
        return ()
    if not isinstance(allowed, list):
        raise at(f"{path}/allowedValues", "allowedValues must be a list")
    return tuple(value if isinstance(value, str) else text_of(value) for value in allowed)


def text_of(value: Any) -> str:
    """A value inside a text: a string as it is, anything else as JSON."""
    if isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _count(given: Mapping[str, Any], member: str, path: str) -> int | None:
    value = given.get(member)
    if value is None:
        return None
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 10:
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 2**31:
        raise at(f"{path}/{member}", f"{member} must be a whole number")
    return value


def _plugins(raw: Mapping[str, Any]) -> tuple[Step, ...]:
    plugins = _map(raw, "runtimeConfig", "")
    if not plugins:
        raise at("/runtimeConfig", "runtimeConfig must name a plugin")
    steps = []
    for action, given in plugins.items():
        path = f"/runtimeConfig/{action}"
        if not isinstance(given, dict):
            raise at(path, "a plugin must be an object")
        steps.append(Step(action, action, given.get("properties"), given.get("settings")))
    return tuple(steps)


def _main_steps(raw: Mapping[str, Any]) -> tuple[Step, ...]:
    given = raw.get("mainSteps")
    if given is None:
        raise at("", 'object has missing required properties (["mainSteps"])')
    if not isinstance(given, list) or not given:
        raise at("/mainSteps", "mainSteps must be a list of one step or more")
    return tuple(_step(step, f"/mainSteps/{index}") for index, step in enumerate(given))


def _step(given: Any, path: str) -> Step:
    if not isinstance(given, dict):
        raise at(path, "a step must be an object")
    for member in ("action", "name"):
        if not _text(given, member, path):
            raise at(path, f'object has missing required properties (["{member}"])')
    return Step(
        name=given["name"],
        action=given["action"],
        inputs=given.get("inputs"),
        settings=given.get("settings"),
        precondition=_precondition(given, path),
    )


def _precondition(given: Mapping[str, Any], path: str) -> Mapping[str, Sequence[str]]:
    operators = _map(given, "precondition", path, default={})
    for operator, operands in operators.items():
        if not isinstance(operands, list) or not all(isinstance(text, str) for text in operands):
            raise at(f"{path}/precondition/{operator}", "operands must be a list of strings")
    return {operator: tuple(operands) for operator, operands in operators.items()}


def _map(
    raw: Mapping[str, Any], member: str, path: str, *, default: dict[str, Any] | None = None
) -> dict[str, Any]:
    value = raw.get(member)
    if value is None:
        if default is None:
            raise at(path, f'object has missing required properties (["{member}"])')
        return default
    if not isinstance(value, dict):
        raise at(f"{path}/{member}", f"{member} must be an object")
    return value


def _text(given: Mapping[str, Any], member: str, path: str) -> str:
    value = given.get(member)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise at(f"{path}/{member}", f"{member} must be a string")
    return value
