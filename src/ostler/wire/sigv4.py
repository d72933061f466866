"""AWS Signature Version 4, both sides: what a request claims, and what its signature should be."""

import binascii
import functools
import hashlib
import hmac
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from urllib.parse import quote, unquote

from ostler.wire.errors import WireFault
from ostler.wire.http import Request

ALGORITHM = "AWS4-HMAC-SHA256"
UNSIGNED_PAYLOAD = "UNSIGNED-PAYLOAD"
EMPTY_PAYLOAD_HASH = hashlib.sha256(b"").hexdigest()

_ISO_BASIC = "%Y%m%dT%H%M%SZ"
_LONGEST_LIFE = 604_800
_UNRESERVED = "-_.~"
# Headers that belong to one connection, or that a proxy may add or change on the way.
_NEVER_SIGNED = frozenset(
    {
        "authorization",
        "connection",
        "content-length",
        "expect",
        "keep-alive",
        "proxy-authorization",
        "te",
        "traceparent",
        "tracestate",
        "transfer-encoding",
        "upgrade",
        "user-agent",
        "x-amzn-trace-id",
    }
)
_TIMESTAMP = re.compile(r"\d{8}T\d{6}Z", re.ASCII)
_PLAIN_PATH = re.compile(r"(?:/(?!\.)[A-Za-z0-9_.~-]+)*/?")
_HEX_SHA256 = re.compile(r"[0-9a-f]{64}")


class NoClaim(WireFault):
    """The request is not signed at all."""


class BrokenClaim(WireFault):
    """The request is signed, but a part of the signature is missing or malformed."""


@dataclass(frozen=True, slots=True)
class Claim:
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


# What a server does.


def claim_of(request: Request) -> Claim:
    """Read the signature of `request`; NoClaim without one, BrokenClaim when parts are missing."""
    authorization = request.headers.get("authorization")
    if authorization is not None:
        return _claim_of_headers(request.headers, authorization)
    if "X-Amz-Signature=" in request.query or "X-Amz-Algorithm=" in request.query:
        return _claim_of_query(request.query)
    raise NoClaim("Missing Authentication Token")


def string_to_sign(request: Request, claim: Claim) -> str:
    """The text that the signature of `claim` must be over."""
    canonical = canonical_request(request, claim)
    digest = hashlib.sha256(canonical.encode("utf-8", "surrogateescape")).hexdigest()
    return f"{ALGORITHM}\n{claim.timestamp:%Y%m%dT%H%M%SZ}\n{claim.scope}\n{digest}"


def canonical_request(request: Request, claim: Claim) -> str:
    """The request as both sides spell it before hashing."""
    headers = request.headers
    lines = [
        request.method.upper(),
        _canonical_path(request.path, claim.service),
        _canonical_query(request.query) if request.query else "",
        *[f"{name}:{_trimmed(headers.get(name, ''))}" for name in claim.signed_headers],
        "",
        ";".join(claim.signed_headers),
        _payload_hash(request, claim),
    ]
    return "\n".join(lines)


@functools.lru_cache(maxsize=4096)
def signing_key(secret: str, date: str, region: str, service: str) -> bytes:
    """The key that a secret gives for one day, region and service."""
    key = _hmac(f"AWS4{secret}".encode(), date)
    for part in (region, service, "aws4_request"):
        key = _hmac(key, part)
    return key


def signature(key: bytes, text: str) -> str:
    """The signature of a string to sign, in hexadecimal digits."""
    return binascii.hexlify(_hmac(key, text)).decode()


def same_signature(expected: str, given: str) -> bool:
    """Compare in a time that tells nothing about where the two differ."""
    return hmac.compare_digest(
        expected.encode("utf-8", "surrogateescape"), given.encode("utf-8", "surrogateescape")
    )


# What a client does.


