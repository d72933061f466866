"""Paging: a page of answers, and the sealed token that asks for the next one."""

import base64
import hashlib
import hmac
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import msgspec

from ostler.foundation.errors import InvalidNextToken

T = TypeVar("T")

_SEAL_SIZE = 16


@dataclass(frozen=True, slots=True)
class PageRequest:
    """How many to give, and after which key: the key of the last item of the page before."""

    limit: int
    after: tuple[Any, ...] | None = None


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """Some items in the order of their keys; `last` is the last one's key, None at the end."""

    items: Sequence[T]
    last: tuple[Any, ...] | None = None

    @classmethod
    def cut(cls, items: Sequence[T], limit: int, key: Callable[[T], tuple[Any, ...]]) -> "Page[T]":
        """A page out of one item more than was asked for: the surplus tells that more follow."""
        if len(items) <= limit:
            return cls(items)
        return cls(items[:limit], key(items[limit - 1]))

    @classmethod
    def of(cls, items: Sequence[T], request: PageRequest) -> "Page[T]":
        """A page of a few items that are at hand, by their number."""
        begin = int(request.after[0]) if request.after else 0
        end = begin + request.limit
        return cls(items[begin:end], (end,) if end < len(items) else None)


class PageTokens:
    """Makes and reads `NextToken`s; only the question that gave one can use it."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    def seal(self, question: Sequence[str], last: tuple[Any, ...]) -> str:
        """The token that continues `question` after the item whose key is `last`."""
        body = msgspec.msgpack.encode(last)
        return base64.urlsafe_b64encode(self._mark(question, body) + body).decode()

    def open(self, question: Sequence[str], token: str) -> tuple[Any, ...]:
        """The key inside `token`; InvalidNextToken when another question gave it."""
        try:
            sealed = base64.urlsafe_b64decode(token.encode())
            mark, body = sealed[:_SEAL_SIZE], sealed[_SEAL_SIZE:]
            if not hmac.compare_digest(mark, self._mark(question, body)):
                raise ValueError("the seal is broken")
            return tuple(msgspec.msgpack.decode(body))
        except ValueError as fault:
            raise InvalidNextToken("The specified token is not valid.") from fault

    def _mark(self, question: Sequence[str], body: bytes) -> bytes:
        told = msgspec.json.encode(list(question)) + body
        return hmac.new(self._key, told, hashlib.sha256).digest()[:_SEAL_SIZE]


def question_of(given: Mapping[str, Any]) -> str:
    """A digest of what was asked, the same for every page of one question."""
    asked = {name: given[name] for name in sorted(given) if name not in _PAGING_MEMBERS}
    return hashlib.sha256(msgspec.json.encode(asked, order="sorted")).hexdigest()


_PAGING_MEMBERS = {
    *("NextToken", "MaxResults", "nextToken", "maxResults", "next_token"),
    *("Marker", "Limit", "MaxItems"),
}
