"""Data types: what a value has to be, beside a text."""

import base64
import binascii
import ipaddress
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import msgspec

from ostler.capabilities.parameters.model.kinds import Kind, items
from ostler.foundation.errors import ValidationException

TEXT = "text"
IMAGE = "aws:ec2:image"
INTEGRATION = "aws:ssm:integration"
INTEGRATIONS = "d9d01087-4a3f-49e0-b0b4-d568d7826553/ssm/integrations/"
"""Keys under this are the namespace of integrations."""

_IMAGE = re.compile(r"ami-(?:[0-9a-f]{8}|[0-9a-f]{17})")
_INTEGRATION_MEMBERS = frozenset({"description", "headers", "payload", "url"})
_REGION = re.compile(r"[a-z]{2,}(?:-[a-z]+)+-\d{1,2}", re.ASCII)
_ACCOUNT = re.compile(r"\d{12}", re.ASCII)
_INTEGER = re.compile(r"[+-]?\d+", re.ASCII)
_FLOAT = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?", re.ASCII)
_LABEL = r"[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?"
_HOSTNAME = re.compile(rf"(?=.{{1,253}}\Z){_LABEL}(?:\.{_LABEL})*")
_MAILBOX = re.compile(r"[a-zA-Z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[a-zA-Z0-9!#$%&'*+/=?^_`{|}~-]+)*")
# Strings, so that nothing inside of them is a comment, and comments. What is not closed reaches
# to the end, so that no part of the text is looked at twice.
_COMMENTS = re.compile(r'"(?:[^"\\]|\\.)*(?:"|\\?\Z)|//[^\n]*|/\*.*?(?:\*/|\Z)', re.DOTALL)

_EVERY = frozenset(Kind)
_SINGLE = frozenset({Kind.STRING, Kind.SECURE})


@dataclass(frozen=True, slots=True)
class DataType:
    """A name for values, the types of parameters that may have it, and the test of a value."""

    holds: Callable[[str], bool]
    kinds: frozenset[Kind] = _EVERY
    advanced: bool = False


def data_type(name: str) -> DataType:
    """The data type of that name; ValidationException when there is none."""
    found = _TYPES.get(name)
    if found is None:
        raise ValidationException(
            f"The following data type is not supported: {name} (Data type names are all lowercase.)"
        )
    return found


def check_value(name: str, kind: Kind, key: str, value: str) -> None:
    """Refuse a value that is none of the type; images are looked at later, as AWS does."""
    known = data_type(name)
    if kind not in known.kinds:
        raise ValidationException(
            f"The {name} data type is not supported for the following input type: {kind}"
        )
    if name == INTEGRATION and not key.startswith(INTEGRATIONS):
        raise ValidationException(
            f"The names of parameters of the {name} data type begin with /{INTEGRATIONS}."
        )
    if name != IMAGE and not all(known.holds(item) for item in items(kind, value)):
        raise ValidationException(f"The parameter value is not valid for the data type {name}.")


def check_change(before: str, after: str) -> None:
    """Refuse to make an image or an integration of something else, or the reverse."""
    fixed = {IMAGE, INTEGRATION}
    if before != after and fixed & {before, after}:
        raise ValidationException(
            f"The data type of a parameter cannot be changed from {before} to {after}."
        )


def is_image(value: str) -> bool:
    """Whether it can be the id of an Amazon Machine Image."""
    return _IMAGE.fullmatch(value) is not None


def _is_integration(value: str) -> bool:
    found = _json(value)
    if found is None and '"' not in value:
        found = _json(value.replace("'", '"'))  # as AWS's own example has it
    return isinstance(found, dict) and "url" in found and set(found) <= _INTEGRATION_MEMBERS


def _matches(pattern: re.Pattern[str]) -> Callable[[str], bool]:
    return lambda value: pattern.fullmatch(value) is not None


def _is_binary(value: str) -> bool:
    try:
        base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError):
        return False
    return True


def _is_email(value: str) -> bool:
    mailbox, _, host = value.rpartition("@")
    fits = len(mailbox) <= 64 and _MAILBOX.fullmatch(mailbox) is not None
    return fits and "." in host and _HOSTNAME.fullmatch(host) is not None


def _is_address(family: type[ipaddress.IPv4Address | ipaddress.IPv6Address]) -> Any:
    def holds(value: str) -> bool:
        try:
            family(value)
        except ValueError:
            return False
        return True

    return holds


def _is_url(value: str) -> bool:
    try:
        parts = urlsplit(value)
        return bool(parts.scheme and parts.hostname) and not re.search(r"\s", value)
    except ValueError:
        return False


def _is_json(value: str) -> bool:
    try:
        msgspec.json.decode(value)
    except (msgspec.DecodeError, RecursionError):
        return False
    return True


def _is_json_with_comments(value: str) -> bool:
    return _is_json(_COMMENTS.sub(_without_comment, value))


def _without_comment(found: re.Match[str]) -> str:
    part = found[0]
    closed = part.startswith("//") or (part.endswith("*/") and len(part) > 3)
    return " " if closed and not part.startswith('"') else part


def _json(value: str) -> Any:
    try:
        return msgspec.json.decode(value)
    except (msgspec.DecodeError, RecursionError):
        return None


_TYPES: Mapping[str, DataType] = {
    TEXT: DataType(lambda value: True),
    IMAGE: DataType(is_image, frozenset({Kind.STRING})),
    INTEGRATION: DataType(_is_integration, frozenset({Kind.SECURE})),
    "aws:region": DataType(_matches(_REGION)),
    "aws:account:id": DataType(_matches(_ACCOUNT)),
    "boolean": DataType(lambda value: value in ("true", "false")),
    "integer": DataType(_matches(_INTEGER)),
    "float": DataType(_matches(_FLOAT)),
    "binary": DataType(_is_binary),
    "hostname": DataType(_matches(_HOSTNAME)),
    "email": DataType(_is_email),
    "ipv4-address": DataType(_is_address(ipaddress.IPv4Address)),
    "ipv6-address": DataType(_is_address(ipaddress.IPv6Address)),
    # These may have commas in them, so that a list of them could not be read.
    "url": DataType(_is_url, _SINGLE, advanced=True),
    "json": DataType(_is_json, _SINGLE, advanced=True),
    "jsonc": DataType(_is_json_with_comments, _SINGLE, advanced=True),
}
