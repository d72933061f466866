"""Keys: their states, what they are called, and the policies that they begin with."""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from ostler.capabilities.keys.errors import (
    DisabledException,
    InvalidAliasNameException,
    KMSInvalidStateException,
    MalformedPolicyDocumentException,
    NotFoundException,
)
from ostler.foundation.errors import ValidationException
from ostler.foundation.ids import AccountId, Region
from ostler.foundation.policy import Kind, Policy, PolicyFault
from ostler.foundation.storage import Scope

ALIAS = "alias/"
RESERVED = "alias/aws/"
"""Aliases of keys that the house makes for its own services, one for each account."""
LONGEST_POLICY = 32_768
SHORTEST_WAIT, LONGEST_WAIT = timedelta(days=7), timedelta(days=30)
YEAR = 365
"""Days from one rotation to the next, unless somebody says otherwise."""

_ID = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}")
_ARN = re.compile(r"arn:aws:kms:([A-Za-z0-9-]{1,64}):(\d{12}):(?:key/(.+)|(alias/.+))", re.ASCII)
_ALIAS = re.compile(r"alias/[a-zA-Z0-9/_-]{1,250}")


class State(StrEnum):
    """Whether a key seals and opens."""

    ENABLED = "Enabled"
    DISABLED = "Disabled"
    PENDING_DELETION = "PendingDeletion"


@dataclass(frozen=True, slots=True)
class Key:
    """A key: what is known of it, without what it seals with.

    `material` is the number of what it seals with now; `period` the days between rotations.
    `service` is the service that the house made it for, and empty for a customer's own.
    """

    id: str
    scope: Scope
    created: datetime
    policy: str = field(repr=False)
    description: str = ""
    state: State = State.ENABLED
    service: str = ""
    material: int = 1
    rotates: bool = False
    period: int = YEAR
    rotates_at: datetime | None = None
    deleted_at: datetime | None = None
    aliases: Sequence[str] = ()
    tags: tuple[tuple[str, str], ...] = ()

    @property
    def arn(self) -> str:
        return key_arn(self.scope, self.id)

    def expect_usable(self) -> None:
        """Refuse to seal or open with it unless it is enabled."""
        self.expect_alive()
        if self.state is State.DISABLED:
            raise DisabledException(f"{self.arn} is disabled.")

    def expect_alive(self) -> None:
        """Refuse what cannot be done to a key that is about to go."""
        if self.state is State.PENDING_DELETION:
            raise KMSInvalidStateException(f"{self.arn} is pending deletion.")


@dataclass(frozen=True, slots=True)
class Rotation:
    """When a key got other material, and whether somebody asked for it."""

    number: int
    at: datetime
    on_demand: bool


@dataclass(frozen=True, slots=True)
class Alias:
    """Another name for a key, which may be given to another key."""

    name: str
    key: str
    created: datetime
    updated: datetime


@dataclass(frozen=True, slots=True)
class Name:
    """A key as a caller names it: by id or by alias, of this account or, by ARN, of another."""

    given: str
    scope: Scope
    id: str = ""
    alias: str = ""

    @property
    def arn(self) -> str:
        return alias_arn(self.scope, self.alias) if self.alias else key_arn(self.scope, self.id)

    def missing(self) -> NotFoundException:
        """AWS's words."""
        if self.alias:
            return NotFoundException(f"Alias {self.arn} is not found.")
        return NotFoundException(f"Key '{self.arn}' does not exist")


def named(given: str, scope: Scope, *, aliases: bool = True) -> Name:
    """What `given` names: an id, an alias or an ARN of either."""
    found = _ARN.fullmatch(given)
    where, id_, alias = scope, given, given
    if found is not None:
        region, account, id_, alias = found.groups()
        if region != scope.region:
            raise NotFoundException(f"Invalid arn {region}")
        if account != scope.account:
            where = Scope(AccountId(account), Region(region))
    if id_ and _ID.fullmatch(id_):
        return Name(given, where, id=id_)
    if aliases and alias and alias.startswith(ALIAS):
        return Name(given, where, alias=alias)
    raise NotFoundException(f"Invalid keyId '{given}'")


def new_alias(name: str) -> str:
    """The name of an alias that somebody wants to have."""
    if not name.startswith(ALIAS):
        raise ValidationException("Invalid identifier")
    if name.startswith(RESERVED):
        raise InvalidAliasNameException(f"Aliases that begin with {RESERVED} are reserved.")
    if not _ALIAS.fullmatch(name):
        raise ValidationException(
            f"1 validation error detected: Value '{name}' at 'aliasName' failed to satisfy "
            "constraint: Member must satisfy regular expression pattern: ^[a-zA-Z0-9:/_-]+$"
        )
    return name


def key_arn(scope: Scope, id_: str) -> str:
    return f"arn:aws:kms:{scope.region}:{scope.account}:key/{id_}"


def alias_arn(scope: Scope, name: str) -> str:
    return f"arn:aws:kms:{scope.region}:{scope.account}:{name}"


def read_policy(text: str) -> Policy:
    """A key policy; MalformedPolicyDocumentException says what is wrong with one."""
    try:
        return Policy.parse(text, name="key policy", kind=Kind.RESOURCE, most=LONGEST_POLICY)
    except PolicyFault as fault:
        raise MalformedPolicyDocumentException(str(fault)) from fault


def default_policy(account: AccountId) -> str:
    """What AWS gives to a key that is made without a policy: the account decides."""
    return _written(
        "key-default-1",
        {
            "Sid": "EnableIAMUserPermissions",
            "Effect": "Allow",
            "Principal": {"AWS": f"arn:aws:iam::{account}:root"},
            "Action": "kms:*",
            "Resource": "*",
        },
    )


def managed_policy(scope: Scope, service: str) -> str:
    """What AWS gives to the key of a service: all may use it, but only through the service."""
    return _written(
        f"auto-{service}-1",
        {
            "Sid": "ThroughTheService",
            "Effect": "Allow",
            "Principal": {"AWS": "*"},
            "Action": [
                *("kms:Encrypt", "kms:Decrypt", "kms:ReEncrypt*", "kms:GenerateDataKey*"),
                *("kms:CreateGrant", "kms:DescribeKey"),
            ],
            "Resource": "*",
            "Condition": {
                "StringEquals": {
                    "kms:CallerAccount": scope.account,
                    "kms:ViaService": via(service, scope.region),
                }
            },
        },
        {
            "Sid": "LookAtIt",
            "Effect": "Allow",
            "Principal": {"AWS": f"arn:aws:iam::{scope.account}:root"},
            "Action": ["kms:Describe*", "kms:Get*", "kms:List*", "kms:RevokeGrant"],
            "Resource": "*",
        },
    )


def via(service: str, region: str) -> str:
    """What the condition kms:ViaService calls a service."""
    return f"{service}.{region}.amazonaws.com"


def _written(name: str, *statements: object) -> str:
    return json.dumps({"Version": "2012-10-17", "Id": name, "Statement": statements}, indent=2)
