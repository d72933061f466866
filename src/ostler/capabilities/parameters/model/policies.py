"""Parameter policies: when a parameter goes, and when somebody is to be told."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any

import msgspec

from ostler.capabilities.parameters.errors import (
    IncompatiblePolicyException,
    InvalidPolicyAttributeException,
    InvalidPolicyTypeException,
    PoliciesLimitExceededException,
)
from ostler.foundation.errors import ValidationException

MOST_POLICIES = 10

_VERSION = "1.0"
_EARLIEST = 1970
_LONGEST = timedelta(days=36_500)
_TIMESTAMP = re.compile(
    r"\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?(?:Z|[+-]\d\d:\d\d(?::\d\d)?)",
    re.ASCII,
)
_POSITIVE = re.compile(r"[1-9]\d{0,8}", re.ASCII)
_UNITS = {"days": timedelta(days=1), "hours": timedelta(hours=1)}


class PolicyType(StrEnum):
    """What a policy does when its time comes."""

    EXPIRATION = "Expiration"
    EXPIRATION_NOTIFICATION = "ExpirationNotification"
    NO_CHANGE_NOTIFICATION = "NoChangeNotification"


class PolicyStatus(StrEnum):
    """Whether its time has come."""

    PENDING = "Pending"
    FINISHED = "Finished"


@dataclass(frozen=True, slots=True)
class Policy:
    """One policy: `text` is its JSON as it was given, `expires` and `span` what that means.

    The expiration has an instant, the two notifications have a span: before the expiration, or
    after the last change.
    """

    type: PolicyType
    text: str
    expires: datetime | None = None
    span: timedelta = timedelta(0)
    status: PolicyStatus = PolicyStatus.PENDING

    def finished(self) -> "Policy":
        """The policy once it has acted."""
        return replace(self, status=PolicyStatus.FINISHED)

    def renewed(self) -> "Policy":
        """The policy after the parameter was changed: the time without a change begins anew."""
        if self.type is PolicyType.NO_CHANGE_NOTIFICATION:
            return replace(self, status=PolicyStatus.PENDING)
        return self


def read_policies(text: str) -> tuple[Policy, ...]:
    """The policies of a JSON array; `[]` and `[{}]` are none."""
    try:
        given: Any = msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError):
        given = None
    if not isinstance(given, list) or not all(isinstance(each, dict) for each in given):
        raise ValidationException(f"Invalid policies input: {text}.")
    if given == [{}]:
        return ()
    if len(given) > MOST_POLICIES:
        raise PoliciesLimitExceededException(
            f"Number of policies attached to a parameter cannot exceed {MOST_POLICIES}"
        )
    policies = tuple(_policy(each) for each in given)
    _check_together(policies)
    return policies


def due_at(policies: Sequence[Policy], policy: Policy, modified: datetime) -> datetime:
    """When the policy acts, beside these others and after the last change."""
    match policy.type:
        case PolicyType.NO_CHANGE_NOTIFICATION:
            return modified + policy.span
        case PolicyType.EXPIRATION_NOTIFICATION:
            return _expiry(policies) - policy.span
        case PolicyType.EXPIRATION:
            return _expiry(policies)


def next_due(policies: Sequence[Policy], modified: datetime) -> datetime | None:
    """When the next of those that have not acted will act."""
    pending = [
        due_at(policies, policy, modified)
        for policy in policies
        if policy.status is PolicyStatus.PENDING
    ]
    return min(pending, default=None)


def _expiry(policies: Sequence[Policy]) -> datetime:
    return next(policy.expires for policy in policies if policy.expires is not None)


# AWS's words, all of them (as clients quote them).


def _policy(given: Mapping[str, Any]) -> Policy:
    type_given = given.get("Type")
    if type_given not in tuple(PolicyType):
        raise InvalidPolicyTypeException(f"Policy type {type_given} is not supported.")
    if given.get("Version") != _VERSION:
        raise InvalidPolicyAttributeException("Unsupported policy version.")
    attributes = given.get("Attributes")
    if not isinstance(attributes, dict):
        raise InvalidPolicyAttributeException("Mandatory policy attribute Attributes is missing.")
    text = msgspec.json.encode(given).decode()
    match PolicyType(type_given):
        case PolicyType.EXPIRATION as type_:
            return Policy(type_, text, expires=_timestamp(attributes))
        case PolicyType.EXPIRATION_NOTIFICATION as type_:
            return Policy(type_, text, span=_span(attributes, "Before"))
        case PolicyType.NO_CHANGE_NOTIFICATION as type_:
            return Policy(type_, text, span=_span(attributes, "After"))


def _timestamp(attributes: Mapping[str, Any]) -> datetime:
    if "Timestamp" not in attributes:
        raise InvalidPolicyAttributeException(
            "A valid Expiration policy must have an attribute of Timestamp."
        )
    text = str(attributes["Timestamp"])
    try:
        if not _TIMESTAMP.fullmatch(text):
            raise ValueError(text)
        expires = datetime.fromisoformat(text).astimezone(UTC)
        if expires.year < _EARLIEST:
            raise ValueError(text)
    except (ValueError, OverflowError) as fault:
        raise InvalidPolicyAttributeException("Invalid timestamp format") from fault
    return expires


def _span(attributes: Mapping[str, Any], name: str) -> timedelta:
    for needed in (name, "Unit"):
        if needed not in attributes:
            raise InvalidPolicyAttributeException(
                f"Mandatory policy attribute {needed} is missing."
            )
    count, unit = str(attributes[name]), _UNITS.get(str(attributes["Unit"]).lower())
    if not _POSITIVE.fullmatch(count):
        raise InvalidPolicyAttributeException(f"Attribute {name} must be a positive integer.")
    if unit is None:
        raise InvalidPolicyAttributeException("Supported time units: DAYS HOURS")
    if int(count) * unit > _LONGEST:
        raise InvalidPolicyAttributeException(f"Attribute {name} is more than a hundred years.")
    return int(count) * unit


def _check_together(policies: Sequence[Policy]) -> None:
    types = [policy.type for policy in policies]
    if types.count(PolicyType.EXPIRATION) > 1:
        raise IncompatiblePolicyException("There can be only one expiration policy")
    if PolicyType.EXPIRATION_NOTIFICATION in types and PolicyType.EXPIRATION not in types:
        raise IncompatiblePolicyException(
            "Expiration notification policies are missing expiration policy"
        )
