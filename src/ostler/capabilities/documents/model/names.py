"""Names: how a document is referred to, and which names nobody may take."""

import re
from dataclasses import dataclass

from ostler.foundation.ids import AccountId, Region

AMAZON = "Amazon"
"""The owner of the documents that come with the house."""
DEFAULT = "$DEFAULT"
LATEST = "$LATEST"

_RESERVED = ("aws", "amazon", "amzn", "ostler-")
_ARN = re.compile(r"arn:[a-z0-9-]+:ssm:([a-z0-9-]+):([0-9]{12}|):document/([A-Za-z0-9_.-]{3,128})")
_NAME = re.compile(r"[A-Za-z0-9_.-]{3,128}")


@dataclass(frozen=True, slots=True)
class Reference:
    """A document as somebody named it.

    A bare name has neither region nor owner: it means a document of the caller's own, or one that
    comes with the house. Other accounts' documents are named by their ARN and never by a bare
    name, so that nobody can slip one in under a name that is trusted.
    """

    name: str
    region: Region | None = None
    owner: AccountId | None = None

    def __str__(self) -> str:
        return self.name


def reference_of(given: str) -> Reference | None:
    """What `given`, a name or an ARN, refers to; None when it is neither."""
    if _NAME.fullmatch(given):
        return Reference(given)
    match = _ARN.fullmatch(given)
    if match is None:
        return None
    region, account, name = match.groups()
    return Reference(name, Region(region), AccountId(account))


def is_reserved(name: str) -> bool:
    """Whether only the house may give a document this name."""
    return name.lower().startswith(_RESERVED)


def arn_of(name: str, region: str, owner: str) -> str:
    """A document's ARN; the house's own documents belong to no account."""
    account = "" if owner == AMAZON else owner
    return f"arn:aws:ssm:{region}:{account}:document/{name}"
