"""Names: what buckets and objects may be called, and their ARNs (S3 user guide, naming rules)."""

import re

from ostler.capabilities.buckets.errors import (
    InvalidArgument,
    InvalidBucketName,
    InvalidRequest,
    KeyTooLongError,
)

LONGEST_KEY = 1024
"""Bytes."""

_BUCKET = re.compile(r"[a-z0-9](?:[a-z0-9-]|\.(?!\.)){1,61}[a-z0-9]")
_ADDRESS = re.compile(r"\d+\.\d+\.\d+\.\d+")
_RESERVED_BEGINNINGS = ("xn--", "sthree-")
_RESERVED_ENDS = ("-s3alias", "--ol-s3", ".mrap", "--x-s3", "--table-s3")


def check_bucket_name(name: str) -> None:
    """Refuse a name that no new bucket may have."""
    if (
        not _BUCKET.fullmatch(name)
        or _ADDRESS.fullmatch(name)
        or name.startswith(_RESERVED_BEGINNINGS)
        or name.endswith(_RESERVED_ENDS)
    ):
        raise InvalidBucketName("The specified bucket is not valid.", BucketName=name)


def check_key(key: str) -> None:
    """Refuse a key that no new object may have."""
    size = len(key.encode())
    if size > LONGEST_KEY:
        raise KeyTooLongError(
            "Your key is too long", Size=str(size), MaxSizeAllowed=str(LONGEST_KEY)
        )
    if "\0" in key:
        raise InvalidArgument("A key cannot have the character zero in it.")
    if any(part in (".", "..") for part in key.split("/")):
        # Clients tidy such paths away before they sign or send them, and reach another object.
        raise InvalidRequest("A key cannot have '.' or '..' as a part of its path.")


def bucket_arn(bucket: str) -> str:
    """The ARN by which policies name a bucket."""
    return f"arn:aws:s3:::{bucket}"


def object_arn(bucket: str, key: str) -> str:
    """The ARN by which policies name an object."""
    return f"arn:aws:s3:::{bucket}/{key}"


def source_of(text: str) -> tuple[str, str, str]:
    """Bucket, key and version that an `x-amz-copy-source` names, which is decoded already."""
    path, _, version = text.partition("?versionId=")
    bucket, _, key = path.removeprefix("/").partition("/")
    if not bucket or not key:
        raise InvalidArgument(
            "Copy Source must mention the source bucket and key: sourcebucket/sourcekey",
            ArgumentName="x-amz-copy-source",
            ArgumentValue=text,
        )
    return bucket, key, version
