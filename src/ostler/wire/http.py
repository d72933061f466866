"""One HTTP request and one answer, as plain values that no server library knows."""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import Protocol


class Body(Protocol):
    """A body that is taken piece by piece, once.

    `promised` are the names of the fields that will stand behind it, in lower case, and `trailers`
    those fields, complete when the last piece has been taken.
    """

    @property
    def promised(self) -> tuple[str, ...]: ...

    @property
    def trailers(self) -> Mapping[str, str]: ...

    def __aiter__(self) -> AsyncIterator[bytes]: ...


@dataclass(frozen=True, slots=True)
class Request:
    """What a client sent: a raw, percent-encoded path and query, header names in lower case.

    A header that came several times has its values joined with commas; a body that came in
    pieces is joined. `peer` is the address it came from. Where the body may be larger than memory
    should hold, it is in `stream`, and `body` is empty.
    """

    method: str
    path: str
    query: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    peer: str = ""
    secure: bool = True
    stream: Body | None = None


@dataclass(frozen=True, slots=True)
class Response:
    """What a client gets back; a body that comes piece by piece is in `stream`."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    stream: AsyncIterator[bytes] | None = None
