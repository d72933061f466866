"""The operations on buckets themselves."""

from typing import TYPE_CHECKING, Any

from ostler.capabilities.buckets.errors import IllegalLocationConstraintException
from ostler.capabilities.buckets.operations import words
from ostler.capabilities.buckets.service import Buckets
from ostler.foundation.call import Call
from ostler.foundation.paging import PageRequest

if TYPE_CHECKING:
    from ostler.wire.shapes import s3

_MOST = 10_000
_FIRST_REGION = "us-east-1"
_OLD_NAMES = {"EU": "eu-west-1"}


class BucketOperations:
    """Makes, finds, lists, tags and deletes buckets."""

    service = "s3"

    def __init__(self, buckets: Buckets) -> None:
        self._buckets = buckets

    async def create_bucket(self, call: Call, given: "s3.CreateBucketRequest") -> Any:
        words.refuse_acl(given)
        configuration = given.get("CreateBucketConfiguration", {})
        region = configuration.get("LocationConstraint", "")
        if configuration.get("Location") or configuration.get("Bucket"):
            raise IllegalLocationConstraintException("There are no directory buckets here.")
        tags = words.tags({"TagSet": configuration.get("Tags", [])})
        bucket = await self._buckets.create(
            call, given["Bucket"], _OLD_NAMES.get(region, region), tags
        )
        return {"Location": f"/{bucket.name}"}

    async def delete_bucket(self, call: Call, given: "s3.DeleteBucketRequest") -> Any:
        await self._buckets.delete(call, given["Bucket"], words.owner(given))
        return {}

    async def head_bucket(self, call: Call, given: "s3.HeadBucketRequest") -> Any:
        bucket = await self._buckets.get(call, given["Bucket"], "s3:ListBucket", words.owner(given))
        return {"BucketRegion": bucket.region, "AccessPointAlias": False}

    async def list_buckets(self, call: Call, given: "s3.ListBucketsRequest") -> Any:
        prefix, region = given.get("Prefix", ""), given.get("BucketRegion", "")
        question = (call.action, call.account, prefix, region)
        token = given.get("ContinuationToken", "")
        after = call.page_tokens.open(question, token) if token else None
        asked = PageRequest(min(given.get("MaxBuckets", _MOST), _MOST), after)
        page = await self._buckets.list(call, prefix, region, asked)
        answer: dict[str, Any] = {
            "Buckets": [
                {
                    "Name": bucket.name,
                    "CreationDate": bucket.created,
                    "BucketRegion": bucket.region,
                    "BucketArn": f"arn:aws:s3:::{bucket.name}",
                }
                for bucket in page.items
            ],
            "Owner": {"ID": call.account, "DisplayName": call.account},
        }
        if prefix:
            answer["Prefix"] = prefix
        if page.last is not None:
            answer["ContinuationToken"] = call.page_tokens.seal(question, page.last)
        return answer

    async def get_bucket_location(self, call: Call, given: "s3.GetBucketLocationRequest") -> Any:
        bucket = await self._buckets.get(
            call, given["Bucket"], "s3:GetBucketLocation", words.owner(given)
        )
        # The first region has no name here: clients know.
        return {"LocationConstraint": "" if bucket.region == _FIRST_REGION else bucket.region}

    async def get_bucket_tagging(self, call: Call, given: "s3.GetBucketTaggingRequest") -> Any:
        tags = await self._buckets.tags(call, given["Bucket"], words.owner(given))
        return words.tag_set(tags)

    async def put_bucket_tagging(self, call: Call, given: "s3.PutBucketTaggingRequest") -> Any:
        tags = words.tags(given["Tagging"])
        await self._buckets.tag(call, given["Bucket"], tags, words.owner(given))
        return {}

    async def delete_bucket_tagging(
        self, call: Call, given: "s3.DeleteBucketTaggingRequest"
    ) -> Any:
        await self._buckets.tag(call, given["Bucket"], {}, words.owner(given))
        return {}
