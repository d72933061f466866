"""The operations on objects."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ostler.capabilities.buckets.errors import InvalidArgument, MalformedXML
from ostler.capabilities.buckets.model.objects import Conditions, etag_of, tags_of_header
from ostler.capabilities.buckets.operations import words
from ostler.capabilities.buckets.service import Objects, WholeObject
from ostler.foundation.call import Call
from ostler.foundation.errors import AccessDeniedException

if TYPE_CHECKING:
    from ostler.wire.shapes import s3

_MOST_DELETED = 1000
_OVERRIDES = {
    "ResponseCacheControl": "CacheControl",
    "ResponseContentDisposition": "ContentDisposition",
    "ResponseContentEncoding": "ContentEncoding",
    "ResponseContentLanguage": "ContentLanguage",
    "ResponseContentType": "ContentType",
    "ResponseExpires": "Expires",
}


class ObjectOperations:
    """Puts, reads, copies, tags and deletes objects."""

    service = "s3"

    def __init__(self, objects: Objects) -> None:
        self._objects = objects

    async def put_object(self, call: Call, given: "s3.PutObjectRequest") -> Any:
        acl = given.get("ACL")
        written = await self._objects.put(
            call,
            given["Bucket"],
            given["Key"],
            words.description(given),
            words.incoming(given),
            conditions=words.conditions(given),
            context={"s3:x-amz-acl": [acl]} if acl else None,
            owner=words.owner(given),
        )
        return {"ETag": words.quoted(written.etag), **words.checksum(written.checksum)}

    async def get_object(self, call: Call, given: "s3.GetObjectRequest") -> Any:
        whole = await self._read(call, given)
        return {**_told(given, whole), "Body": whole.content}

    async def head_object(self, call: Call, given: "s3.HeadObjectRequest") -> Any:
        return _told(given, await self._read(call, given))

    async def copy_object(self, call: Call, given: "s3.CopyObjectRequest") -> Any:
        replaced = given.get("MetadataDirective", "COPY") == "REPLACE"
        retagged = given.get("TaggingDirective", "COPY") == "REPLACE"
        words.refuse_acl(given)
        copied = await self._objects.copy(
            call,
            words.source(given),
            given["Bucket"],
            given["Key"],
            described=words.description(given) if replaced else None,
            tags=tags_of_header(given.get("Tagging", "")) if retagged else None,
            algorithm=given.get("ChecksumAlgorithm", ""),
            conditions=words.conditions(given),
            owner=words.owner(given),
        )
        result = {
            "ETag": words.quoted(copied.etag),
            "LastModified": copied.modified,
            **words.checksum(copied.checksum),
        }
        return {"CopyObjectResult": result}

    async def delete_object(self, call: Call, given: "s3.DeleteObjectRequest") -> Any:
        words.refuse_version(given.get("VersionId"))
        await self._objects.delete(
            call,
            given["Bucket"],
            given["Key"],
            conditions=words.conditions(given),
            owner=words.owner(given),
        )
        return {}

    async def delete_objects(self, call: Call, given: "s3.DeleteObjectsRequest") -> Any:
        named = given["Delete"]["Objects"]
        if not 1 <= len(named) <= _MOST_DELETED:
            raise MalformedXML(
                "The XML you provided was not well-formed or did not validate against our "
                f"published schema: it names 1 to {_MOST_DELETED} objects."
            )
        for each in named:
            words.refuse_version(each.get("VersionId"))
        wanted = [
            (each["Key"], Conditions(if_match=etag_of(each.get("ETag", "")))) for each in named
        ]
        outcomes = await self._objects.delete_many(
            call, given["Bucket"], wanted, words.owner(given)
        )
        quiet = given["Delete"].get("Quiet", False)
        return {
            "Deleted": [{"Key": key} for key, refusal in outcomes if refusal is None and not quiet],
            "Errors": [
                {
                    "Key": key,
                    "Code": _denied(refusal.code),
                    "Message": refusal.message,
                }
                for key, refusal in outcomes
                if refusal is not None
            ],
        }

    async def get_object_tagging(self, call: Call, given: "s3.GetObjectTaggingRequest") -> Any:
        words.refuse_version(given.get("VersionId"))
        found = await self._objects.tags(call, given["Bucket"], given["Key"], words.owner(given))
        return words.tag_set(found)

    async def put_object_tagging(self, call: Call, given: "s3.PutObjectTaggingRequest") -> Any:
        words.refuse_version(given.get("VersionId"))
        tags = words.tags(given["Tagging"])
        await self._objects.tag(call, given["Bucket"], given["Key"], tags, words.owner(given))
        return {}

    async def delete_object_tagging(
        self, call: Call, given: "s3.DeleteObjectTaggingRequest"
    ) -> Any:
        words.refuse_version(given.get("VersionId"))
        await self._objects.tag(call, given["Bucket"], given["Key"], {}, words.owner(given))
        return {}

    async def get_object_acl(self, call: Call, given: "s3.GetObjectAclRequest") -> Any:
        bucket = await self._objects.seen(
            call, given["Bucket"], given["Key"], "s3:GetObjectAcl", words.owner(given)
        )
        return words.owners_acl(bucket)

    async def _read(self, call: Call, given: Any) -> WholeObject:
        words.refuse_version(given.get("VersionId"))
        number = given.get("PartNumber", 0)
        if number and given.get("Range"):
            raise InvalidArgument("Cannot specify both Range header and partNumber query parameter")
        return await self._objects.get(
            call,
            given["Bucket"],
            given["Key"],
            conditions=words.conditions(given),
            range_asked=given.get("Range", ""),
            part_number=number,
            owner=words.owner(given),
        )


def _told(given: Mapping[str, Any], whole: WholeObject) -> dict[str, Any]:
    found, part = whole.object, whole.part
    told = words.described(found)
    told |= {name: given[asked] for asked, name in _OVERRIDES.items() if asked in given}
    told["ContentLength"] = part.end - part.start
    if whole.partial:
        told["ContentRange"] = part.told
    elif given.get("ChecksumMode") == "ENABLED":
        told |= words.checksum(found.checksum)
    if given.get("PartNumber") and len(found.pieces) > 1:
        told["PartsCount"] = len(found.pieces)
    return told


def _denied(code: str) -> str:
    return "AccessDenied" if code == AccessDeniedException.__name__ else code
