"""Names of parameters: how they are spelt, asked for and refused."""

import re
from dataclasses import dataclass

from ostler.capabilities.parameters.errors import HierarchyLevelLimitExceededException
from ostler.foundation.errors import AccessDeniedException, ValidationException
from ostler.foundation.storage import Scope

RESOURCE = "Parameter"
"""AWS's name for the kind of resource, as tags use it."""

REFERENCES = "/aws/reference/secretsmanager/"
"""Names under this are not parameters: they lead to secrets kept elsewhere."""

MOST_LEVELS = 15
LONGEST_ARN = 1011

# AWS's words, for every name that is none (boto3#1499).
_MALFORMED = (
    'Parameter name: can\'t be prefixed with "ssm" (case-insensitive). If formed as a path, it '
    "can consist of sub-paths divided by slash symbol; each sub-path can be formed as a mix of "
    "letters, numbers and the following 3 symbols .-_"
)
# AWS's words with AWS's own backslashes (aws-sdk-js-v3#5928).
_BAD_PATH = (
    "The parameter doesn't meet the parameter name requirements. The parameter name must begin "
    'with a forward slash "/". It can\'t be prefixed with \\"aws\\" or \\"ssm\\" '
    "(case-insensitive). It must use only letters, numbers, or the following symbols: . (period), "
    "- (hyphen), _ (underscore). Special characters are not allowed. All sub-paths, if specified, "
    'must use the forward slash symbol "/". Valid example: /get/parameters2-/by1./path0_.'
)
_NAME = re.compile(r"/?[a-zA-Z0-9_.-]+|(?:/[a-zA-Z0-9_.-]+){2,}")
_PATH = re.compile(r"(?:/[a-zA-Z0-9_.-]+)*/?")
_REFERENCE = re.compile(re.escape(REFERENCES) + r"[a-zA-Z0-9/_+=.@!-]+")
_SELECTOR = re.compile(r"[a-zA-Z0-9_.-]{1,100}")


@dataclass(frozen=True, slots=True)
class Name:
    """A parameter as a caller names it, perhaps one version of it.

    `spelling` is what the answer calls the parameter: as it was asked for, or as it was created
    (empty) where it was asked for by ARN. `selector` is a version's number or a label. `arn` is
    that of another account's or region's parameter.
    """

    given: str
    key: str
    spelling: str = ""
    selector: str = ""
    arn: str = ""

    @property
    def is_reference(self) -> bool:
        """Whether it leads to a secret that is kept elsewhere."""
        return self.spelling.startswith(REFERENCES)


def key_of(name: str) -> str:
    """One key for each parameter: `x` and `/x` are the same, deeper names begin with a slash."""
    return name.removeprefix("/")


def parent_of(key: str) -> str:
    """The key of the level above; of a one-level name it is empty."""
    return key.rpartition("/")[0]


def plain_name(given: str) -> Name:
    """The name alone, of what is to be changed: no ARN and no selector."""
    name = given.strip()
    if not _is_name(name):
        raise ValidationException(_MALFORMED)
    return Name(given, key_of(name), name)


def asked_name(given: str, scope: Scope, *, selectors: bool = True) -> Name:
    """The name, or ARN, of what is to be read, with a selector if it may have one."""
    text = given.strip()
    prefix = f"arn:aws:ssm:{scope.region}:{scope.account}:parameter/"
    by_arn = text.startswith(prefix)
    if by_arn:
        text = f"/{text.removeprefix(prefix)}"
    elif text.startswith("arn:"):
        return _foreign(given, text)
    name, colon, selector = text.partition(":")
    if colon and not (selectors and _SELECTOR.fullmatch(selector)):
        raise ValidationException(_MALFORMED)
    if not (_is_name(name) or _REFERENCE.fullmatch(name)):
        raise ValidationException(_MALFORMED)
    return Name(given, key_of(name), "" if by_arn else name, selector)


def new_name(given: str, scope: Scope) -> Name:
    """The name of what is to be written, which has to keep every rule of names."""
    name = given.strip()
    if key_of(name).lower().startswith("aws"):
        raise AccessDeniedException(f"No access to reserved parameter name: {name}.")
    if len(name) > 1 and name.endswith("/"):
        raise ValidationException("Parameter name must not end with slash.")
    if "/" in name and not name.startswith("/"):
        raise ValidationException("Parameter name must be a fully qualified name.")
    if not _is_name(name):
        raise ValidationException(_MALFORMED)
    if name.count("/") > MOST_LEVELS:
        raise HierarchyLevelLimitExceededException(
            f"A hierarchy can have a maximum of {MOST_LEVELS} levels; {name} has more."
        )
    arn = f"arn:aws:ssm:{scope.region}:{scope.account}:parameter/{key_of(name)}"
    if len(arn) > LONGEST_ARN:
        raise ValidationException(
            f"The parameter's ARN would have {len(arn)} characters; {LONGEST_ARN} are the most."
        )
    return Name(given, key_of(name), name)


def path_key(path: str) -> str:
    """The key of a level of the hierarchy; the empty one is the root."""
    text = path.strip()
    reserved = text.lower().startswith(("/aws", "/ssm")) and not text.startswith("/aws/")
    if not text.startswith("/") or not _PATH.fullmatch(text) or reserved:
        raise ValidationException(_BAD_PATH)
    return text.strip("/")


def filter_path(path: str) -> str:
    """The same, for the filter by path, which knows no public parameters."""
    if path.lower().startswith(("/aws", "/ssm")):
        raise ValidationException(
            'Filters for common parameters can\'t be prefixed with "aws" or "ssm" '
            "(case-insensitive). When using global parameters, please specify within a global "
            "namespace."
        )
    return path_key(path)


def _is_name(name: str) -> bool:
    return _NAME.fullmatch(name) is not None and not key_of(name).lower().startswith("ssm")


def _foreign(given: str, text: str) -> Name:
    """Somebody else's parameter: known by its ARN alone."""
    parts = text.split(":", 6)
    if len(parts) < 6 or parts[2] != "ssm" or not parts[5].startswith("parameter/"):
        raise ValidationException(_MALFORMED)
    return Name(given, "", "", parts[6] if len(parts) > 6 else "", ":".join(parts[:6]))
