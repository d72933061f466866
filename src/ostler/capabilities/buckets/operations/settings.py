"""What buckets here are and are not: answers to clients that look at everything a bucket has.

There are no versions, policies, lists of access, rules for life, origins or replicas. Each answer
says so in S3's own words; what would change any of it is not implemented.
"""

from typing import TYPE_CHECKING, Any

from ostler.capabilities.buckets.errors import (
    NoSuchBucketPolicy,
    NoSuchCORSConfiguration,
    NoSuchLifecycleConfiguration,
    NoSuchWebsiteConfiguration,
    ObjectLockConfigurationNotFoundError,
    ReplicationConfigurationNotFoundError,
    ServerSideEncryptionConfigurationNotFoundError,
)
from ostler.capabilities.buckets.model.objects import Bucket
from ostler.capabilities.buckets.operations import words
from ostler.capabilities.buckets.service import Buckets
from ostler.foundation.call import Call

if TYPE_CHECKING:
    from ostler.wire.shapes import s3


class SettingOperations:
    """Tells what a bucket is set to."""

    service = "s3"

    def __init__(self, buckets: Buckets) -> None:
        self._buckets = buckets

    async def get_bucket_versioning(
        self, call: Call, given: "s3.GetBucketVersioningRequest"
    ) -> Any:
        await self._see(call, given, "s3:GetBucketVersioning")
        return {}  # never switched on, which S3 says by saying nothing

    async def get_bucket_logging(self, call: Call, given: "s3.GetBucketLoggingRequest") -> Any:
        await self._see(call, given, "s3:GetBucketLogging")
        return {}

    async def get_bucket_accelerate_configuration(
        self, call: Call, given: "s3.GetBucketAccelerateConfigurationRequest"
    ) -> Any:
        await self._see(call, given, "s3:GetAccelerateConfiguration")
        return {}

    async def get_bucket_notification_configuration(
        self, call: Call, given: "s3.GetBucketNotificationConfigurationRequest"
    ) -> Any:
        await self._see(call, given, "s3:GetBucketNotification")
        return {}

    async def get_bucket_request_payment(
        self, call: Call, given: "s3.GetBucketRequestPaymentRequest"
    ) -> Any:
        await self._see(call, given, "s3:GetBucketRequestPayment")
        return {"Payer": "BucketOwner"}

    async def get_bucket_acl(self, call: Call, given: "s3.GetBucketAclRequest") -> Any:
        return words.owners_acl(await self._see(call, given, "s3:GetBucketAcl"))

    async def get_bucket_ownership_controls(
        self, call: Call, given: "s3.GetBucketOwnershipControlsRequest"
    ) -> Any:
        await self._see(call, given, "s3:GetBucketOwnershipControls")
        return {"OwnershipControls": {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]}}

    async def get_public_access_block(
        self, call: Call, given: "s3.GetPublicAccessBlockRequest"
    ) -> Any:
        await self._see(call, given, "s3:GetBucketPublicAccessBlock")
        blocked = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy")
        every = dict.fromkeys((*blocked, "RestrictPublicBuckets"), True)
        return {"PublicAccessBlockConfiguration": every}

    async def get_bucket_policy_status(
        self, call: Call, given: "s3.GetBucketPolicyStatusRequest"
    ) -> Any:
        await self._see(call, given, "s3:GetBucketPolicyStatus")
        return {"PolicyStatus": {"IsPublic": False}}

    async def get_bucket_policy(self, call: Call, given: "s3.GetBucketPolicyRequest") -> Any:
        bucket = await self._see(call, given, "s3:GetBucketPolicy")
        raise NoSuchBucketPolicy("The bucket policy does not exist", BucketName=bucket.name)

    async def get_bucket_encryption(
        self, call: Call, given: "s3.GetBucketEncryptionRequest"
    ) -> Any:
        bucket = await self._see(call, given, "s3:GetEncryptionConfiguration")
        raise ServerSideEncryptionConfigurationNotFoundError(
            "The server side encryption configuration was not found", BucketName=bucket.name
        )

    async def get_bucket_cors(self, call: Call, given: "s3.GetBucketCorsRequest") -> Any:
        bucket = await self._see(call, given, "s3:GetBucketCORS")
        raise NoSuchCORSConfiguration(
            "The CORS configuration does not exist", BucketName=bucket.name
        )

    async def get_bucket_website(self, call: Call, given: "s3.GetBucketWebsiteRequest") -> Any:
        bucket = await self._see(call, given, "s3:GetBucketWebsite")
        raise NoSuchWebsiteConfiguration(
            "The specified bucket does not have a website configuration", BucketName=bucket.name
        )

    async def get_bucket_lifecycle_configuration(
        self, call: Call, given: "s3.GetBucketLifecycleConfigurationRequest"
    ) -> Any:
        bucket = await self._see(call, given, "s3:GetLifecycleConfiguration")
        raise NoSuchLifecycleConfiguration(
            "The lifecycle configuration does not exist", BucketName=bucket.name
        )

    async def get_bucket_replication(
        self, call: Call, given: "s3.GetBucketReplicationRequest"
    ) -> Any:
        bucket = await self._see(call, given, "s3:GetReplicationConfiguration")
        raise ReplicationConfigurationNotFoundError(
            "The replication configuration was not found", BucketName=bucket.name
        )

    async def get_object_lock_configuration(
        self, call: Call, given: "s3.GetObjectLockConfigurationRequest"
    ) -> Any:
        bucket = await self._see(call, given, "s3:GetBucketObjectLockConfiguration")
        raise ObjectLockConfigurationNotFoundError(
            "Object Lock configuration does not exist for this bucket", BucketName=bucket.name
        )

    async def _see(self, call: Call, given: Any, action: str) -> Bucket:
        return await self._buckets.get(call, given["Bucket"], action, words.owner(given))
