"""Filters: which documents a list shows."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ostler.capabilities.documents.errors import InvalidFilterKey
from ostler.capabilities.documents.model.documents import DocumentDescription
from ostler.foundation.errors import ValidationException
from ostler.grammar import filters as grammar

NAME, WORD = "Name", "SearchKeyword"
PLATFORM, TYPE, TARGET = "PlatformTypes", "DocumentType", "TargetType"

_OWNER, _TAG = "Owner", "tag:"
_KEYS = {NAME, WORD, PLATFORM, TYPE, TARGET, _OWNER, _TAG}
_OWNERS = {
    None: frozenset({"own", "shipped", "private"}),
    "Self": frozenset({"own"}),
    "Amazon": frozenset({"shipped"}),
    "Private": frozenset({"private"}),
    "Public": frozenset({"public", "shipped"}),
    "ThirdParty": frozenset[str](),
}


@dataclass(frozen=True, slots=True)
class Wanted:
    """What passes: `sources` are own, shipped, private and public, `tags` need own documents.

    Each criterion is a key with values any one of which will do.
    """

    sources: frozenset[str]
    criteria: Sequence[tuple[str, Sequence[str]]] = ()
    tags: Sequence[tuple[str, Sequence[str]]] = ()

    def fits(self, document: DocumentDescription) -> bool:
        """Whether the document passes, but for its tags and its source."""
        return all(_passes(document, key, values) for key, values in self.criteria)


def wanted_of(given: Iterable[Mapping[str, Any]]) -> Wanted:
    """The filters of a request; InvalidFilterKey when one has another key."""
    try:
        filters = grammar.parse(given, _KEYS)
    except grammar.FilterFault:
        raise InvalidFilterKey from None
    owners = {value for one in filters if one.key == _OWNER for value in one.values}
    if len(owners) > 1:
        raise ValidationException("Only one Owner can be specified in a request.")
    owner = owners.pop() if owners else None
    if owner not in _OWNERS:
        raise ValidationException(
            f"{owner} is not an owner: {', '.join(known for known in _OWNERS if known)}."
        )
    tags = [(one.key.removeprefix(_TAG), one.values) for one in filters if _TAG in one.key]
    criteria = [
        (one.key, one.values) for one in filters if one.key != _OWNER and _TAG not in one.key
    ]
    sources = _OWNERS[owner] & {"own"} if tags else _OWNERS[owner]
    return Wanted(sources, criteria, tags)


def _passes(document: DocumentDescription, key: str, values: Sequence[str]) -> bool:
    match key:
        case "Name":
            return document.name.startswith(tuple(values))
        case "SearchKeyword":
            return any(value.lower() in document.name.lower() for value in values)
        case "PlatformTypes":
            return any(value in document.platform_types for value in values)
        case "DocumentType":
            return document.type in values
        case _:
            return document.target_type in values
