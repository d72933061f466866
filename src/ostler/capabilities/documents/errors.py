"""What the operations on documents may refuse, named as the wire names it."""

from ostler.foundation.errors import ApiError


class AssociatedInstances(ApiError):
    """Associations use the document; AWS sends it without a text."""


class DocumentAlreadyExists(ApiError):
    """The name is taken."""


class DocumentLimitExceeded(ApiError):
    """The account has as many documents, or shares as many with everybody, as it may."""


class DocumentPermissionLimit(ApiError):
    """The document cannot be shared with so many, or not with these together."""


class DocumentVersionLimitExceeded(ApiError):
    """The document has as many versions as it may."""


class DuplicateDocumentContent(ApiError):
    """A version of the document says the same already."""


class DuplicateDocumentVersionName(ApiError):
    """A version of the document has that name already."""


class InvalidDocument(ApiError):
    """There is no such document, or it cannot be used."""


class InvalidDocumentContent(ApiError):
    """The content is not sound."""


class InvalidDocumentOperation(ApiError):
    """The document is not in a state for that."""


class InvalidDocumentSchemaVersion(ApiError):
    """The schema version is unknown, or too old for that."""


class InvalidDocumentVersion(ApiError):
    """The document has no such version."""


class InvalidFilterKey(ApiError):
    """Documents cannot be filtered by this key; AWS sends it without a text."""


class ResourceNotFoundException(ApiError):
    """There is no such package but as a document."""


class MaxDocumentSizeExceeded(ApiError):
    """The content is larger than 64 KB."""
