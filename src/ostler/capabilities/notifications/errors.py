"""What notifications may refuse, named as SNS names it."""

from ostler.foundation.errors import ApiError


class BatchEntryIdsNotDistinctException(ApiError):
    """Two entries of a batch have the same id."""


class BatchRequestTooLongException(ApiError):
    """The messages of a batch are too long together."""


class EmptyBatchRequestException(ApiError):
    """A batch without entries."""


class InvalidBatchEntryIdException(ApiError):
    """The id of an entry has characters that it cannot have."""


class InvalidParameterException(ApiError):
    """A value is none that the member can have."""


class NotFoundException(ApiError):
    """There is no such topic or subscription."""


class ResourceNotFoundException(ApiError):
    """There is nothing that could have tags by this ARN."""


class SubscriptionLimitExceededException(ApiError):
    """The topic has as many subscriptions as it may."""


class TagLimitExceededException(ApiError):
    """The topic would carry more tags than it may."""


class TooManyEntriesInBatchRequestException(ApiError):
    """More than ten messages at once."""


class TopicLimitExceededException(ApiError):
    """There are as many topics as there may be."""
