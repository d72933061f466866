"""Accounts, and the users, groups, roles, policies and keys in them."""

import base64
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from ostler.capabilities.identity.errors import InvalidInput
from ostler.foundation.ids import AccountId, Ids

SHORTEST_SESSION = timedelta(minutes=15)
LONGEST_SESSION = timedelta(hours=12)
USUAL_SESSION = timedelta(hours=1)

_NAME = re.compile(r"[\w+=,.@-]{1,64}", re.ASCII)
_POLICY_NAME = re.compile(r"[\w+=,.@-]{1,128}", re.ASCII)
_PATH = re.compile(r"/|/[\x21-\x7e]{1,510}/")
_ACCOUNT = re.compile(r"\d{12}", re.ASCII)
_ACCESS_KEY = re.compile(r"\w{3,128}", re.ASCII)


class Kind(StrEnum):
    """What policies can be attached to."""

    USER = "user"
    GROUP = "group"
    ROLE = "role"


_ID_PREFIX = {Kind.USER: "AIDA", Kind.GROUP: "AGPA", Kind.ROLE: "AROA"}


@dataclass(frozen=True, slots=True)
class Account:
    """One customer of the house; everything belongs to an account."""

    id: AccountId
    name: str
    created: datetime


@dataclass(frozen=True, slots=True)
class Entity:
    """A user, a group or a role.

    `boundary` is the ARN of the policy that bounds what its policies can grant. A role has a
    trust policy and the longest life that a session of it may have.
    """

    kind: Kind
    account: AccountId
    name: str
    id: str
    created: datetime
    path: str = "/"
    description: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)
    boundary: str | None = None
    trust: str = ""
    longest_session: timedelta = USUAL_SESSION

    @property
    def arn(self) -> str:
        return f"arn:aws:iam::{self.account}:{self.kind}{self.path}{self.name}"

    def session_arn(self, session_name: str) -> str:
        """The ARN of somebody who has assumed this role."""
        return f"arn:aws:sts::{self.account}:assumed-role/{self.name}/{session_name}"


@dataclass(frozen=True, slots=True)
class ManagedPolicy:
    """A policy with a name of its own, to be attached to many; AWS's have no account."""

    account: AccountId | None
    name: str
    document: str
    path: str = "/"
    description: str = ""
    id: str = ""
    created: datetime | None = None

    @property
    def arn(self) -> str:
        return f"arn:aws:iam::{self.account or 'aws'}:policy{self.path}{self.name}"


@dataclass(frozen=True, slots=True)
class AccessKey:
    """A user's key; its secret is shown once, when it is made."""

    access_key: str
    account: AccountId
    user: str
    created: datetime
    active: bool = True


@dataclass(frozen=True, slots=True)
class KeyPair:
    """An access key with its secret."""

    account: AccountId
    access_key: str
    secret_key: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Bindings:
    """An entity and everything that grants to it or bounds it: (name, document) each.

    A boundary without documents, because its policy is gone, lets nothing through.
    """

    entity: Entity
    policies: Sequence[tuple[str, str]]
    boundary: Sequence[tuple[str, str]] | None = None


# Making ids and secrets.


def new_account_id(ids: Ids) -> AccountId:
    return AccountId(str(10**11 + int(ids.hex(16), 16) % (9 * 10**11)))


def new_entity_id(kind: Kind, ids: Ids) -> str:
    return _ID_PREFIX[kind] + _letters(ids, 17)


def new_policy_id(ids: Ids) -> str:
    return "ANPA" + _letters(ids, 17)


def new_access_key(ids: Ids, *, temporary: bool = False) -> str:
    return ("ASIA" if temporary else "AKIA") + _letters(ids, 16)


def new_secret(ids: Ids) -> str:
    """Forty characters out of thirty bytes of chance."""
    return base64.b64encode(bytes.fromhex(ids.hex(60))).decode()


def _letters(ids: Ids, count: int) -> str:
    """So many capital letters and digits from 2 to 7."""
    size = -(-count * 5 // 8)
    return base64.b32encode(bytes.fromhex(ids.hex(size * 2))).decode()[:count]


# Checking what people give.


def check_name(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise InvalidInput(
            f"The name {name} is not valid: 1 to 64 letters, digits and characters of _+=,.@-"
        )
    return name


def check_policy_name(name: str) -> str:
    if not _POLICY_NAME.fullmatch(name):
        raise InvalidInput(
            f"The policy name {name} is not valid: 1 to 128 letters, digits and _+=,.@-"
        )
    return name


def check_path(path: str) -> str:
    if not _PATH.fullmatch(path):
        raise InvalidInput(f"The path {path} must begin and end with a slash.")
    return path


def check_account(account: str) -> AccountId:
    if not _ACCOUNT.fullmatch(account):
        raise InvalidInput(f"The account id {account} is not a number of 12 digits.")
    return AccountId(account)


def is_access_key(text: str) -> bool:
    """Whether there can be an access key of this id."""
    return _ACCESS_KEY.fullmatch(text) is not None


def check_key_pair(access_key: str, secret: str) -> None:
    """What an administrator chooses need not look like AWS's keys, but must be usable."""
    if not is_access_key(access_key):
        raise InvalidInput("An access key id is 3 to 128 letters, digits and underscores.")
    if access_key.startswith("ASIA"):
        raise InvalidInput("Access key ids that begin with ASIA are those of sessions.")
    if len(secret) < 8:
        raise InvalidInput("A secret access key has 8 characters or more.")


def name_in(arn: str) -> str:
    """The name at the end of an ARN or a path; a plain name is its own."""
    return arn.rpartition("/")[2]


def account_in(arn: str) -> str:
    """The account in an ARN; empty when there is none."""
    return (arn.split(":", 5) + [""] * 5)[4]
