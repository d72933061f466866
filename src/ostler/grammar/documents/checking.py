"""Checking: whether a document can work at all, before anyone runs it."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from ostler.grammar.documents.faults import DocumentFault, ParameterFault, at
from ostler.grammar.documents.interpolation import (
    references,
    stored_references,
    whole_reference,
)
from ostler.grammar.documents.model import ABSENT, Document, Parameter, Step
from ostler.grammar.documents.parameters import check_value
from ostler.grammar.documents.patterns import Effort, PatternFault, compile_pattern
from ostler.grammar.documents.plugins import PLUGINS
from ostler.grammar.documents.preconditions import PLATFORMS, platforms_of

_TOP = {"schemaVersion", "description", "parameters"}
_DECLARATION = {
    *("type", "description", "default", "allowedValues", "allowedPattern", "displayType"),
    *("minItems", "maxItems", "minChars", "maxChars", "interpolationType"),
}
_MOST_STEPS = 100
_NAME = re.compile(r"[A-Za-z0-9]+")
# A step's name becomes part of paths on nodes and of keys in buckets.
_STEP_NAME = re.compile(r"(?!\.+$)[A-Za-z0-9_.: -]{1,128}")


def check_command(document: Document) -> None:
    """DocumentFault unless `document` is sound as a document of type Command."""
    _check_members(document)
    check_declarations(document.raw, document.parameters)
    _check_step_names(document)
    for index, step in enumerate(document.steps):
        _check_step(document, step, _path(document, index))


def platform_types(document: Document) -> list[str]:
    """The platforms on which at least one step can run."""
    found = {
        platform
        for step in document.steps
        for platform in PLUGINS[step.action].platforms
        if platform in platforms_of(step)
    }
    return [platform for platform in PLATFORMS if platform in found]


def check_declarations(raw: Mapping[str, Any], parameters: Mapping[str, Parameter]) -> None:
    """DocumentFault unless every declared parameter can be given and used."""
    for name, declaration in (raw.get("parameters") or {}).items():
        if unknown := sorted(set(declaration) - _DECLARATION):
            raise not_allowed(f"/parameters/{name}", unknown)
    effort = Effort()
    for parameter in parameters.values():
        _check_parameter(parameter, effort)


def not_allowed(path: str, members: list[str]) -> DocumentFault:
    """The fault of having members that the schema does not know."""
    named = ",".join(f'"{member}"' for member in members)
    return at(
        path, f"object instance has properties which are not allowed by the schema: [{named}]"
    )


def _check_members(document: Document) -> None:
    body = {"runtimeConfig"} if _is_old(document) else {"mainSteps", "files"}
    if unknown := sorted(set(document.raw) - _TOP - body):
        raise not_allowed("", unknown)


def _check_parameter(parameter: Parameter, effort: Effort) -> None:
    path = f"/parameters/{parameter.name}"
    if not _NAME.fullmatch(parameter.name):
        raise at(path, "a parameter's name is made of letters and digits")
    if parameter.display_type not in (None, "textfield", "textarea"):
        raise at(f"{path}/displayType", "displayType must be textfield or textarea")
    if parameter.allowed_pattern:
        try:
            compile_pattern(parameter.allowed_pattern, effort)
        except PatternFault as fault:
            raise at(f"{path}/allowedPattern", f"the pattern is not valid: {fault}") from None
    _check_default(parameter, path, effort)


def _check_default(parameter: Parameter, path: str, effort: Effort) -> None:
    default = parameter.default
    if default is ABSENT or stored_references(default):
        return
    # AWS's own documents say `default: ""` beside a pattern that no empty text matches, for lists
    # and maps too: an empty default means that nothing was given.
    if default in ("", [], {}):
        return
    try:
        check_value(parameter, default, effort)
    except ParameterFault as fault:
        raise at(f"{path}/default", f"the default value is not valid: {fault.message}") from None


def _check_step_names(document: Document) -> None:
    if len(document.steps) > _MOST_STEPS:
        raise at("/mainSteps", f"a document has at most {_MOST_STEPS} steps")
    seen: set[str] = set()
    for index, step in enumerate(document.steps):
        path = _path(document, index)
        if not _STEP_NAME.fullmatch(step.name):
            raise at(f"{path}/name", f"{step.name!r} is not a step's name")
        if step.name in seen:
            raise at(f"{path}/name", f"the step name {step.name} is used twice")
        seen.add(step.name)


def _check_step(document: Document, step: Step, path: str) -> None:
    if step.action not in PLUGINS:
        raise at(f"{path}/action", f"{step.action} is not a plugin of command documents")
    _check_precondition(document, step, path)
    for name in references([step.inputs, step.settings, list(step.precondition.values())]):
        if name not in document.parameters:
            raise DocumentFault(f'Parameter "{name}" is not declared.')
    sets = list(_input_sets(document, step, path))
    for inputs in sets:
        _check_required(step, inputs, path)
        _check_kinds(document, step, inputs, path)
        _check_flow(inputs, path)


def _check_precondition(document: Document, step: Step, path: str) -> None:
    if step.precondition and not document.has_preconditions:
        raise at(f"{path}/precondition", "preconditions need schema version 2.2")
    for operator, operands in step.precondition.items():
        where = f"{path}/precondition/{operator}"
        if operator != "StringEquals":
            raise at(where, f"{operator} is not an operator of preconditions: StringEquals")
        if len(operands) != 2 or operands[0] == operands[1]:
            raise at(where, "StringEquals compares exactly 2 different arguments")
        if stored_references(list(operands)):
            raise at(where, "a precondition cannot refer to Parameter Store")
        if "platformType" in operands:
            platform = operands[1 if operands[0] == "platformType" else 0]
            if platform.lower() not in {known.lower() for known in PLATFORMS}:
                raise at(where, f"{platform} is not a platform: {', '.join(PLATFORMS)}")
        elif not references(list(operands)):
            raise at(where, "a precondition compares platformType or a parameter")


def _input_sets(document: Document, step: Step, path: str) -> Iterator[Mapping[str, Any]]:
    """A step's inputs; in schema 1.x a plugin may have several sets of properties."""
    inputs = step.inputs
    if whole_reference(inputs) or inputs is None:
        return
    sets = inputs if _is_old(document) and isinstance(inputs, list) else [inputs]
    for one in sets:
        if not isinstance(one, dict):
            raise at(f"{path}/inputs", "inputs must be an object")
        yield one


