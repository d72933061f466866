"""What several operations read and write alike: owners, checksums, descriptions, conditions."""

import base64
import binascii
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import quote, unquote

from ostler.capabilities.buckets.errors import (
    AccessControlListNotSupported,
    InvalidArgument,
    InvalidDigest,
    InvalidRequest,
    NoSuchVersion,
)
from ostler.capabilities.buckets.model.checksums import Checksum
from ostler.capabilities.buckets.model.names import source_of
from ostler.capabilities.buckets.model.objects import (
    Bucket,
    Conditions,
    Description,
    Object,
    etag_of,
    tags_of_header,
)
from ostler.capabilities.buckets.service import Incoming, Source
from ostler.capabilities.buckets.service.contents import md5_of
from ostler.foundation.errors import NotYetImplemented

STORAGE_CLASS = "STANDARD"
CURRENT = "null"
"""The version that objects in a bucket without versions have."""

_ALGORITHMS = ("CRC32", "CRC32C", "CRC64NVME", "SHA1", "SHA256", "SHA512", "MD5")
_TRAILER = "x-amz-checksum-"
# By the names of members: what readers of an object get back as it was given.
_HEADERS = {
    "CacheControl": "cache-control",
    "ContentDisposition": "content-disposition",
    "ContentEncoding": "content-encoding",
    "ContentLanguage": "content-language",
    "Expires": "expires",
    "WebsiteRedirectLocation": "x-amz-website-redirect-location",
}
_ACLS = ("private", "bucket-owner-full-control")
_NOT_HERE = {
    "ObjectLockMode": "object locks",
    "ObjectLockLegalHoldStatus": "object locks",
    "SSECustomerAlgorithm": "encryption under a key of the client's",
    "WriteOffsetBytes": "writes into an object",
}


async def _whole(body: bytes) -> AsyncIterator[bytes]:
    yield body


def incoming(given: Mapping[str, Any]) -> Incoming:
    """The body of a request, and what the request says about it."""
    body = given.get("Body", b"")
    algorithm, value = checksum_given(given)
    md5 = md5_of(_digest(given.get("ContentMD5")))
    if isinstance(body, bytes):
        return Incoming(_whole(body), md5, algorithm, value)
    trailer = next((name for name in body.promised if name.startswith(_TRAILER)), "")
    if trailer and not value:
        algorithm = trailer.removeprefix(_TRAILER).upper()
        return Incoming(aiter(body), md5, algorithm, "", trailer, body.trailers)
    return Incoming(aiter(body), md5, algorithm or given.get("ChecksumAlgorithm", ""), value)


def checksum_given(given: Mapping[str, Any]) -> tuple[str, str]:
    """The algorithm and the value of a checksum among the members, of which one may be there."""
    found = [
        (name, given[f"Checksum{name}"]) for name in _ALGORITHMS if given.get(f"Checksum{name}")
    ]
    if len(found) > 1:
        raise InvalidRequest("Expecting a single x-amz-checksum- header. Multiple were found.")
    return found[0] if found else ("", "")


def checksum(found: Checksum | None) -> dict[str, str]:
    """A checksum, as answers tell it."""
    if found is None:
        return {}
    return {f"Checksum{found.algorithm}": found.value, "ChecksumType": found.kind}


def description(given: Mapping[str, Any]) -> Description:
    """What a request says of an object to be; what it says of things we have not, is refused."""
    for name, what in _NOT_HERE.items():
        if given.get(name) is not None:
            raise NotYetImplemented(f"There are no {what} here.")
    refuse_acl(given)
    headers = {}
    for name, header in _HEADERS.items():
        if given.get(name) is not None:
            value = given[name]
            headers[header] = _http_date(value) if isinstance(value, datetime) else str(value)
    encodings = headers.get("content-encoding", "").split(",")
    left = [each.strip() for each in encodings if each.strip() not in ("", "aws-chunked")]
    headers.pop("content-encoding", None)
    if left:
        headers["content-encoding"] = ",".join(left)
    return Description(
        content_type=given.get("ContentType") or Description().content_type,
        headers=headers,
        metadata=given.get("Metadata", {}),
        tags=tags_of_header(given.get("Tagging", "")),
    )


