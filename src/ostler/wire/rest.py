"""What REST-JSON and REST-XML share: where members stand in paths, queries, headers and bodies."""

import functools
from collections.abc import Callable, Mapping
from typing import Any, Protocol
from urllib.parse import parse_qsl, unquote_plus

from botocore.model import ListShape, MapShape, OperationModel, Shape, StructureShape

from ostler.wire import texts
from ostler.wire.errors import SerializationException
from ostler.wire.http import Request, Response
from ostler.wire.models import model
from ostler.wire.paths import Route, route_of

_TEXT = "text/plain"
_BYTES = "application/octet-stream"


class Format(Protocol):
    """How members of a body are written: the part that the two protocols do not share."""

    content_type: str
    request_id: str
    """The header that carries the request's id."""
    empty: bytes
    """The body of an operation that answers nothing."""

    def read(self, shape: Shape, body: bytes) -> Any:
        """The value of a shape; SerializationException when the body is none."""
        ...

    def write(self, shape: Shape, value: Mapping[str, Any]) -> bytes:
        """The body that says a value of a shape."""
        ...

    def read_header(self, shape: Shape) -> Callable[[str], Any]:
        """What reads a member that stands in a header."""
        ...


@functools.cache
def routes(service: str) -> tuple[Route, ...]:
    """The service's routes, the ones with literal paths and with more demands first."""
    api = model(service)
    found = [route_of(api.operation_model(name)) for name in api.operation_names]
    return tuple(sorted(found, key=lambda route: route.rank))


def match(service: str, request: Request) -> str | None:
    """The name of the operation that the request's method and path mean, if there is one.

    It is the first whose path it is and whose needs are met, or else the first whose path it is.
    """
    pairs = frozenset(parse_qsl(request.query, keep_blank_values=True)) if request.query else ()
    names = {name for name, _ in pairs}
    possible = None
    for route in routes(service):
        if route.matches(request.method, request.path, pairs):
            if all(need in names or need in request.headers for need in route.needs):
                return route.operation
            possible = possible or route.operation
    return possible


class Reading:
    """Where the members of one operation's input stand, compiled once."""

    def __init__(self, op: OperationModel, shape: StructureShape, written: Format) -> None:
        self._route = route_of(op)
        self._shape = shape
        self._format = written
        self._labels: dict[str, tuple[str, Callable[[str], Any]]] = {}
        self._query: dict[str, tuple[str, Callable[[list[str]], Any]]] = {}
        self._headers: list[tuple[str, str, Callable[[str], Any]]] = []
        self._prefixes: list[tuple[str, str]] = []
        self._rest_of_query: str | None = None
        self._payload: str | None = shape.serialization.get("payload")
        self._in_body = frozenset(body_members(shape))
        self._required = frozenset(shape.required_members)
        for name, member in shape.members.items():
            self._place(name, member)

    def read(self, request: Request) -> dict[str, Any]:
        given = self._read_body(request)
        for label, text in self._route.values(request.path).items():
            if label in self._labels:
                name, read_label = self._labels[label]
                given[name] = read_label(text)
        if request.query and (self._query or self._rest_of_query):
            self._read_query(request.query, given)
        for header, name, read_header in self._headers:
            if header in request.headers:
                given[name] = read_header(request.headers[header])
        for prefix, name in self._prefixes:
            found = {
                header[len(prefix) :]: text
                for header, text in request.headers.items()
                if header.startswith(prefix)
            }
            if found:
                given[name] = found
        return given

    def _place(self, name: str, member: Shape) -> None:
        location = member.serialization.get("location")
        wire_name = member.serialization.get("name", name)
        if location == "uri":
            self._labels[wire_name] = name, texts.reader(member, location)
        elif location == "header":
            self._headers.append((wire_name.lower(), name, self._format.read_header(member)))
        elif location == "headers":
            self._prefixes.append((wire_name.lower(), name))
        elif location == "querystring" and isinstance(member, MapShape):
            self._rest_of_query = name
        elif location == "querystring":
            self._query[wire_name] = name, _query_reader(member)

    def _read_query(self, query: str, given: dict[str, Any]) -> None:
        found: dict[str, list[str]] = {}
        for part in query.split("&"):
            key, _, text = part.partition("=")
            found.setdefault(unquote_plus(key), []).append(unquote_plus(text))
        for key, (name, read_texts) in self._query.items():
            if key in found:
                given[name] = read_texts(found.pop(key))
        if self._rest_of_query is not None:
            given[self._rest_of_query] = {key: items[0] for key, items in found.items() if key}

    def _read_body(self, request: Request) -> dict[str, Any]:
        if self._payload is not None:
            return self._read_payload(self._payload, request)
        if not self._in_body or not request.body:
            return {}
        body: dict[str, Any] = self._format.read(self._shape, request.body)
        # A body cannot name what the path, the query or a header is to say.
        return {name: value for name, value in body.items() if name in self._in_body}

    def _read_payload(self, name: str, request: Request) -> dict[str, Any]:
        if request.stream is not None:
            return {name: request.stream}
        member, body = self._shape.members[name], request.body
        if not body and name not in self._required:
            return {}
        if member.type_name == "blob":
            return {name: body}
        if member.type_name == "string":
            return {name: _text(body)}
        return {name: self._format.read(member, body)} if body else {}


