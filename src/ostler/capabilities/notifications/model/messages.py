"""Messages: what is published, and the envelope in which it comes."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import msgspec

from ostler.capabilities.notifications.errors import InvalidParameterException

LARGEST_MESSAGE = 262_144
DEFAULT = "default"

_ATTRIBUTE_NAME = re.compile(r"(?!\.)(?!.*\.\.)[A-Za-z0-9_.-]{1,256}(?<!\.)", re.ASCII)
_KINDS = ("String", "String.Array", "Number", "Binary")


@dataclass(frozen=True, slots=True)
class Attribute:
    """An attribute of a message, as it came: a binary one in base64."""

    kind: str
    text: str

    @property
    def value(self) -> Any:
        """What filters compare; of what is binary nothing."""
        match self.kind.split(".")[0]:
            case "Number":
                return _decoded(self.text, float(self.text))
            case "String" if self.kind == "String.Array":
                return _decoded(self.text, [])
            case "String":
                return self.text
        return []


@dataclass(frozen=True, slots=True)
class Message:
    """What was published; `texts` say it otherwise to those of a protocol."""

    id: str
    at: datetime
    text: str
    subject: str = ""
    texts: Mapping[str, str] = field(default_factory=dict)
    attributes: Mapping[str, Attribute] = field(default_factory=dict)

    def to(self, protocol: str) -> str:
        """What those of a protocol are told."""
        return self.texts.get(protocol, self.text)

    @property
    def size(self) -> int:
        """Bytes, as far as they count."""
        told = [self.text, *self.texts.values()]
        told += [part for each in self.attributes.values() for part in (each.kind, each.text)]
        return sum(len(text.encode(errors="replace")) for text in told)


def message_of(
    message_id: str,
    at: datetime,
    text: str,
    *,
    subject: str = "",
    structure: str = "",
    attributes: Mapping[str, Attribute] | None = None,
) -> Message:
    """A message; InvalidParameterException where it can be none."""
    attributes = attributes or {}
    if not text:
        raise InvalidParameterException("Invalid parameter: Empty message")
    if subject and (
        len(subject) > 100 or not subject.isascii() or any(letter < " " for letter in subject)
    ):
        raise InvalidParameterException("Invalid parameter: Subject")
    texts: Mapping[str, str] = {}
    if structure:
        texts = _structured(text, structure)
        text = texts[DEFAULT]
    for name, each in attributes.items():
        _check_attribute(name, each)
    message = Message(message_id, at, text, subject, texts, attributes)
    if message.size > LARGEST_MESSAGE:
        raise InvalidParameterException("Invalid parameter: Message too long")
    return message


def envelope(
    message: Message, topic: str, protocol: str, *, unsubscribe: str, certificate: str, version: str
) -> dict[str, Any]:
    """What comes over HTTP, but for the signature."""
    return {
        "Type": "Notification",
        "MessageId": message.id,
        "TopicArn": topic,
        **({"Subject": message.subject} if message.subject else {}),
        "Message": message.to(protocol),
        "Timestamp": timestamp(message.at),
        "SignatureVersion": version,
        "Signature": "",
        "SigningCertURL": certificate,
        "UnsubscribeURL": unsubscribe,
        **({"MessageAttributes": _shown(message)} if message.attributes else {}),
    }


def confirmation(
    message_id: str,
    at: datetime,
    topic: str,
    token: str,
    *,
    subscribe: str,
    certificate: str,
    version: str,
) -> dict[str, Any]:
    """What asks an endpoint whether it wants to be subscribed, but for the signature."""
    return {
        "Type": "SubscriptionConfirmation",
        "MessageId": message_id,
        "Token": token,
        "TopicArn": topic,
        "Message": f"You have chosen to subscribe to the topic {topic}.\n"
        "To confirm the subscription, visit the SubscribeURL included in this message.",
        "SubscribeURL": subscribe,
        "Timestamp": timestamp(at),
        "SignatureVersion": version,
        "Signature": "",
        "SigningCertURL": certificate,
    }


_SIGNED = (
    "Message",
    "MessageId",
    "Subject",
    "SubscribeURL",
    "Timestamp",
    "Token",
    "TopicArn",
    "Type",
)


def signed_text(told: Mapping[str, Any]) -> bytes:
    """What SNS signs of an envelope: names and values, a line each."""
    return "".join(f"{name}\n{told[name]}\n" for name in _SIGNED if name in told).encode()


def timestamp(at: datetime) -> str:
    """An instant as SNS writes it."""
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _structured(text: str, structure: str) -> Mapping[str, str]:
    if structure != "json":
        raise InvalidParameterException("Invalid parameter: MessageStructure")
    told = _decoded(text, None)
    if not isinstance(told, dict):
        raise InvalidParameterException(
            "Invalid parameter: Message Structure - JSON message body failed to parse"
        )
    if not isinstance(told.get(DEFAULT), str):
        raise InvalidParameterException(
            "Invalid parameter: Message Structure - No default entry in JSON message body"
        )
    return {name: each for name, each in told.items() if isinstance(each, str)}


def _check_attribute(name: str, attribute: Attribute) -> None:
    if not _ATTRIBUTE_NAME.fullmatch(name) or name.lower().startswith(("aws.", "amazon.")):
        raise InvalidParameterException(f"Invalid parameter: MessageAttributes Reason: name {name}")
    kind = attribute.kind
    if kind not in _KINDS and not kind.startswith(("String.", "Number.", "Binary.")):
        raise InvalidParameterException(
            f"The message attribute '{name}' has an invalid message attribute type, the set of "
            "supported type prefixes is Binary, Number, and String."
        )
    if not attribute.text:
        raise InvalidParameterException(
            f"The message attribute '{name}' must contain non-empty message attribute value for "
            f"message attribute type '{kind}'."
        )
    if kind.startswith("Number"):
        try:
            float(attribute.text)
        except ValueError:
            raise InvalidParameterException(
                f"Could not cast message attribute '{name}' value to number."
            ) from None
    if kind == "String.Array" and not isinstance(_decoded(attribute.text, None), list):
        raise InvalidParameterException(f"The message attribute '{name}' is no JSON list.")


def _shown(message: Message) -> Mapping[str, Any]:
    return {
        name: {"Type": each.kind, "Value": each.text} for name, each in message.attributes.items()
    }


def _decoded(text: str, otherwise: Any) -> Any:
    try:
        return msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeEncodeError, RecursionError):
        return otherwise