def sign(
    request: Request,
    *,
    access_key: str,
    secret: str,
    session_token: str | None = None,
    region: str,
    service: str,
    at: datetime,
) -> Request:
    """The same request with the headers that prove who sent it."""
    ready, claim = unsigned(
        request,
        access_key=access_key,
        session_token=session_token,
        region=region,
        service=service,
        at=at,
    )
    key = signing_key(secret, claim.date, region, service)
    return with_signature(ready, claim, signature(key, string_to_sign(ready, claim)))


def unsigned(
    request: Request,
    *,
    access_key: str,
    session_token: str | None = None,
    region: str,
    service: str,
    at: datetime,
    leave_out: Collection[str] = (),
) -> tuple[Request, Claim]:
    """`request` with all headers but the signature, and the claim that `string_to_sign` needs.

    Who signs otherwise than with a secret (a node with its private key) puts the result in with
    `with_signature`. `leave_out` are headers that shall not be signed.
    """
    at = at.astimezone(UTC)
    headers = dict(request.headers)
    headers["x-amz-date"] = at.strftime(_ISO_BASIC)
    if session_token is not None:
        headers["x-amz-security-token"] = session_token
    if service == "s3" and "x-amz-content-sha256" not in headers:
        headers["x-amz-content-sha256"] = hashlib.sha256(request.body).hexdigest()
    claim = Claim(
        access_key=access_key,
        date=at.strftime("%Y%m%d"),
        region=region,
        service=service,
        signed_headers=tuple(
            sorted(name for name in headers if name not in {*_NEVER_SIGNED, *leave_out})
        ),
        signature="",
        session_token=session_token,
        timestamp=at.replace(microsecond=0),
        presigned=False,
    )
    return replace(request, headers=headers), claim


def with_signature(request: Request, claim: Claim, signed: str) -> Request:
    """`request` with its Authorization header."""
    authorization = (
        f"{ALGORITHM} Credential={claim.access_key}/{claim.scope}, "
        f"SignedHeaders={';'.join(claim.signed_headers)}, Signature={signed}"
    )
    return replace(request, headers={**request.headers, "authorization": authorization})


def presign(
    request: Request,
    *,
    access_key: str,
    secret: str,
    session_token: str | None = None,
    region: str,
    service: str,
    at: datetime,
    expires: int,
) -> Request:
    """The same request as a link: whoever has its URL may send it for `expires` seconds."""
    at = at.astimezone(UTC)
    signed_headers = tuple(sorted(name for name in request.headers if name == "host"))
    claim = Claim(
        access_key=access_key,
        date=at.strftime("%Y%m%d"),
        region=region,
        service=service,
        signed_headers=signed_headers,
        signature="",
        session_token=session_token,
        timestamp=at.replace(microsecond=0),
        presigned=True,
        expires=expires,
    )
    proof = {
        "X-Amz-Algorithm": ALGORITHM,
        "X-Amz-Credential": f"{access_key}/{claim.scope}",
        "X-Amz-Date": at.strftime(_ISO_BASIC),
        "X-Amz-Expires": str(expires),
        "X-Amz-SignedHeaders": ";".join(signed_headers),
    }
    if session_token is not None:
        proof["X-Amz-Security-Token"] = session_token
    query = "&".join(
        [request.query] * bool(request.query)
        + [f"{name}={quote(value, safe=_UNRESERVED)}" for name, value in proof.items()]
    )
    ready = replace(request, query=query)
    key = signing_key(secret, claim.date, region, service)
    signed = signature(key, string_to_sign(ready, claim))
    return replace(ready, query=f"{query}&X-Amz-Signature={signed}")


# Reading a claim.


