"""What KMS may refuse, named as the wire names it."""

from ostler.foundation.errors import ApiError


class AlreadyExistsException(ApiError):
    """There is such an alias already."""


class DisabledException(ApiError):
    """The key is switched off."""


class DryRunOperationException(ApiError):
    """It would have been done, but it was only a trial."""


class IncorrectKeyException(ApiError):
    """Another key than the one named sealed the ciphertext."""


class InvalidAliasNameException(ApiError):
    """No alias may be called so."""


class InvalidCiphertextException(ApiError):
    """It is no ciphertext of a key of this house, or not for this context; AWS says no more."""


class InvalidGrantTokenException(ApiError):
    """There is no such grant."""


class InvalidMarkerException(ApiError):
    """The paging token is not one that this operation gave for this question."""


class KMSInvalidStateException(ApiError):
    """The key's state forbids it."""


class LimitExceededException(ApiError):
    """There would be more than there may be."""


class MalformedPolicyDocumentException(ApiError):
    """It is no key policy, or would lock its author out."""


class NotFoundException(ApiError):
    """There is no such key or alias."""


class TagException(ApiError):
    """A tag's key or value cannot be."""


class UnsupportedOperationException(ApiError):
    """Keys of this kind cannot do that."""
