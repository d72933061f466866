"""What inventory may refuse."""

from ostler.foundation.errors import ApiError


class CustomSchemaCountLimitExceededException(ApiError):
    """The account has as many custom types as it may."""


class InvalidAggregatorException(ApiError):
    """The aggregator names a type or an attribute that there is not."""


class InvalidDeletionIdException(ApiError):
    """There was no such deletion."""


class InvalidDeleteInventoryParametersException(ApiError):
    """The parameters of the deletion do not go together."""


class InvalidFilter(ApiError):
    """The filter names a type or an attribute that there is not."""


class InvalidInventoryItemContextException(ApiError):
    """The context of an item has keys or values that mean nothing."""


class InvalidItemContentException(ApiError):
    """An item's content is not of its type's schema; TypeName says which."""


class InvalidTypeNameException(ApiError):
    """There is no such type, or it is not one to upload or to delete."""


class ItemContentMismatchException(ApiError):
    """The content was left out, and what is kept is not what the hash is of: send it whole."""


class ItemSizeLimitExceededException(ApiError):
    """An item is too large; TypeName says which."""


class TotalSizeLimitExceededException(ApiError):
    """The items of one call are too large together."""


class UnsupportedInventoryItemContextException(ApiError):
    """Items of this type have no context; TypeName says which."""


class UnsupportedInventorySchemaVersionException(ApiError):
    """The version of the type's schema is none that is known here, or it was disabled."""


class ResourceDataSyncAlreadyExistsException(ApiError):
    """There is a sync of that name; SyncName says which."""


class ResourceDataSyncCountExceededException(ApiError):
    """The account has as many syncs as it may."""


class ResourceDataSyncInvalidConfigurationException(ApiError):
    """The sync has not what it needs, or what it cannot have."""


class ResourceDataSyncNotFoundException(ApiError):
    """There is no sync of that name and type; SyncName and SyncType say which."""
