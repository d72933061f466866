"""What the fleet's operations may refuse, named as the wire names it."""

from ostler.foundation.errors import ApiError


class ActivationExpired(ApiError):
    """The activation's date has passed."""


class InstanceAlreadyRegistered(ApiError):
    """The public key already belongs to a registered node."""


class InvalidActivation(ApiError):
    """There is no such activation, or the code is not its own."""


class InvalidActivationId(ApiError):
    """There is no such activation to delete."""


class InvalidAggregatorException(ApiError):
    """The aggregators do not make a summary."""


class InvalidFilter(ApiError):
    """The filter lacks a part, or asks for what no node or activation can have."""


class InvalidFilterKey(ApiError):
    """Nodes cannot be filtered by this key; AWS sends it without a text."""


class InvalidInstanceId(ApiError):
    """A node id that is unknown, deregistered or another account's."""


class InvalidInstanceInformationFilterValue(ApiError):
    """The filter's key is known, its values are not."""


class InvalidInstanceInformationValue(ApiError):
    """An agent said of itself what cannot be."""


class InvalidInstancePropertyFilterValue(ApiError):
    """The filter's key is known, its values or its operator are not."""


class InvalidPublicKey(ApiError):
    """The public key cannot be read, or is too weak."""


class MachineFingerprintDoesNotMatch(ApiError):
    """The node's key is used on another machine than the one that registered it."""


class PublicKeyAlreadyRegistered(ApiError):
    """The new public key is in use already."""


class RegistrationLimitExceeded(ApiError):
    """The activation has registered as many nodes as it may."""


class ResourceDataSyncNotFoundException(ApiError):
    """There is no data sync of this name."""
