"""The operations that list objects: in three forms, for clients of three ages."""

from typing import TYPE_CHECKING, Any

from ostler.capabilities.buckets.errors import InvalidArgument
from ostler.capabilities.buckets.model.objects import Bucket, Listed
from ostler.capabilities.buckets.operations import words
from ostler.capabilities.buckets.operations.words import Spelling
from ostler.capabilities.buckets.service import Asked, Listing
from ostler.foundation.call import Call

if TYPE_CHECKING:
    from ostler.wire.shapes import s3

_MOST = 1000


class ListOperations:
    """Lists objects."""

    service = "s3"

    def __init__(self, listing: Listing) -> None:
        self._listing = listing

    async def list_objects(self, call: Call, given: "s3.ListObjectsRequest") -> Any:
        marker = given.get("Marker", "")
        bucket, found = await self._listing.contents(
            call, given["Bucket"], _asked(given, after=marker)
        )
        spelt = Spelling(given.get("EncodingType", ""))
        answer = _page(given, spelt, found)
        answer["Marker"] = spelt(marker)
        answer["Contents"] = [_object(each, spelt, bucket) for each in found.objects]
        if found.last and given.get("Delimiter"):
            answer["NextMarker"] = spelt(found.last)
        return answer

    async def list_objects_v2(self, call: Call, given: "s3.ListObjectsV2Request") -> Any:
        start, token = given.get("StartAfter", ""), given.get("ContinuationToken", "")
        question = (
            call.action,
            given["Bucket"],
            given.get("Prefix", ""),
            given.get("Delimiter", ""),
        )
        after = call.page_tokens.open(question, token)[0] if token else start
        bucket, found = await self._listing.contents(
            call, given["Bucket"], _asked(given, after=after)
        )
        spelt = Spelling(given.get("EncodingType", ""))
        owned_by = bucket if given.get("FetchOwner") else None
        answer = _page(given, spelt, found)
        answer["KeyCount"] = found.count
        answer["Contents"] = [_object(each, spelt, owned_by) for each in found.objects]
        if start:
            answer["StartAfter"] = spelt(start)
        if token:
            answer["ContinuationToken"] = token
        if found.last:
            answer["NextContinuationToken"] = call.page_tokens.seal(question, (found.last,))
        return answer

    async def list_object_versions(self, call: Call, given: "s3.ListObjectVersionsRequest") -> Any:
        marker = given.get("KeyMarker", "")
        bucket, found = await self._listing.contents(
            call, given["Bucket"], _asked(given, after=marker), action="s3:ListBucketVersions"
        )
        spelt = Spelling(given.get("EncodingType", ""))
        answer = _page(given, spelt, found)
        answer["KeyMarker"] = spelt(marker)
        answer["Versions"] = [
            {**_object(each, spelt, bucket), "VersionId": words.CURRENT, "IsLatest": True}
            for each in found.objects
        ]
        if found.last:
            answer["NextKeyMarker"] = spelt(found.last)
            answer["NextVersionIdMarker"] = words.CURRENT
        return answer


def _asked(given: Any, *, after: str) -> Asked:
    limit = given.get("MaxKeys", _MOST)
    if limit < 0:
        raise InvalidArgument(
            "Argument maxKeys must be an integer between 0 and 2147483647",
            ArgumentName="maxKeys",
            ArgumentValue=str(limit),
        )
    return Asked(
        prefix=given.get("Prefix", ""),
        delimiter=given.get("Delimiter", ""),
        after=after,
        limit=limit,
        owner=words.owner(given),
    )


def _page(given: Any, spelt: Spelling, found: Any) -> dict[str, Any]:
    answer: dict[str, Any] = {
        "Name": given["Bucket"],
        "Prefix": spelt(given.get("Prefix", "")),
        "MaxKeys": min(given.get("MaxKeys", _MOST), _MOST),
        "IsTruncated": bool(found.last),
        "CommonPrefixes": [{"Prefix": spelt(each)} for each in found.prefixes],
    }
    if given.get("Delimiter"):
        answer["Delimiter"] = spelt(given["Delimiter"])
    if given.get("EncodingType"):
        answer["EncodingType"] = given["EncodingType"]
    return answer


def _object(listed: Listed, spelt: Spelling, owned_by: Bucket | None) -> dict[str, Any]:
    written: dict[str, Any] = {
        "Key": spelt(listed.key),
        "LastModified": listed.modified,
        "ETag": words.quoted(listed.etag),
        "Size": listed.size,
        "StorageClass": words.STORAGE_CLASS,
    }
    if listed.checksum is not None:
        written["ChecksumAlgorithm"] = [listed.checksum.algorithm]
        written["ChecksumType"] = listed.checksum.kind
    if owned_by is not None:
        written["Owner"] = words.owned_by(owned_by)
    return written
