"""What compliance may refuse."""

from ostler.foundation.errors import ApiError


class ComplianceTypeCountLimitExceededException(ApiError):
    """The account has as many custom compliance types as it may."""


class InvalidFilter(ApiError):
    """The filter names a key that there is not, or compares in a way that its key cannot."""


class InvalidItemContentException(ApiError):
    """An item has no id, or two have the same."""


class InvalidResourceId(ApiError):
    """There is no such node."""


class InvalidResourceType(ApiError):
    """Only managed instances have compliance."""