def described(found: Object) -> dict[str, Any]:
    """What readers of an object are told of it."""
    told: dict[str, Any] = {
        "AcceptRanges": "bytes",
        "ETag": quoted(found.etag),
        "LastModified": found.modified.replace(microsecond=0),
        "ContentType": found.description.content_type,
        "Metadata": found.description.metadata,
    }
    for name, header in _HEADERS.items():
        value = found.description.headers.get(header)
        if value is not None:
            told[name] = parsedate_to_datetime(value) if name == "Expires" else value
    if found.description.tags:
        told["TagCount"] = len(found.description.tags)
    return told


def refuse_acl(given: Mapping[str, Any]) -> None:
    """Buckets belong to their owner alone, as is the default in S3."""
    grants = ("GrantFullControl", "GrantRead", "GrantReadACP", "GrantWrite", "GrantWriteACP")
    if given.get("ACL", _ACLS[0]) not in _ACLS or any(given.get(name) for name in grants):
        raise AccessControlListNotSupported("The bucket does not allow ACLs")


def conditions(given: Mapping[str, Any], prefix: str = "") -> Conditions:
    """The conditions of a request, or those on the source of a copy."""
    return Conditions(
        if_match=etag_of(given.get(f"{prefix}IfMatch", "")),
        if_none_match=etag_of(given.get(f"{prefix}IfNoneMatch", "")),
        modified_since=given.get(f"{prefix}IfModifiedSince"),
        unmodified_since=given.get(f"{prefix}IfUnmodifiedSince"),
    )


def source(given: Mapping[str, Any]) -> Source:
    """Where a copy is taken from."""
    bucket, key, version = source_of(unquote(given["CopySource"]))
    refuse_version(version)
    return Source(
        bucket,
        key,
        conditions(given, "CopySource"),
        given.get("CopySourceRange", ""),
        given.get("ExpectedSourceBucketOwner", ""),
    )


def refuse_version(version: str | None) -> None:
    """Refuse to speak of versions, but for the current one."""
    if version and version != CURRENT:
        raise NoSuchVersion("The specified version does not exist.", VersionId=version)


def owner(given: Mapping[str, Any]) -> str:
    """The account that the caller expects the bucket to be of."""
    return str(given.get("ExpectedBucketOwner", ""))


def owned_by(bucket: Bucket) -> dict[str, str]:
    """The owner of a bucket, and of all that is in it."""
    return {"ID": bucket.account, "DisplayName": bucket.account}


def owners_acl(bucket: Bucket) -> dict[str, Any]:
    """What an access control list would say if there was one."""
    grantee = {"Type": "CanonicalUser", **owned_by(bucket)}
    grants = [{"Grantee": grantee, "Permission": "FULL_CONTROL"}]
    return {"Owner": owned_by(bucket), "Grants": grants}


def quoted(etag: str) -> str:
    """An ETag as the wire has it."""
    return f'"{etag}"'


class Spelling:
    """How keys are spelt in a list: as they are, or as in a URL, where the client asks for it."""

    def __init__(self, encoding: str) -> None:
        if encoding not in ("", "url"):
            raise InvalidArgument(
                "Invalid Encoding Method specified in Request", ArgumentName="encoding-type"
            )
        self._url = encoding == "url"

    def __call__(self, text: str) -> str:
        return quote(text, safe="/*-._") if self._url else text


def tags(given: Any) -> dict[str, str]:
    """The tags of a TagSet."""
    found: dict[str, str] = {}
    for tag in given["TagSet"]:
        if tag["Key"] in found:
            raise InvalidRequest("Cannot provide multiple Tags with the same key")
        found[tag["Key"]] = tag["Value"]
    return found


def tag_set(found: Mapping[str, str]) -> dict[str, Any]:
    """Tags, as a TagSet."""
    return {"TagSet": [{"Key": key, "Value": value} for key, value in sorted(found.items())]}


def _digest(text: str | None) -> bytes | None:
    if text is None:
        return None
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise InvalidDigest("The Content-MD5 you specified is not valid.") from None


def _http_date(instant: datetime) -> str:
    return instant.astimezone(UTC).strftime("%a, %d %b %Y %H:%M:%S GMT")
