"""One HTTP request and one answer, as plain values that no server library knows."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Request:
    """What a client sent: a raw, percent-encoded path and query, header names in lower case.

    A header that came several times has its values joined with commas; a body that came in
    pieces is joined. `peer` is the address it came from.
    """

    method: str
    path: str
    query: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    peer: str = ""
    secure: bool = True


@dataclass(frozen=True, slots=True)
class Response:
    """What a client gets back."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