def _check_required(step: Step, inputs: Mapping[str, Any], path: str) -> None:
    # Old examples of AWS's write `commands`; agents ignore it, AWS accepts it.
    if "commands" in inputs:
        return
    missing = [name for name in PLUGINS[step.action].required if name not in inputs]
    if missing:
        named = ",".join(f'"{name}"' for name in missing)
        raise at(f"{path}/inputs", f"object has missing required properties ([{named}])")


def _check_kinds(document: Document, step: Step, inputs: Mapping[str, Any], path: str) -> None:
    for name, kinds in PLUGINS[step.action].kinds.items():
        value = inputs.get(name)
        for item in value if isinstance(value, list) else [value]:
            parameter = document.parameters.get(whole_reference(item) or "")
            if parameter is not None and parameter.kind not in kinds:
                raise at(
                    f"{path}/inputs/{name}",
                    f"the parameter {parameter.name} is of type {parameter.kind}, "
                    f"which {name} does not take",
                )


def _check_flow(inputs: Mapping[str, Any], path: str) -> None:
    for member, allowed in (("onFailure", ("exit", "successAndExit")), ("onSuccess", ("exit",))):
        value = inputs.get(member)
        if value is not None and value not in allowed and not references(value):
            raise at(f"{path}/inputs/{member}", f"{member} must be {' or '.join(allowed)}")


def _path(document: Document, index: int) -> str:
    if _is_old(document):
        return f"/runtimeConfig/{document.steps[index].name}"
    return f"/mainSteps/{index}"


def _is_old(document: Document) -> bool:
    return document.schema_version.startswith("1.")
