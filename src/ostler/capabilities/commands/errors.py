"""What Run Command may refuse, named as the wire names it."""

from ostler.foundation.errors import ApiError


class DuplicateInstanceId(ApiError):
    """The same node is named twice."""


class InvalidCommandId(ApiError):
    """There is no such command."""


class InvalidDocument(ApiError):
    """There is no such document, or it is not one that commands can run."""


class InvalidFilterKey(ApiError):
    """The operation has no such filter."""


class InvalidInstanceId(ApiError):
    """The command was not sent to this node."""


class InvalidNotificationConfig(ApiError):
    """The notifications cannot be sent like this."""


class InvalidOutputFolder(ApiError):
    """The output cannot lie there."""


class InvalidParameters(ApiError):
    """The document cannot be run with these values, or on these targets."""


class InvalidPluginName(ApiError):
    """The document has no such step."""


class InvalidRole(ApiError):
    """The role is missing, or Systems Manager may not use it."""


class InvocationDoesNotExist(ApiError):
    """The command was never sent to this node."""


class MaxDocumentSizeExceeded(ApiError):
    """The document and its parameters are together too large for a node."""


class UnsupportedPlatformType(ApiError):
    """The document cannot run on the platform of a node that was named."""
