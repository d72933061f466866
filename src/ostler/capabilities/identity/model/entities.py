"""Accounts, and the users, groups, roles, policies and keys in them."""

import base64
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from ostler.capabilities.identity.errors import InvalidInput, LimitExceeded
from ostler.foundation.ids import AccountId, Ids

SHORTEST_SESSION = timedelta(minutes=15)
LONGEST_SESSION = timedelta(hours=12)
USUAL_SESSION = timedelta(hours=1)
LONGEST_USER_SESSION = timedelta(hours=36)
USUAL_USER_SESSION = timedelta(hours=12)

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
MOST_TAGS = 50
MOST_VERSIONS = 5


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
        return entity_arn(self.kind, self.account, self.path, self.name)

    def session_arn(self, session_name: str) -> str:
        """The ARN of somebody who has assumed this role."""
        return f"arn:aws:sts::{self.account}:assumed-role/{self.name}/{session_name}"


@dataclass(frozen=True, slots=True)
class ManagedPolicy:
    """A policy with a name of its own, to be attached to many; AWS's have no account.

    `document` is that of the default version, which is what counts. A number is given once:
    `newest` is that of the last version made, also when it was deleted.
    """

    account: AccountId | None
    name: str
    document: str
    created: datetime
    id: str = ""
    path: str = "/"
    description: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)
    default: int = 1
    newest: int = 1
    updated: datetime | None = None

    @property
    def arn(self) -> str:
        return policy_arn(self.account, self.path, self.name)


@dataclass(frozen=True, slots=True)
class PolicyVersion:
    """One of the documents that a managed policy has had."""

    number: int
    document: str
    created: datetime


@dataclass(frozen=True, slots=True)
class InstanceProfile:
    """What carries a role to a machine, by the name of its own that machines are given."""

    account: AccountId
    name: str
    id: str
    created: datetime
    path: str = "/"
    role: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict)

    @property
    def arn(self) -> str:
        return profile_arn(self.account, self.path, self.name)


@dataclass(frozen=True, slots=True)
class Use:
    """When a key signed something last, for which service, in which region."""

    at: datetime
    service: str
    region: str


@dataclass(frozen=True, slots=True)
class AccessKey:
    """A user's key; its secret is shown once, when it is made."""

    access_key: str
    account: AccountId
    user: str
    created: datetime
    active: bool = True
    used: Use | None = None


@dataclass(frozen=True, slots=True)
class KeyPair:
    """An access key with its secret."""

    account: AccountId
    access_key: str
    secret_key: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Binding:
    """One policy that binds somebody: managed, with an ARN, or inline in its holder.

    `holder` is whom it hangs on, themselves or a group of theirs, as the end of an ARN says it:
    "group/operators".
    """

    name: str
    document: str
    holder: str = ""
    arn: str = ""


@dataclass(frozen=True, slots=True)
class Bindings:
    """An entity and everything that grants to it or bounds it.

    A boundary without policies, because its policy is gone, lets nothing through.
    """

    entity: Entity
    policies: Sequence[Binding]
    boundary: Sequence[Binding] | None = None


# Making ids and secrets.


def new_account_id(ids: Ids) -> AccountId:
    return AccountId(str(10**11 + int(ids.hex(16), 16) % (9 * 10**11)))


def new_entity_id(kind: Kind, ids: Ids) -> str:
    return _ID_PREFIX[kind] + _letters(ids, 17)


def new_policy_id(ids: Ids) -> str:
    return "ANPA" + _letters(ids, 17)


def new_profile_id(ids: Ids) -> str:
    return "AIPA" + _letters(ids, 17)


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


def check_tags(tags: Mapping[str, str]) -> Mapping[str, str]:
    """How many, and that none is taken for one of AWS's; how long, the API's model says."""
    if len(tags) > MOST_TAGS:
        raise LimitExceeded(f"Cannot exceed quota for TagsPerResource: {MOST_TAGS}")
    for key in tags:
        if key.lower().startswith("aws:"):
            raise InvalidInput(f"Tag keys that begin with aws: are reserved: {key}")
    return tags


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


def entity_arn(kind: Kind, account: AccountId, path: str, name: str) -> str:
    """The ARN that a user, group or role has, or would have."""
    return f"arn:aws:iam::{account}:{kind}{path}{name}"


def policy_arn(account: AccountId | None, path: str, name: str) -> str:
    """The ARN that a managed policy has, or would have; a shipped one has no account."""
    return f"arn:aws:iam::{account or 'aws'}:policy{path}{name}"


def profile_arn(account: AccountId, path: str, name: str) -> str:
    """The ARN that an instance profile has, or would have."""
    return f"arn:aws:iam::{account}:instance-profile{path}{name}"


def name_in(arn: str) -> str:
    """The name at the end of an ARN or a path; a plain name is its own."""
    return arn.rpartition("/")[2]


def account_in(arn: str) -> str:
    """The account in an ARN; empty when there is none."""
    return (arn.split(":", 5) + [""] * 5)[4]
