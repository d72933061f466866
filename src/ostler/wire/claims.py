"""What a signed request claims: who sends it, when, and with which signature."""

import functools
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import NamedTuple
from urllib.parse import unquote

from ostler.wire.errors import WireFault
from ostler.wire.http import Request

ALGORITHM = "AWS4-HMAC-SHA256"

_ISO_BASIC = "%Y%m%dT%H%M%SZ"
_LONGEST_LIFE = 604_800
_USUAL = (f"{ALGORITHM} Credential=", "SignedHeaders=", "Signature=")
_TIMESTAMP = re.compile(r"\d{8}T\d{6}Z", re.ASCII)


class NoClaim(WireFault):
    """The request is not signed at all."""


class BrokenClaim(WireFault):
    """The request is signed, but a part of the signature is missing or malformed."""


class Claim(NamedTuple):
    """Who a request says it is from, and the signature that is to prove it.

    `signature` is whatever text the client put there: hexadecimal digits of an HMAC, or the
    base64 of an RSA signature when a node signs with its own key. `expires` is the life of a
    presigned URL in seconds.
    """

    access_key: str
    date: str
    region: str
    service: str
    signed_headers: tuple[str, ...]
    signature: str
    session_token: str | None
    timestamp: datetime
    presigned: bool
    expires: int | None = None

    @property
    def scope(self) -> str:
        """The credential scope: date, region, service and a fixed last word."""
        return f"{self.date}/{self.region}/{self.service}/aws4_request"


def claim_of(request: Request) -> Claim:
    """Read the signature of `request`; NoClaim without one, BrokenClaim when parts are missing."""
    authorization = request.headers.get("authorization")
    if authorization is not None:
        return _claim_of_headers(request.headers, authorization)
    if "X-Amz-Signature=" in request.query or "X-Amz-Algorithm=" in request.query:
        return _claim_of_query(request.query)
    raise NoClaim("Missing Authentication Token")


def _claim_of_headers(headers: Mapping[str, str], authorization: str) -> Claim:
    credential, signed_headers, signed = _parts(authorization)
    date = headers.get("x-amz-date") or headers.get("date")
    if not (credential and signed_headers and signed and date):
        raise BrokenClaim(_missing_parts(credential, signed, signed_headers, date))
    return _claim(
        credential=credential,
        signed_headers=signed_headers,
        signed=signed,
        session_token=headers.get("x-amz-security-token"),
        at=date,
        where="AWS Authorization",
    )


def _parts(authorization: str) -> tuple[str, str, str]:
    """Credential, signed headers and signature, quickly when they stand there as usual."""
    first, second, third = _USUAL
    usual = authorization.split(", ")
    if (
        len(usual) == 3
        and usual[0].startswith(first)
        and usual[1].startswith(second)
        and usual[2].startswith(third)
    ):
        return usual[0][len(first) :], usual[1][len(second) :], usual[2][len(third) :]
    return _parts_in_any_order(authorization)


def _parts_in_any_order(authorization: str) -> tuple[str, str, str]:
    algorithm, _, rest = authorization.strip().partition(" ")
    if algorithm != ALGORITHM:
        raise BrokenClaim(f"Unsupported AWS 'algorithm': '{algorithm}' (only {ALGORITHM} for now).")
    # A value may hold '=', '/' and '+': nodes sign with RSA and write base64.
    parts: dict[str, str] = {}
    for part in rest.split(","):
        name, _, value = part.strip().partition("=")
        parts[name] = value
    return parts.get("Credential", ""), parts.get("SignedHeaders", ""), parts.get("Signature", "")


def _missing_parts(credential: str, signed: str, signed_headers: str, date: str | None) -> str:
    parts = {"Credential": credential, "Signature": signed, "SignedHeaders": signed_headers}
    texts = [
        f"Authorization header requires '{name}' parameter."
        for name, text in parts.items()
        if not text
    ]
    if not date:
        texts.append(
            "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header."
        )
    return " ".join(texts)


