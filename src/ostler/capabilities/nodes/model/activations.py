"""Activations: permits with which machines that nobody knows yet become nodes."""

import base64
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from ostler.capabilities.nodes.errors import InvalidFilter
from ostler.foundation.errors import ValidationException
from ostler.foundation.ids import ActivationId, Ids

DEFAULT_LIFE = timedelta(hours=24)
LONGEST_LIFE = timedelta(days=30)

_CODE_BYTES = 15
_ROLE_PATTERN = r"^[\p{L}\p{N}+=,.@\-_]*$"
_ROLE = re.compile(r"[\w+=,.@-]*")


class Refusal(StrEnum):
    """Why an activation did not make a node; the word is kept in the record."""

    WRONG_CODE = "the code is not the activation's"
    EXPIRED = "the activation has expired"
    EXHAUSTED = "the activation has registered as many nodes as it may"
    KEY_IN_USE = "the public key belongs to a registered node"
    SAME_MACHINE = "this activation registered the same machine before it was deregistered"


@dataclass(frozen=True, slots=True)
class Activation:
    """A permit for up to `limit` machines, until it expires."""

    id: ActivationId
    role: str
    created: datetime
    expires: datetime
    limit: int = 1
    registrations: int = 0
    description: str = ""
    default_name: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)
    metadata: Mapping[str, str] = field(default_factory=dict)

    def expired(self, at: datetime) -> bool:
        """Whether its time is over; how many nodes it made does not matter."""
        return at >= self.expires

    def refusal(self, at: datetime) -> Refusal | None:
        """Why it makes no node at that instant; None when it does."""
        if self.expired(at):
            return Refusal.EXPIRED
        if self.registrations >= self.limit:
            return Refusal.EXHAUSTED
        return None


@dataclass(frozen=True, slots=True)
class ActivationOrder:
    """What somebody wants an activation to be like."""

    role: str
    limit: int = 1
    expires: datetime | None = None
    description: str = ""
    default_name: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)
    metadata: Mapping[str, str] = field(default_factory=dict)

    def fulfilled(self, activation: ActivationId, at: datetime) -> Activation:
        """The activation, made at that instant; ValidationException for an impossible order."""
        # AWS takes a role's bare name here and quotes its own pattern at names with a path.
        if not _ROLE.fullmatch(self.role):
            raise ValidationException(
                f"1 validation error detected: Value '{self.role}' at 'iamRole' failed to "
                f"satisfy constraint: Member must satisfy regular expression pattern: "
                f"{_ROLE_PATTERN}"
            )
        expires = at + DEFAULT_LIFE if self.expires is None else self.expires
        if expires <= at:
            raise ValidationException("The expiration date of an activation lies in the future.")
        if expires > at + LONGEST_LIFE:
            raise ValidationException(
                f"The expiration date of an activation lies at most {LONGEST_LIFE.days} days ahead."
            )
        return Activation(
            id=activation,
            role=self.role,
            created=at,
            expires=expires,
            limit=self.limit,
            description=self.description,
            default_name=self.default_name,
            tags=self.tags,
            metadata=self.metadata,
        )


def new_code(ids: Ids) -> str:
    """An activation code: 20 characters of the base64 alphabet, 120 bits of chance."""
    return base64.b64encode(bytes.fromhex(ids.hex(2 * _CODE_BYTES))).decode()


FILTER_KEYS = ("ActivationIds", "DefaultInstanceName", "IamRole")


@dataclass(frozen=True, slots=True)
class ActivationFilter:
    """Activations whose `key` is one of the values."""

    key: str
    values: Sequence[str]

    @classmethod
    def read(cls, key: str | None, values: Sequence[str] | None) -> "ActivationFilter":
        """The filter, whole; AWS's model lets both of its halves be left out."""
        if key not in FILTER_KEYS:
            raise InvalidFilter(f"Filters of activations have a key: {', '.join(FILTER_KEYS)}.")
        if not values:
            raise InvalidFilter(f"The filter {key} has no values.")
        return cls(key, values)
