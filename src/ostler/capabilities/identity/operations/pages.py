"""Lists as IAM gives them: a hundred at a time, with a marker for what follows."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from ostler.foundation.call import Call
from ostler.foundation.errors import InvalidNextToken, ValidationException
from ostler.foundation.paging import Page, PageRequest

T = TypeVar("T")

MOST = 1000
USUAL = 100


def page_of(call: Call, given: Mapping[str, Any]) -> PageRequest:
    """Which page is asked for."""
    try:
        return call.page_request(given, default=USUAL, most=MOST, limit="MaxItems", marker="Marker")
    except InvalidNextToken as fault:
        raise ValidationException("Invalid Marker.") from fault


def marked(call: Call, member: str, page: Page[T], written: Callable[[T], Any]) -> dict[str, Any]:
    """The wire's page, which says by `IsTruncated` whether more follows."""
    answer = call.paged(member, page, written, marker="Marker")
    return {**answer, "IsTruncated": "Marker" in answer}


def listed(
    call: Call,
    given: Mapping[str, Any],
    member: str,
    items: Sequence[T],
    written: Callable[[T], Any] = lambda item: item,
) -> dict[str, Any]:
    """One page out of a few items that are at hand."""
    return marked(call, member, Page.of(items, page_of(call, given)), written)
