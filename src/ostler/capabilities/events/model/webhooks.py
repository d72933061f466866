"""Webhooks: API destinations, and the connections that say how one proves oneself there."""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from urllib.parse import quote

from ostler.capabilities.events.model.targets import Extras
from ostler.foundation.errors import ValidationException
from ostler.foundation.outbound import Unreachable, checked
from ostler.foundation.secrets import Sealed

SIGNATURE = "webhook-signature"
"""An API key of this name is not sent: it signs, as the Standard Webhooks specification has it."""

USUAL_PACE = 300
_MINTED = "whsec_"


class Way(StrEnum):
    """How one proves oneself."""

    BASIC = "BASIC"
    API_KEY = "API_KEY"
    OAUTH = "OAUTH_CLIENT_CREDENTIALS"


@dataclass(frozen=True, slots=True)
class Addition:
    """A header, a part of the query or a member of the body that a connection adds."""

    key: str
    value: str = field(repr=False)
    secret: bool = False


@dataclass(frozen=True, slots=True)
class Additions:
    """All that a connection adds to a call."""

    headers: tuple[Addition, ...] = ()
    query: tuple[Addition, ...] = ()
    body: tuple[Addition, ...] = ()


@dataclass(frozen=True, slots=True)
class Authorization:
    """What a connection knows: a name (of a user, a header, a client) and the secret to it.

    `endpoint`, `method` and `asking` say how OAuth asks for a token.
    """

    way: Way
    name: str = ""
    secret: str = field(default="", repr=False)
    endpoint: str = ""
    method: str = "POST"
    asking: Additions = field(default_factory=Additions)
    additions: Additions = field(default_factory=Additions)


@dataclass(frozen=True, slots=True)
class Connection:
    """A connection as it is kept: everything that proves is sealed."""

    name: str
    id: str
    way: Way
    sealed: Sealed
    created: datetime
    modified: datetime
    description: str = ""

    @property
    def path(self) -> str:
        """What its ARN ends with."""
        return f"{self.name}/{self.id}"


@dataclass(frozen=True, slots=True)
class Destination:
    """An API destination: where to call, and by which connection (what its ARN ends with)."""

    name: str
    id: str
    connection: str
    endpoint: str
    method: str
    created: datetime
    modified: datetime
    pace: int = USUAL_PACE
    description: str = ""

    @property
    def path(self) -> str:
        """What its ARN ends with."""
        return f"{self.name}/{self.id}"


def check_authorization(authorization: Authorization) -> None:
    """Refuse one that lacks what its way needs."""
    if not authorization.name or not authorization.secret:
        raise ValidationException(
            f"AuthParameters has not what AuthorizationType {authorization.way} needs."
        )
    if authorization.way is Way.OAUTH:
        check_url(authorization.endpoint)
    texts = [authorization.name] if authorization.way is Way.API_KEY else []
    for each in (*authorization.additions.headers, *authorization.asking.headers):
        texts += [each.key, each.value]
    for text in texts:
        if any(letter < " " or letter > "\xff" for letter in text):
            raise ValidationException("A header has a character that headers cannot have.")


def check_url(url: str) -> None:
    """Refuse what can never be called."""
    try:
        checked(url)
    except Unreachable as fault:
        raise ValidationException(str(fault)) from fault


def url_of(endpoint: str, extras: Extras, additions: Sequence[Addition]) -> str:
    """The URL to call: `*` in the path filled, the query put together."""
    filled, values = [], list(extras.path_values)
    for letter in endpoint:
        filled.append(quote(values.pop(0), safe="") if letter == "*" and values else letter)
    pairs = [*extras.query.items(), *((each.key, each.value) for each in additions)]
    url = "".join(filled)
    if not pairs:
        return url
    query = "&".join(f"{quote(key, safe='')}={quote(value, safe='')}" for key, value in pairs)
    return f"{url}{'&' if '?' in url else '?'}{query}"


def signature(secret: str, message: str, timestamp: int, body: bytes) -> str:
    """What `webhook-signature` says: HMAC-SHA256 of id, timestamp and body."""
    key = secret.encode()
    if secret.startswith(_MINTED):
        try:
            key = base64.b64decode(secret.removeprefix(_MINTED), validate=True)
        except binascii.Error:
            key = secret.encode()
    signed = f"{message}.{timestamp}.".encode() + body
    return "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
