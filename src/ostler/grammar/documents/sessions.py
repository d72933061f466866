"""Session documents: what kind of session they open, schema 1.0."""

from collections.abc import Mapping
from typing import Any

from ostler.grammar.documents.checking import check_declarations, not_allowed
from ostler.grammar.documents.faults import DocumentFault, at
from ostler.grammar.documents.interpolation import references
from ostler.grammar.documents.model import Parameter, parameters_of, schema_version

SESSION_TYPES = ("Standard_Stream", "InteractiveCommands", "NonInteractiveCommands", "Port")

_MEMBERS = {"schemaVersion", "description", "sessionType", "inputs", "parameters", "properties"}
_TEXTS = {"s3BucketName", "s3KeyPrefix", "cloudWatchLogGroupName", "kmsKeyId", "runAsDefaultUser"}
_SWITCHES = {
    "s3EncryptionEnabled",
    "cloudWatchEncryptionEnabled",
    "cloudWatchStreamingEnabled",
    "runAsEnabled",
}
_MINUTES = {"idleSessionTimeout": 60, "maxSessionDuration": 1440}
_COMMANDS = ("linux", "macos", "windows")


def check_session(raw: Any) -> Mapping[str, Parameter]:
    """The parameters of the document in `raw`; DocumentFault unless a session can use it."""
    if not isinstance(raw, dict):
        raise at("", "a document must be an object")
    version = schema_version(raw)
    if version != "1.0":
        raise DocumentFault(
            f"Schema version {version} is not supported for a document of type Session.",
            "InvalidDocumentSchemaVersion",
        )
    if unknown := sorted(set(raw) - _MEMBERS):
        raise not_allowed("", unknown)
    kind = raw.get("sessionType")
    if kind is None:
        raise at("", 'object has missing required properties (["sessionType"])')
    if kind not in SESSION_TYPES:
        raise at("/sessionType", f"sessionType must be one of {', '.join(SESSION_TYPES)}")
    parameters = parameters_of(raw)
    check_declarations(raw, parameters)
    _check_inputs(_object(raw, "inputs"))
    _check_properties(kind, _object(raw, "properties"))
    for name in references([raw.get("inputs"), raw.get("properties")]):
        if name not in parameters:
            raise DocumentFault(f'Parameter "{name}" is not declared.')
    return parameters


def _check_inputs(inputs: Mapping[str, Any]) -> None:
    known = _TEXTS | _SWITCHES | set(_MINUTES) | {"shellProfile"}
    if unknown := sorted(set(inputs) - known):
        raise not_allowed("/inputs", unknown)
    for name, value in inputs.items():
        path = f"/inputs/{name}"
        if name in _TEXTS and not isinstance(value, str):
            raise at(path, f"{name} must be a string")
        if name in _SWITCHES and not (isinstance(value, bool) or _is_switch(value)):
            raise at(path, f"{name} must be true or false")
        if name in _MINUTES and not _is_minutes(value, _MINUTES[name]):
            raise at(path, f"{name} must be a number of minutes from 1 to {_MINUTES[name]}")
        if name == "shellProfile" and not _is_profile(value):
            raise at(path, "shellProfile must give a string for each platform")


def _is_switch(value: Any) -> bool:
    return isinstance(value, str) and (value in ("", "true", "false") or bool(references(value)))


def _is_minutes(value: Any, most: int) -> bool:
    if isinstance(value, str):
        if not value or references(value):
            return True
        if not (value.isascii() and value.isdigit() and len(value) < 6):
            return False
        value = int(value)
    return isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= most


def _is_profile(value: Any) -> bool:
    return isinstance(value, dict) and all(isinstance(text, str) for text in value.values())


def _check_properties(kind: str, properties: Mapping[str, Any]) -> None:
    if kind == "Port" and "portNumber" not in properties:
        raise at("/properties", 'object has missing required properties (["portNumber"])')
    if not kind.endswith("Commands"):
        return
    given = [properties[platform] for platform in _COMMANDS if platform in properties]
    if not given:
        raise at("/properties", f"properties must name a platform: {', '.join(_COMMANDS)}")
    for platform in given:
        if not isinstance(platform, dict) or not isinstance(platform.get("commands"), str):
            raise at("/properties", "a platform must have a string of commands")


def _object(raw: Mapping[str, Any], member: str) -> Mapping[str, Any]:
    value = raw.get(member)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise at(f"/{member}", f"{member} must be an object")
    return value
