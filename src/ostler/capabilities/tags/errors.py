"""What a tag operation may refuse; AWS sends all three without a text."""

from ostler.foundation.errors import ApiError


class InvalidResourceId(ApiError):
    """There is no such resource, or none of that type."""


class InvalidResourceType(ApiError):
    """Resources of this type do not exist here."""


class TooManyTagsError(ApiError):
    """The resource would carry more tags than it may."""
