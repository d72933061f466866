"""What events may refuse, named as EventBridge names it."""

from ostler.foundation.errors import ApiError


class InvalidEventPatternException(ApiError):
    """The text is no event pattern."""


class LimitExceededException(ApiError):
    """There may be no more of these."""


class ResourceAlreadyExistsException(ApiError):
    """The name is taken."""


class ResourceNotFoundException(ApiError):
    """There is no such bus, rule, connection or destination."""
