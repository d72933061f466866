"""AWS Signature Version 4, both sides: what a request claims, and what its signature should be."""

import functools
import hashlib
import hmac
import re
from collections.abc import Collection
from dataclasses import replace
from datetime import UTC, datetime
from urllib.parse import quote, unquote

from ostler.wire.claims import ALGORITHM, BrokenClaim, Claim, NoClaim, claim_of
from ostler.wire.http import Request

__all__ = [
    "ALGORITHM",
    "UNSIGNED_PAYLOAD",
    "BrokenClaim",
    "Claim",
    "NoClaim",
    "canonical_request",
    "claim_of",
    "is_hash",
    "presign",
    "same_signature",
    "sign",
    "signature",
    "signing_key",
    "stamp",
    "string_to_sign",
    "unsigned",
    "with_signature",
]

UNSIGNED_PAYLOAD = "UNSIGNED-PAYLOAD"
EMPTY_PAYLOAD_HASH = hashlib.sha256(b"").hexdigest()

_ISO_BASIC = "%Y%m%dT%H%M%SZ"
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
_PLAIN_PATH = re.compile(r"(?:/(?!\.)[A-Za-z0-9_.~-]+)*/?")
_HEX_SHA256 = re.compile(r"[0-9a-f]{64}")


# What a server does.


def string_to_sign(request: Request, claim: Claim) -> str:
    """The text that the signature of `claim` must be over."""
    canonical = canonical_request(request, claim)
    digest = hashlib.sha256(canonical.encode("utf-8", "surrogateescape")).hexdigest()
    return f"{ALGORITHM}\n{stamp(claim.timestamp)}\n{claim.scope}\n{digest}"


def canonical_request(request: Request, claim: Claim) -> str:
    """The request as both sides spell it before hashing."""
    headers = request.headers
    path = _canonical_path(request.path, claim.service)
    query = _canonical_query(request.query) if request.query else ""
    signed = "".join(
        [f"{name}:{_trimmed(headers.get(name, ''))}\n" for name in claim.signed_headers]
    )
    names = ";".join(claim.signed_headers)
    body = _payload_hash(request, claim)
    return f"{request.method.upper()}\n{path}\n{query}\n{signed}\n{names}\n{body}"


@functools.lru_cache(maxsize=4096)
def signing_key(secret: str, date: str, region: str, service: str) -> bytes:
    """The key that a secret gives for one day, region and service."""
    key = _hmac(f"AWS4{secret}".encode(), date)
    for part in (region, service, "aws4_request"):
        key = _hmac(key, part)
    return key


def signature(key: bytes, text: str) -> str:
    """The signature of a string to sign, in hexadecimal digits."""
    return _hmac(key, text).hex()


def same_signature(expected: str, given: str) -> bool:
    """Compare in a time that tells nothing about where the two differ."""
    return hmac.compare_digest(
        expected.encode("utf-8", "surrogateescape"), given.encode("utf-8", "surrogateescape")
    )


@functools.lru_cache(maxsize=1024)
def stamp(timestamp: datetime) -> str:
    """An instant as signatures have it."""
    return timestamp.strftime(_ISO_BASIC)


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


def is_hash(text: str) -> bool:
    """Whether an `x-amz-content-sha256` is the hash of the body, and not a word instead of it."""
    return _HEX_SHA256.fullmatch(text) is not None


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
    # A hash is computed, never believed: the body must be the one that was signed. In S3 the header
    # may hold words that say what is signed instead (nothing, or each chunk by itself). Anywhere
    # else they would let whoever saw a request send it again with another body. Of a body that is
    # still to come, whoever takes it computes the hash.
    if claim.service == "s3":
        if given is not None and (request.stream is not None or not is_hash(given)):
            return given
        if claim.presigned:
            return given or UNSIGNED_PAYLOAD
    return hashlib.sha256(request.body).hexdigest() if request.body else EMPTY_PAYLOAD_HASH


def _hmac(key: bytes, text: str) -> bytes:
    return hmac.digest(key, text.encode("utf-8", "surrogateescape"), "sha256")
