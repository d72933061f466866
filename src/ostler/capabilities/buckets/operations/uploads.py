"""The operations on uploads in parts."""

from typing import TYPE_CHECKING, Any

from ostler.capabilities.buckets.errors import InvalidArgument
from ostler.capabilities.buckets.model.objects import etag_of
from ostler.capabilities.buckets.model.uploads import ChosenPart
from ostler.capabilities.buckets.operations import words
from ostler.capabilities.buckets.operations.words import Spelling
from ostler.capabilities.buckets.service import Incoming, Objects, Uploads
from ostler.capabilities.buckets.service.uploads import Named
from ostler.foundation.call import Call

if TYPE_CHECKING:
    from ostler.wire.shapes import s3

_MOST = 1000


class UploadOperations:
    """Begins, fills, lists, completes and aborts uploads."""

    service = "s3"

    def __init__(self, uploads: Uploads, objects: Objects) -> None:
        self._uploads = uploads
        self._objects = objects

    async def create_multipart_upload(
        self, call: Call, given: "s3.CreateMultipartUploadRequest"
    ) -> Any:
        upload = await self._uploads.begin(
            call,
            given["Bucket"],
            given["Key"],
            words.description(given),
            algorithm=given.get("ChecksumAlgorithm", ""),
            kind=given.get("ChecksumType", ""),
            owner=words.owner(given),
        )
        answer = {"Bucket": upload.bucket, "Key": upload.key, "UploadId": upload.id}
        if upload.algorithm:
            answer |= {"ChecksumAlgorithm": upload.algorithm, "ChecksumType": upload.kind}
        return answer

    async def upload_part(self, call: Call, given: "s3.UploadPartRequest") -> Any:
        part = await self._uploads.bring(
            call, _named(given), given["PartNumber"], words.incoming(given)
        )
        told = words.checksum(part.checksum)
        told.pop("ChecksumType", None)
        return {"ETag": words.quoted(part.etag), **told}

    async def upload_part_copy(self, call: Call, given: "s3.UploadPartCopyRequest") -> Any:
        whole = await self._objects.read_source(call, words.source(given))
        part = await self._uploads.bring(
            call, _named(given), given["PartNumber"], Incoming(whole.content)
        )
        result = {"ETag": words.quoted(part.etag), "LastModified": part.modified}
        return {"CopyPartResult": result}

    async def complete_multipart_upload(
        self, call: Call, given: "s3.CompleteMultipartUploadRequest"
    ) -> Any:
        parts = given.get("MultipartUpload", {}).get("Parts", [])
        made = await self._uploads.complete(
            call,
            _named(given),
            [
                ChosenPart(
                    each.get("PartNumber", 0),
                    etag_of(each.get("ETag", "")),
                    words.checksum_given(each)[1],
                )
                for each in parts
            ],
            expected=words.checksum_given(given)[1],
            size=given.get("MpuObjectSize"),
            conditions=words.conditions(given),
        )
        return {
            "Location": f"{call.endpoint}/{given['Bucket']}/{given['Key']}",
            "Bucket": given["Bucket"],
            "Key": given["Key"],
            "ETag": words.quoted(made.etag),
            **words.checksum(made.checksum),
        }

    async def abort_multipart_upload(
        self, call: Call, given: "s3.AbortMultipartUploadRequest"
    ) -> Any:
        await self._uploads.abort(call, _named(given))
        return {}

    async def list_parts(self, call: Call, given: "s3.ListPartsRequest") -> Any:
        after = int(given.get("PartNumberMarker", 0) or 0)
        limit = _limit(given.get("MaxParts"))
        bucket, upload, found = await self._uploads.parts(
            call, _named(given), after=after, limit=limit
        )
        shown = found[:limit]
        answer: dict[str, Any] = {
            "Bucket": upload.bucket,
            "Key": upload.key,
            "UploadId": upload.id,
            "PartNumberMarker": after,
            "MaxParts": limit,
            "IsTruncated": len(found) > limit,
            "Parts": [
                {
                    "PartNumber": part.number,
                    "LastModified": part.modified,
                    "ETag": words.quoted(part.etag),
                    "Size": part.piece.size,
                    **{
                        name: text
                        for name, text in words.checksum(part.checksum).items()
                        if name != "ChecksumType"
                    },
                }
                for part in shown
            ],
            "Initiator": {"ID": upload.initiator, "DisplayName": upload.initiator},
            "Owner": words.owned_by(bucket),
            "StorageClass": words.STORAGE_CLASS,
        }
        if upload.algorithm:
            answer |= {"ChecksumAlgorithm": upload.algorithm, "ChecksumType": upload.kind}
        if len(found) > limit and shown:
            answer["NextPartNumberMarker"] = shown[-1].number
        return answer

    async def list_multipart_uploads(
        self, call: Call, given: "s3.ListMultipartUploadsRequest"
    ) -> Any:
        if given.get("Delimiter"):
            raise InvalidArgument(
                "Uploads are listed without a delimiter here.", ArgumentName="delimiter"
            )
        limit = _limit(given.get("MaxUploads"))
        spelt = Spelling(given.get("EncodingType", ""))
        marker, upload_marker = given.get("KeyMarker", ""), given.get("UploadIdMarker", "")
        bucket, found = await self._uploads.list(
            call,
            given["Bucket"],
            prefix=given.get("Prefix", ""),
            after=(marker, upload_marker),
            limit=limit,
            owner=words.owner(given),
        )
        shown = found[:limit]
        answer: dict[str, Any] = {
            "Bucket": given["Bucket"],
            "KeyMarker": spelt(marker),
            "UploadIdMarker": upload_marker,
            "Prefix": spelt(given.get("Prefix", "")),
            "MaxUploads": limit,
            "IsTruncated": len(found) > limit,
            "Uploads": [
                {
                    "UploadId": upload.id,
                    "Key": spelt(upload.key),
                    "Initiated": upload.begun,
                    "StorageClass": words.STORAGE_CLASS,
                    "Owner": words.owned_by(bucket),
                    "Initiator": {"ID": upload.initiator, "DisplayName": upload.initiator},
                }
                for upload in shown
            ],
        }
        if given.get("EncodingType"):
            answer["EncodingType"] = given["EncodingType"]
        if len(found) > limit and shown:
            answer["NextKeyMarker"] = spelt(shown[-1].key)
            answer["NextUploadIdMarker"] = shown[-1].id
        return answer


def _named(given: Any) -> Named:
    return Named(given["Bucket"], given["Key"], given["UploadId"], words.owner(given))


def _limit(asked: int | None) -> int:
    if asked is None:
        return _MOST
    if asked < 0:
        raise InvalidArgument("The most to be listed must not be negative.")
    return min(asked, _MOST)
