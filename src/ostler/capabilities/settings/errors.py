"""What the operations of settings and resource policies may refuse, named as the wire names it."""

from ostler.foundation.errors import ApiError


class MalformedResourcePolicyDocumentException(ApiError):
    """It is no resource policy, or one that no resource may have."""


class ResourceNotFoundException(ApiError):
    """There is no such resource to share."""


class ResourcePolicyConflictException(ApiError):
    """Somebody else has changed the policy meanwhile: its hash is another one."""


class ResourcePolicyInvalidParameterException(ApiError):
    """The call does not fit together, or the resource cannot be shared."""


class ResourcePolicyLimitExceededException(ApiError):
    """The policy is too large, or one too many."""


class ResourcePolicyNotFoundException(ApiError):
    """The resource has no policy of that id."""


class ServiceSettingNotFound(ApiError):
    """There is no such setting."""
