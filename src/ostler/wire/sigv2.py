"""AWS Signature Version 2 of S3's links, which boto3 still makes of presigned URLs by default.

Only links are accepted that way, and only by S3, as AWS does (S3 developer guide, "Signing and
authenticating REST requests": query string request authentication alternative).
"""

import base64
import hmac
from typing import NamedTuple
from urllib.parse import unquote, unquote_plus

from ostler.wire.claims import BrokenClaim
from ostler.wire.http import Request

_OF_INTEREST = frozenset(
    {
        "accelerate",
        "acl",
        "analytics",
        "cors",
        "delete",
        "inventory",
        "lifecycle",
        "location",
        "logging",
        "metrics",
        "notification",
        "object-lock",
        "partNumber",
        "policy",
        "replication",
        "requestPayment",
        "response-cache-control",
        "response-content-disposition",
        "response-content-encoding",
        "response-content-language",
        "response-content-type",
        "response-expires",
        "restore",
        "select",
        "select-type",
        "storageClass",
        "tagging",
        "torrent",
        "uploadId",
        "uploads",
        "versionId",
        "versioning",
        "versions",
        "website",
    }
)


class Link(NamedTuple):
    """What a link claims: whose it is, until when it is good (seconds since 1970), and a proof."""

    access_key: str
    signature: str
    expires: int
    session_token: str | None
    service: str = "s3"


def link_of(request: Request) -> Link | None:
    """What the request's query claims, if it claims anything; BrokenClaim when a part is wrong."""
    if "AWSAccessKeyId=" not in request.query or "Signature=" not in request.query:
        return None
    given = {}
    for part in request.query.split("&"):
        name, _, value = part.partition("=")
        given[name] = unquote(value)
    expires = given.get("Expires", "")
    if not (expires.isascii() and expires.isdigit() and len(expires) <= 12):
        raise BrokenClaim("Query-string authentication requires the Signature, Expires and "
                          "AWSAccessKeyId parameters")  # fmt: skip
    return Link(
        given.get("AWSAccessKeyId", ""),
        given.get("Signature", ""),
        int(expires),
        given.get("x-amz-security-token"),
    )


def expected_signature(request: Request, link: Link, secret: str) -> str:
    """The signature that the owner of `secret` would have made; the path names the bucket first."""
    digest = hmac.digest(secret.encode(), _string_to_sign(request, link).encode(), "sha1")
    return base64.b64encode(digest).decode()


def _string_to_sign(request: Request, link: Link) -> str:
    pairs = [part.partition("=")[::2] for part in request.query.split("&")]
    given = {name: unquote_plus(value) for name, value in pairs}
    amz = {name: text for name, text in request.headers.items() if name.startswith("x-amz-")}
    amz |= {name: text for name, text in given.items() if name.startswith("x-amz-")}
    lines = [
        request.method,
        request.headers.get("content-md5") or given.get("content-md5", ""),
        request.headers.get("content-type") or given.get("content-type", ""),
        str(link.expires),
        *(f"{name}:{amz[name].strip()}" for name in sorted(amz)),
    ]
    wanted = sorted((name, value) for name, value in pairs if name in _OF_INTEREST)
    query = "&".join(f"{name}={unquote(value)}" if value else name for name, value in wanted)
    return "\n".join([*lines, request.path + (f"?{query}" if query else "")])
