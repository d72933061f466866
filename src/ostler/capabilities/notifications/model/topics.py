"""Topics: what one publishes to."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from ostler.capabilities.notifications.errors import InvalidParameterException
from ostler.foundation.errors import NotYetImplemented
from ostler.foundation.ids import AccountId, Region
from ostler.foundation.policy import Kind, Policy, PolicyFault
from ostler.foundation.storage import Scope

SIGNATURE_VERSIONS = ("1", "2")
LONGEST_NAME = 256

_NAME = re.compile(r"[A-Za-z0-9_-]{1,256}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Topic:
    """A topic; `kept` are attributes that are answered back and change nothing here."""

    name: str
    created: datetime
    display_name: str = ""
    policy: str = ""
    signature_version: str = "2"
    kept: Mapping[str, str] = field(default_factory=dict)


def topic_arn(scope: Scope, name: str) -> str:
    """The ARN of a topic."""
    return f"arn:aws:sns:{scope.region}:{scope.account}:{name}"


def topic_in(arn: str, region: str) -> tuple[Scope, str]:
    """Whose topic an ARN names, and its name; a topic is asked for in its own region."""
    parts = arn.split(":")
    if len(parts) != 6 or parts[:3] != ["arn", "aws", "sns"] or not _ACCOUNT.fullmatch(parts[4]):
        raise InvalidParameterException("Invalid parameter: TopicArn")
    if parts[3] != region:
        raise InvalidParameterException(
            f"Invalid parameter: TopicArn Reason: it is not of {region}"
        )
    return Scope(AccountId(parts[4]), Region(parts[3])), check_name(parts[5], "TopicArn")


_ACCOUNT = re.compile(r"[0-9]{12}", re.ASCII)


def check_name(name: str, member: str = "Topic Name") -> str:
    """The name; InvalidParameterException where it can be none."""
    if name.endswith(".fifo"):
        raise NotYetImplemented("FIFO topics are not built.")
    if not _NAME.fullmatch(name):
        raise InvalidParameterException(f"Invalid parameter: {member}")
    return name


def with_attribute(topic: Topic, name: str, value: str) -> Topic:
    """The topic with an attribute changed."""
    match name:
        case "DisplayName":
            if len(value) > 100 or any(letter < " " for letter in value):
                raise InvalidParameterException("Invalid parameter: DisplayName")
            return replace(topic, display_name=value)
        case "Policy":
            policy_of(value)
            return replace(topic, policy=value)
        case "SignatureVersion":
            if value not in SIGNATURE_VERSIONS:
                raise InvalidParameterException("Invalid parameter: SignatureVersion")
            return replace(topic, signature_version=value)
        case "FifoTopic" | "ContentBasedDeduplication" if value == "true":
            raise NotYetImplemented("FIFO topics are not built.")
        case "FifoTopic" | "ContentBasedDeduplication":
            return topic
        case _ if name in _KEPT or name.endswith(_FEEDBACK):
            return replace(topic, kept={**topic.kept, name: value})
    raise InvalidParameterException("Invalid parameter: AttributeName")


_KEPT = (
    "DeliveryPolicy",
    "KmsMasterKeyId",
    "TracingConfig",
    "ArchivePolicy",
    "DataProtectionPolicy",
)
_FEEDBACK = ("FeedbackRoleArn", "FeedbackSampleRate")


def policy_of(text: str) -> Policy | None:
    """A topic's own policy, read; None where it has none."""
    if not text:
        return None
    try:
        return Policy.parse(text, name="topic policy", kind=Kind.RESOURCE)
    except PolicyFault as fault:
        raise InvalidParameterException(f"Invalid parameter: Policy Error: {fault}") from fault
