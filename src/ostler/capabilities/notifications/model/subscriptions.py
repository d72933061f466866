"""Subscriptions: who is told what is published to a topic, and of it what."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

import msgspec

from ostler.capabilities.notifications.errors import InvalidParameterException
from ostler.capabilities.notifications.model.messages import Message
from ostler.foundation.errors import NotYetImplemented
from ostler.foundation.outbound import Unreachable, checked
from ostler.foundation.secrets import Sealed
from ostler.grammar.eventpatterns import Pattern, PatternFault, read

PENDING = "PendingConfirmation"
LARGEST_FILTER = 16_384

ATTRIBUTES = "MessageAttributes"
BODY = "MessageBody"


class Protocol(StrEnum):
    """How a subscriber is told."""

    HTTP = "http"
    HTTPS = "https"
    APPRISE = "apprise"


_OF_AWS = {"email", "email-json", "sms", "sqs", "lambda", "application", "firehose"}


@dataclass(frozen=True, slots=True)
class Subscription:
    """A subscriber of a topic.

    `shown` is the endpoint as everybody may see it; what an Apprise URL has of secrets is in
    `sealed` only. `digest` knows the same endpoint again. `house` is the URL by which the server
    was reached: links in messages begin with it.
    """

    id: str
    topic: str
    protocol: Protocol
    shown: str
    sealed: Sealed
    digest: str
    house: str
    created: datetime
    confirmed: bool = False
    filter: str = ""
    scope: str = ATTRIBUTES
    raw: bool = False
    kept: Mapping[str, str] = field(default_factory=dict)

    def wants(self, message: Message) -> bool:
        """Whether the filter lets a message through; TooCostly where that cannot be said."""
        if not self.filter:
            return True
        return pattern_of(self.filter).matches(_seen(message, self.scope))


def protocol_of(text: str) -> Protocol:
    """The protocol; NotYetImplemented for those of AWS that are not built."""
    if text in _OF_AWS:
        raise NotYetImplemented(
            f"The protocol {text} is not built: the protocol apprise, with an Apprise URL as the "
            "endpoint (mailtos://…, and a hundred others), reaches people."
        )
    try:
        return Protocol(text)
    except ValueError:
        raise InvalidParameterException(
            f"Invalid parameter: Does not support this protocol string: {text}"
        ) from None


def check_url(protocol: Protocol, endpoint: str) -> None:
    """Refuse what a subscription over HTTP cannot call."""
    if not endpoint.startswith(f"{protocol.value}://"):
        raise InvalidParameterException(
            "Invalid parameter: Endpoint must match the specified protocol"
        )
    try:
        checked(endpoint)
    except Unreachable as fault:
        raise InvalidParameterException(f"Invalid parameter: Endpoint Reason: {fault}") from fault


def with_attribute(subscription: Subscription, name: str, value: str) -> Subscription:
    """The subscription with an attribute changed."""
    match name:
        case "FilterPolicy":
            if value in ("", "{}"):
                return replace(subscription, filter="")
            pattern_of(value)
            return replace(subscription, filter=value)
        case "FilterPolicyScope":
            if value not in (ATTRIBUTES, BODY):
                raise InvalidParameterException("Invalid parameter: FilterPolicyScope")
            return replace(subscription, scope=value)
        case "RawMessageDelivery":
            if value not in ("true", "false"):
                raise InvalidParameterException(
                    "Invalid parameter: Attributes Reason: RawMessageDelivery: Invalid value "
                    f"[{value}]. Must be true or false."
                )
            return replace(subscription, raw=value == "true")
        case "DeliveryPolicy" | "RedrivePolicy" | "SubscriptionRoleArn":
            return replace(subscription, kept={**subscription.kept, name: value})
    raise InvalidParameterException("Invalid parameter: AttributeName")


def pattern_of(text: str) -> Pattern:
    """A filter policy, read; InvalidParameterException where it is none."""
    try:
        if len(text) > LARGEST_FILTER:
            raise PatternFault(f"it is longer than {LARGEST_FILTER} characters")
        return read(text)
    except PatternFault as fault:
        raise InvalidParameterException(f"Invalid parameter: FilterPolicy: {fault}") from fault


def _seen(message: Message, scope: str) -> Any:
    """What a filter looks at."""
    if scope == BODY:
        try:
            return msgspec.json.decode(message.text)
        except (msgspec.DecodeError, UnicodeEncodeError, RecursionError):
            return {}
    return {name: each.value for name, each in message.attributes.items()}
