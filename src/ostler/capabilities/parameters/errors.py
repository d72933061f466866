"""What Parameter Store may refuse, named as the wire names it."""

from ostler.foundation.errors import ApiError


class HierarchyLevelLimitExceededException(ApiError):
    """The name has more levels than a hierarchy may have."""


class HierarchyTypeMismatchException(ApiError):
    """A parameter cannot become one of that type; make another one."""


class IncompatiblePolicyException(ApiError):
    """The policies contradict each other."""


class InvalidAllowedPatternException(ApiError):
    """The allowed pattern is not a regular expression, or takes too long to match."""


class InvalidFilterKey(ApiError):
    """The operation has no filter of this key, or only one."""


class InvalidFilterOption(ApiError):
    """The filter does not compare in this way."""


class InvalidFilterValue(ApiError):
    """The filter's key is known, its values are not."""


class InvalidKeyId(ApiError):
    """There is no such key to seal with."""


class InvalidPolicyAttributeException(ApiError):
    """A policy lacks an attribute, or has one that cannot be."""


class InvalidPolicyTypeException(ApiError):
    """There are no policies of this type."""


class ParameterAlreadyExists(ApiError):
    """There is such a parameter, and the call did not ask to overwrite it."""


class ParameterLimitExceeded(ApiError):
    """The account has as many parameters of this tier as it may."""


class ParameterMaxVersionLimitExceeded(ApiError):
    """The oldest version would have to go, but somebody labelled it."""


class ParameterNotFound(ApiError):
    """There is no such parameter; AWS sends it without a text where it is read."""


class ParameterPatternMismatchException(ApiError):
    """The value is not what the allowed pattern describes."""


class ParameterVersionLabelLimitExceeded(ApiError):
    """The version would carry more labels than it may."""


class ParameterVersionNotFound(ApiError):
    """The parameter exists, that version of it does not."""


class PoliciesLimitExceededException(ApiError):
    """The parameter would have more policies than it may."""


class TooManyUpdates(ApiError):
    """Somebody else has written meanwhile: the parameter is not at the version expected."""
