"""What State Manager may refuse, named as the wire names it."""

from ostler.foundation.errors import ApiError


class AssociationAlreadyExists(ApiError):
    """The document is associated with the node already."""


class AssociationDoesNotExist(ApiError):
    """There is no such association."""


class AssociationExecutionDoesNotExist(ApiError):
    """The association has no such execution."""


class AssociationLimitExceeded(ApiError):
    """The account has as many associations as it may have."""


class AssociationVersionLimitExceeded(ApiError):
    """The association has as many versions as it may have."""


class InvalidAssociationVersion(ApiError):
    """The association has no such version, or a later one."""


class InvalidDocument(ApiError):
    """The document is none that associations run."""


class InvalidOutputLocation(ApiError):
    """The output cannot lie there."""


class InvalidParameters(ApiError):
    """The document cannot be run with these values."""


class InvalidSchedule(ApiError):
    """The schedule means nothing, or nothing that State Manager takes."""


class InvalidTarget(ApiError):
    """The targets mean nothing."""


class InvalidTargetMaps(ApiError):
    """Maps of targets belong to documents of type Automation."""


class StatusUnchanged(ApiError):
    """The association stands like that already."""


class UnsupportedPlatformType(ApiError):
    """The document cannot run on the node's platform."""
