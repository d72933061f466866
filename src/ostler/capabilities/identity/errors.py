"""What identity may refuse, named as IAM and STS name it."""

from ostler.foundation.errors import ApiError


class DeleteConflict(ApiError):
    """Something still hangs on what was to be deleted."""


class EntityAlreadyExists(ApiError):
    """The name is taken, be it in other case."""


class InvalidInput(ApiError):
    """A name, an id or a duration is not of the form it must have."""


class LimitExceeded(ApiError):
    """There may be no more of these."""


class MalformedPolicyDocument(ApiError):
    """The text is not a policy of this kind."""


class NoSuchEntity(ApiError):
    """There is no account, user, group, role, policy or key of this name."""


class PackedPolicyTooLarge(ApiError):
    """The policies and tags of a session do not fit into its token."""


class InvalidIdentityToken(ApiError):
    """The token is not one that the provider issued to our client."""


class IDPCommunicationError(ApiError):
    """The provider did not tell its keys; trying again may help."""
