"""What a caller may be told: errors whose class name is their name on the wire."""

from typing import Any


class ApiError(Exception):
    """An answer that refuses; the subclass's name is the wire code, the text is for people.

    `members` are further members of the modelled error shape, by their wire names. AWS leaves
    some messages empty; where clients depend on that, raise the error without one.
    """

    def __init__(self, message: str = "", **members: Any) -> None:
        super().__init__(message)
        self.message = message
        self.members = members

    @property
    def code(self) -> str:
        """The error's name on the wire."""
        return type(self).__name__


# The errors that every AWS service shares (AWS, "Common error types"); a capability's own stand
# in its errors.py.


class AccessDeniedException(ApiError):
    """The caller is known, the deed is not allowed."""


class ExpiredTokenException(ApiError):
    """The session token was good once."""


class IncompleteSignature(ApiError):
    """The signature lacks a part."""


class InternalServerError(ApiError):
    """Our fault; the request id leads to the log."""


class InvalidNextToken(ApiError):
    """The paging token is not one that this operation gave for this question."""


class InvalidSignatureException(ApiError):
    """The signature does not match the request, or is too old."""


class MissingAuthenticationTokenException(ApiError):
    """The request carries no credentials."""


class SerializationException(ApiError):
    """The body cannot be read as the operation's input."""


class ThrottlingException(ApiError):
    """Too many calls; try again after a while."""


class UnknownOperationException(ApiError):
    """No served model has this operation."""


class UnrecognizedClientException(ApiError):
    """The access key or the session token is not known here."""


class ValidationException(ApiError):
    """The input breaks a constraint of the model or a rule of the service."""


class NotYetImplemented(ApiError):
    """The operation is part of the API and not built yet; the coverage table says so."""