def _claim_of_query(query: str) -> Claim:
    given: dict[str, str] = {}
    for part in query.split("&"):
        name, _, value = part.partition("=")
        if name.startswith("X-Amz-"):
            given[name] = unquote(value)
    missing = [
        f"AWS query-string parameters must include '{name}'."
        for name in (
            "X-Amz-Algorithm",
            "X-Amz-Credential",
            "X-Amz-Signature",
            "X-Amz-SignedHeaders",
            "X-Amz-Date",
        )
        if not given.get(name)
    ]
    if missing:
        raise BrokenClaim(f"{' '.join(missing)} Re-examine the query-string parameters.")
    if given["X-Amz-Algorithm"] != ALGORITHM:
        raise BrokenClaim(
            f"Unsupported AWS 'algorithm': '{given['X-Amz-Algorithm']}' (only {ALGORITHM} for now)."
        )
    claim = _claim(
        credential=given["X-Amz-Credential"],
        signed_headers=given["X-Amz-SignedHeaders"],
        signed=given["X-Amz-Signature"],
        session_token=given.get("X-Amz-Security-Token"),
        at=given["X-Amz-Date"],
        where="AWS query-string",
    )
    return claim._replace(presigned=True, expires=_life(given.get("X-Amz-Expires")))


def _claim(
    *,
    credential: str,
    signed_headers: str,
    signed: str,
    session_token: str | None,
    at: str,
    where: str,
) -> Claim:
    access_key, date, region, service = _credential(credential)
    timestamp, day = _instant(at)
    if date != day:
        raise BrokenClaim(
            "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date "
            f"from HTTP: '{date}' != '{day}', from '{at}'."
        )
    names = _names(signed_headers)
    if "host" not in names:
        raise BrokenClaim(f"'Host' or ':authority' must be a 'SignedHeader' in the {where}.")
    return Claim(
        access_key=access_key,
        date=date,
        region=region,
        service=service,
        signed_headers=names,
        signature=signed,
        session_token=session_token,
        timestamp=timestamp,
        presigned=False,
    )


@functools.lru_cache(maxsize=1024)
def _credential(text: str) -> tuple[str, str, str, str]:
    parts = text.split("/")
    if len(parts) != 5 or parts[4] != "aws4_request":
        raise BrokenClaim(
            "Credential must have exactly 5 slash-delimited elements, "
            f"e.g. keyid/date/region/service/term, got '{text}'"
        )
    return parts[0], parts[1], parts[2], parts[3]


@functools.lru_cache(maxsize=1024)
def _names(signed_headers: str) -> tuple[str, ...]:
    return tuple(signed_headers.lower().split(";"))


@functools.lru_cache(maxsize=1024)
def _instant(text: str) -> tuple[datetime, str]:
    """The instant and the day, as eight digits, of an X-Amz-Date or a Date header."""
    instant = _timestamp(text)
    return instant, f"{instant.year:04}{instant.month:02}{instant.day:02}"


def _timestamp(text: str) -> datetime:
    """Read an X-Amz-Date, or a Date header as HTTP or ISO write it."""
    try:
        if _TIMESTAMP.fullmatch(text):
            return datetime(
                int(text[0:4]),
                int(text[4:6]),
                int(text[6:8]),
                int(text[9:11]),
                int(text[11:13]),
                int(text[13:15]),
                tzinfo=UTC,
            )
        parsed = parsedate_to_datetime(text)
        return (parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, TypeError, OverflowError):
        raise BrokenClaim(
            "Date must be in ISO-8601 'basic format'. "
            f"Got '{text}'. See http://en.wikipedia.org/wiki/ISO_8601"
        ) from None


def _life(text: str | None) -> int:
    if text is None:
        raise BrokenClaim("AWS query-string parameters must include 'X-Amz-Expires'.")
    if not (text.isascii() and text.isdigit() and len(text) <= 9):
        raise BrokenClaim("X-Amz-Expires should be a number")
    if int(text) > _LONGEST_LIFE:
        raise BrokenClaim("X-Amz-Expires must be less than a week (in seconds) that is 604800")
    return int(text)