def _claim_of_headers(headers: Mapping[str, str], authorization: str) -> Claim:
    algorithm, _, rest = authorization.strip().partition(" ")
    if algorithm != ALGORITHM:
        raise BrokenClaim(
            f"Unsupported AWS 'algorithm': '{algorithm}' (only {ALGORITHM} for now). "
        )
    # A value may hold '=', '/' and '+': nodes sign with RSA and write base64.
    parts: dict[str, str] = {}
    for part in rest.split(","):
        name, _, value = part.strip().partition("=")
        parts[name] = value
    missing = [
        f"Authorization header requires '{name}' parameter."
        for name in ("Credential", "Signature", "SignedHeaders")
        if not parts.get(name)
    ]
    date = headers.get("x-amz-date") or headers.get("date")
    if not date:
        missing.append(
            "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header."
        )
    if missing or not date:
        raise BrokenClaim(" ".join(missing))
    return _claim(
        credential=parts["Credential"],
        signed_headers=parts["SignedHeaders"],
        signed=parts["Signature"],
        session_token=headers.get("x-amz-security-token"),
        timestamp=_timestamp(date),
        where="AWS Authorization",
    )


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
            f"Unsupported AWS 'algorithm': '{given['X-Amz-Algorithm']}' "
            f"(only {ALGORITHM} for now). "
        )
    claim = _claim(
        credential=given["X-Amz-Credential"],
        signed_headers=given["X-Amz-SignedHeaders"],
        signed=given["X-Amz-Signature"],
        session_token=given.get("X-Amz-Security-Token"),
        timestamp=_timestamp(given["X-Amz-Date"]),
        where="AWS query-string",
    )
    return replace(claim, presigned=True, expires=_life(given.get("X-Amz-Expires")))


def _claim(
    *,
    credential: str,
    signed_headers: str,
    signed: str,
    session_token: str | None,
    timestamp: datetime,
    where: str,
) -> Claim:
    parts = credential.split("/")
    if len(parts) != 5 or parts[4] != "aws4_request":
        raise BrokenClaim(
            "Credential must have exactly 5 slash-delimited elements, "
            f"e.g. keyid/date/region/service/term, got '{credential}'"
        )
    access_key, date, region, service, _ = parts
    written = timestamp.strftime("%Y%m%d")
    if date != written:
        raise BrokenClaim(
            "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date "
            f"from HTTP: '{date}' != '{written}', from '{timestamp.strftime(_ISO_BASIC)}'."
        )
    names = tuple(name.lower() for name in signed_headers.split(";"))
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


# The canonical request.


def _canonical_path(path: str, service: str) -> str:
    """S3 signs the path as it is sent; everyone else tidies it and encodes it once more."""
    if not path:
        return "/"
    if service == "s3" or path == "/" or _PLAIN_PATH.fullmatch(path):
        return path
    kept: list[str] = []
    for segment in path.split("/"):
        if segment == "..":
            if kept:
                kept.pop()
        elif segment not in ("", "."):
            kept.append(segment)
    tail = "/" if path.endswith("/") and kept else ""
    return quote(f"/{'/'.join(kept)}{tail}", safe="/~")


def _canonical_query(query: str) -> str:
    pairs = []
    for part in query.split("&"):
        name, _, value = part.partition("=")
        if part and name != "X-Amz-Signature":
            pairs.append((_once_encoded(name), _once_encoded(value)))
    return "&".join(f"{name}={value}" for name, value in sorted(pairs))


def _once_encoded(text: str) -> str:
    """However the client spelt it (a plus for a blank, small hexadecimal digits): one spelling."""
    if text.isalnum() and text.isascii():
        return text
    plain = unquote(text.replace("+", " "), "utf-8", "surrogateescape")
    return quote(plain, safe=_UNRESERVED, encoding="utf-8", errors="surrogateescape")


def _trimmed(value: str) -> str:
    return " ".join(value.split())


def _payload_hash(request: Request, claim: Claim) -> str:
    given = request.headers.get("x-amz-content-sha256")
    # A hash is computed, never believed: the body must be the one that was signed. The other
    # values are words that say what is signed instead (nothing, or each chunk by itself).
    if given is not None and not _HEX_SHA256.fullmatch(given):
        return given
    if claim.presigned and claim.service == "s3":
        return given or UNSIGNED_PAYLOAD
    return hashlib.sha256(request.body).hexdigest() if request.body else EMPTY_PAYLOAD_HASH


def _hmac(key: bytes, text: str) -> bytes:
    return hmac.digest(key, text.encode("utf-8", "surrogateescape"), "sha256")
