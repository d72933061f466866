"""Objects: content under a key, what its owner says of it, and who means which one."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from urllib.parse import parse_qsl

from ostler.capabilities.buckets.errors import (
    InvalidTag,
    MetadataTooLarge,
    NotModified,
    PreconditionFailed,
)
from ostler.capabilities.buckets.model.checksums import Checksum
from ostler.foundation.ids import AccountId, Region

LARGEST_PUT = 5 * 1024**3
"""Bytes that come in one piece: an object, or a part of one."""
LARGEST_METADATA = 2048
MOST_TAGS = 10
MOST_BUCKET_TAGS = 50

_PLAIN_TYPE = "binary/octet-stream"


@dataclass(frozen=True, slots=True)
class Bucket:
    """A bucket, its owner's account, and the region where it says it is."""

    name: str
    account: AccountId
    region: Region
    created: datetime
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Piece:
    """A blob that holds a part of an object's content."""

    blob: str
    size: int


@dataclass(frozen=True, slots=True)
class Description:
    """What its owner says of an object: headers that readers get, by their names on the wire in
    lower case, metadata, and tags."""

    content_type: str = _PLAIN_TYPE
    headers: Mapping[str, str] = field(default_factory=dict)
    metadata: Mapping[str, str] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)

    def check(self) -> None:
        """Refuse what no object may carry."""
        size = sum(len(key.encode()) + len(text.encode()) for key, text in self.metadata.items())
        if size > LARGEST_METADATA:
            raise MetadataTooLarge(
                "Your metadata headers exceed the maximum allowed metadata size",
                Size=str(size),
                MaxSizeAllowed=str(LARGEST_METADATA),
            )
        check_tags(self.tags, MOST_TAGS)


@dataclass(frozen=True, slots=True)
class Object:
    """An object, as it is now."""

    key: str
    size: int
    etag: str
    modified: datetime
    description: Description = field(default_factory=Description)
    checksum: Checksum | None = None
    pieces: Sequence[Piece] = ()

    def touched(self, description: Description) -> "Object":
        """The same content with other words about it."""
        return replace(self, description=description)


@dataclass(frozen=True, slots=True)
class Listed:
    """An object as lists show it."""

    key: str
    size: int
    etag: str
    modified: datetime
    checksum: Checksum | None = None


@dataclass(frozen=True, slots=True)
class Conditions:
    """What must be so, or else nothing is done: of ETags the quotes are taken off already."""

    if_match: str = ""
    if_none_match: str = ""
    modified_since: datetime | None = None
    unmodified_since: datetime | None = None

    def check_read(self, found: Object) -> None:
        """Raise PreconditionFailed or NotModified unless `found` is to be read (RFC 9110, 13.2)."""
        modified = found.modified.replace(microsecond=0)
        if self.if_match:
            if self.if_match not in ("*", found.etag):
                raise _failed("If-Match")
        elif self.unmodified_since is not None and modified > self.unmodified_since:
            raise _failed("If-Unmodified-Since")
        if self.if_none_match:
            if self.if_none_match in ("*", found.etag):
                raise NotModified
        elif self.modified_since is not None and modified <= self.modified_since:
            raise NotModified

    def check_copy(self, found: Object) -> None:
        """The same for the source of a copy, which is refused and never `not modified`."""
        try:
            self.check_read(found)
        except NotModified:
            raise _failed("x-amz-copy-source-If-None-Match") from None

    def check_write(self, found: Object | Listed | None) -> None:
        """Raise PreconditionFailed unless `found`, or nothing, is to be written over."""
        if self.if_none_match and found is not None and self.if_none_match in ("*", found.etag):
            raise _failed("If-None-Match")
        if self.if_match and (found is None or self.if_match not in ("*", found.etag)):
            raise _failed("If-Match")


def etag_of(text: str) -> str:
    """An ETag without the quotes, and without the mark of a weak one."""
    return text.strip().removeprefix("W/").strip('"')


def etag_of_parts(etags: Sequence[str]) -> str:
    """The ETag of content in parts: the digest of their digests, and their number."""
    total = hashlib.md5(usedforsecurity=False)
    for each in etags:
        total.update(bytes.fromhex(each))
    return f"{total.hexdigest()}-{len(etags)}"


def tags_of_header(text: str) -> dict[str, str]:
    """Tags as the header `x-amz-tagging` has them: the form of a query."""
    tags = {}
    for key, value in parse_qsl(text, keep_blank_values=True):
        if key in tags:
            raise InvalidTag("The header 'x-amz-tagging' has a key twice.")
        tags[key] = value
    return tags


def check_tags(tags: Mapping[str, str], most: int) -> None:
    """Refuse tags that buckets and objects may not carry."""
    if len(tags) > most:
        raise InvalidTag(f"Tags cannot be more than {most}")
    for key, value in tags.items():
        if not 1 <= len(key) <= 128 or key.lower().startswith("aws:"):
            raise InvalidTag("The TagKey you have provided is invalid", TagKey=key)
        if len(value) > 256 or "\0" in key + value:
            raise InvalidTag("The TagValue you have provided is invalid", TagKey=key)


def _failed(condition: str) -> PreconditionFailed:
    return PreconditionFailed(
        "At least one of the pre-conditions you specified did not hold", Condition=condition
    )
