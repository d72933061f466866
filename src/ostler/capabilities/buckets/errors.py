"""What buckets may refuse, in S3's own words."""

from ostler.foundation.errors import ApiError


class AccessControlListNotSupported(ApiError):
    """Buckets belong to their owner alone: there are no access control lists."""


class BadDigest(ApiError):
    """The content is not the one whose digest was given."""


class BucketAlreadyExists(ApiError):
    """Another account has a bucket of this name."""


class BucketAlreadyOwnedByYou(ApiError):
    """The account has this bucket already."""


class BucketNotEmpty(ApiError):
    """There are objects in the bucket."""


class EntityTooLarge(ApiError):
    """The content is larger than an object, or a part of one, may be."""


class EntityTooSmall(ApiError):
    """A part that is not the last one is smaller than parts may be."""


class IllegalLocationConstraintException(ApiError):
    """The bucket cannot be in that region."""


class InvalidArgument(ApiError):
    """A value is not one that the operation takes."""


class InvalidBucketName(ApiError):
    """No bucket can be called so."""


class InvalidDigest(ApiError):
    """The digest that was given is none."""


class InvalidPart(ApiError):
    """A part that is to be put together was not uploaded, or is another one by now."""


class InvalidPartOrder(ApiError):
    """The parts are not listed in ascending order."""


class InvalidRange(ApiError):
    """The object has no byte of the range."""


class InvalidRequest(ApiError):
    """The request contradicts itself, or asks for what cannot be."""


class InvalidTag(ApiError):
    """A tag is not one that buckets and objects may carry."""


class KeyTooLongError(ApiError):
    """A key has at most 1024 bytes."""


class MalformedXML(ApiError):
    """The body is XML, but not what the operation needs."""


class MetadataTooLarge(ApiError):
    """The metadata of an object has at most 2 KiB."""


class NoSuchBucket(ApiError):
    """There is no such bucket."""


class NoSuchBucketPolicy(ApiError):
    """The bucket has no policy."""


class NoSuchCORSConfiguration(ApiError):
    """The bucket has no rules for other origins."""


class NoSuchKey(ApiError):
    """There is no such object."""


class NoSuchLifecycleConfiguration(ApiError):
    """The bucket has no rules for the life of its objects."""


class NoSuchTagSet(ApiError):
    """The bucket has no tags."""


class NoSuchUpload(ApiError):
    """There is no such upload; it was completed or aborted, perhaps."""


class NoSuchVersion(ApiError):
    """Objects have no versions but the current one, which is called null."""


class NoSuchWebsiteConfiguration(ApiError):
    """The bucket is no website."""


class NotModified(ApiError):
    """The object is the one that the client has."""


class ObjectLockConfigurationNotFoundError(ApiError):
    """The bucket locks no objects."""


class PreconditionFailed(ApiError):
    """The object is not, or no longer, the one that the client means."""


class ReplicationConfigurationNotFoundError(ApiError):
    """The bucket is not replicated."""


class ServerSideEncryptionConfigurationNotFoundError(ApiError):
    """The bucket has no rule of its own on encryption."""