class Writing:
    """Where the members of one operation's output stand, compiled once."""

    def __init__(self, op: OperationModel, shape: StructureShape, written: Format) -> None:
        self._shape = shape
        self._format = written
        self._status = int(op.http.get("responseCode", 200))
        self._payload: str | None = shape.serialization.get("payload")
        self._in_body = frozenset(body_members(shape))
        self._headers: list[tuple[str, str, Callable[[Any], str]]] = []
        self._prefixes: list[tuple[str, str]] = []
        self._status_member: str | None = None
        for name, member in shape.members.items():
            self._place(name, member)

    def write(self, result: Mapping[str, Any], request_id: str) -> Response:
        headers = {self._format.request_id: request_id}
        for name, header, write_header in self._headers:
            if result.get(name) is not None:
                headers[header] = texts.header_safe(write_header(result[name]))
        for name, prefix in self._prefixes:
            for key, text in (result.get(name) or {}).items():
                headers[f"{prefix}{key.lower()}"] = texts.header_safe(text)
        status = self._status
        if self._status_member is not None and result.get(self._status_member) is not None:
            status = int(result[self._status_member])
        if self._payload is not None:
            return self._with_payload(self._payload, result, status, headers)
        if status == 204:
            return Response(status, headers)
        body = {name: value for name, value in result.items() if name in self._in_body}
        headers.setdefault("content-type", self._format.content_type)
        return Response(status, headers, self._format.write(self._shape, body))

    def _place(self, name: str, member: Shape) -> None:
        location = member.serialization.get("location")
        wire_name = member.serialization.get("name", name).lower()
        if location == "header":
            self._headers.append((name, wire_name, texts.writer(member, location)))
        elif location == "headers":
            self._prefixes.append((name, wire_name))
        elif location == "statusCode":
            self._status_member = name

    def _with_payload(
        self, name: str, result: Mapping[str, Any], status: int, headers: dict[str, str]
    ) -> Response:
        member = self._shape.members[name]
        value = result.get(name)
        if member.type_name == "blob":
            headers.setdefault("content-type", _BYTES)
            if value is None or isinstance(value, bytes):
                return Response(status, headers, value or b"")
            return Response(status, headers, stream=value)
        if member.type_name == "string":
            headers.setdefault("content-type", _TEXT)
            return Response(status, headers, (value or "").encode())
        headers.setdefault("content-type", self._format.content_type)
        body = b"" if value is None else self._format.write(member, value)
        return Response(status, headers, body)


def answer_nothing(op: OperationModel, written: Format, request_id: str) -> Response:
    """The answer of an operation that has no output."""
    status = int(op.http.get("responseCode", 200))
    headers = {written.request_id: request_id}
    if status == 204 or not written.empty:
        return Response(status, headers)
    return Response(status, {**headers, "content-type": written.content_type}, written.empty)


def body_members(shape: StructureShape) -> list[str]:
    """The members that stand in the body."""
    return [
        name for name, member in shape.members.items() if "location" not in member.serialization
    ]


def with_tokens(
    op: OperationModel, given: dict[str, Any], mint: Callable[[], str] | None
) -> dict[str, Any]:
    """`given` with idempotency tokens for those who did not bring their own."""
    if mint is not None:
        for name in op.idempotent_members:
            given.setdefault(name, mint())
    return given


def _query_reader(shape: Shape) -> Callable[[list[str]], Any]:
    if isinstance(shape, ListShape):
        read_item = texts.reader(shape.member, "querystring")
        return lambda found: [read_item(text) for text in found]
    read_one = texts.reader(shape, "querystring")
    return lambda found: read_one(found[0])


def _text(body: bytes) -> str:
    try:
        return body.decode()
    except UnicodeDecodeError:
        raise SerializationException("The body is not UTF-8.") from None
