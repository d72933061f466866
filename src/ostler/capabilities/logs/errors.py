"""What logs may refuse."""

from ostler.foundation.errors import ApiError


class InvalidParameterException(ApiError):
    """A value is not one that the operation takes."""


class LimitExceededException(ApiError):
    """There are as many as there may be."""


class ResourceAlreadyExistsException(ApiError):
    """There is such a group or stream."""


class ResourceNotFoundException(ApiError):
    """There is no such group or stream."""


class TooManyTagsException(ApiError):
    """The group would carry more tags than it may."""
