"""AWS REST-JSON: the operation is a method and a path; members stand in path, query, headers
and body."""

import functools
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import unquote_plus

import msgspec
from botocore.model import ListShape, MapShape, OperationModel, ServiceModel, Shape, StructureShape

from ostler.wire import refusals, texts, values
from ostler.wire.errors import SerializationException
from ostler.wire.http import Request, Response
from ostler.wire.models import model
from ostler.wire.paths import Route, route_of

_JSON = "application/json"
_TEXT = "text/plain"
_BYTES = "application/octet-stream"


@functools.cache
def routes(service: str) -> tuple[Route, ...]:
    """The service's routes; the first that matches is meant, so literal paths stand first."""
    api = model(service)
    found = [route_of(api.operation_model(name)) for name in api.operation_names]
    return tuple(sorted(found, key=lambda route: route.rank))


def match(service: str, request: Request) -> str | None:
    """The name of the operation that the request's method and path mean, if there is one."""
    for route in routes(service):
        if route.matches(request.method, request.path, request.query):
            return route.operation
    return None


def read(
    op: OperationModel, request: Request, mint: Callable[[], str] | None = None
) -> dict[str, Any]:
    """The operation's input from all the places where its members stand.

    `mint` makes idempotency tokens for those who did not bring their own.
    """
    reading = _reading(op)
    given = reading.read(request) if reading is not None else {}
    if mint is not None:
        for name in op.idempotent_members:
            given.setdefault(name, mint())
    return given


def write(op: OperationModel, result: Mapping[str, Any], request_id: str) -> Response:
    """The answer of an operation that went well."""
    writing = _writing(op)
    if writing is not None:
        return writing.write(result, request_id)
    status = int(op.http.get("responseCode", 200))
    headers = {"x-amzn-requestid": request_id}
    if status == 204:
        return Response(status, headers)
    return Response(status, {**headers, "content-type": _JSON}, b"{}")


def write_error(
    service: ServiceModel,
    op: OperationModel | None,
    code: str,
    message: str,
    members: Mapping[str, Any],
    request_id: str,
) -> Response:
    """The answer of an operation that was refused, or of a request that named none."""
    shape = refusals.error_shape(service, op, code)
    headers = {
        "content-type": _JSON,
        "x-amzn-requestid": request_id,
        "x-amzn-errortype": refusals.wire_code(shape, code),
    }
    body = msgspec.json.encode(refusals.body(shape, code, message, members))
    return Response(refusals.status(shape, code, rest=True), headers, body)


# Reading.


@functools.cache
def _reading(op: OperationModel) -> "_Reading | None":
    return _Reading(op, op.input_shape) if op.input_shape is not None else None


class _Reading:
    """Where the members of one operation's input stand, compiled once."""

    def __init__(self, op: OperationModel, shape: StructureShape) -> None:
        self._route = route_of(op)
        self._shape = shape
        self._labels: dict[str, tuple[str, Callable[[str], Any]]] = {}
        self._query: dict[str, tuple[str, Callable[[list[str]], Any]]] = {}
        self._headers: list[tuple[str, str, Callable[[str], Any]]] = []
        self._prefixes: list[tuple[str, str]] = []
        self._rest_of_query: str | None = None
        self._payload: str | None = shape.serialization.get("payload")
        self._in_body = frozenset(_body_members(shape))
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
            self._headers.append((wire_name.lower(), name, texts.reader(member, location)))
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
            return self._read_payload(self._payload, request.body)
        if not self._in_body or not request.body:
            return {}
        body: dict[str, Any] = values.read(self._shape, values.decode(request.body))
        # A body cannot name what the path, the query or a header is to say.
        return {name: value for name, value in body.items() if name in self._in_body}

    def _read_payload(self, name: str, body: bytes) -> dict[str, Any]:
        member = self._shape.members[name]
        if not body and name not in self._required:
            return {}
        if member.type_name == "blob":
            return {name: body}
        if member.type_name == "string":
            return {name: _text(body)}
        return {name: values.read(member, values.decode(body))} if body else {}


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


def _body_members(shape: StructureShape) -> list[str]:
    return [
        name for name, member in shape.members.items() if "location" not in member.serialization
    ]


# Writing.


@functools.cache
def _writing(op: OperationModel) -> "_Writing | None":
    return _Writing(op, op.output_shape) if op.output_shape is not None else None


class _Writing:
    """Where the members of one operation's output stand, compiled once."""

    def __init__(self, op: OperationModel, shape: StructureShape) -> None:
        self._shape = shape
        self._status = int(op.http.get("responseCode", 200))
        self._payload: str | None = shape.serialization.get("payload")
        self._in_body = frozenset(_body_members(shape))
        self._headers: list[tuple[str, str, Callable[[Any], str]]] = []
        self._prefixes: list[tuple[str, str]] = []
        self._status_member: str | None = None
        for name, member in shape.members.items():
            self._place(name, member)

    def write(self, result: Mapping[str, Any], request_id: str) -> Response:
        headers = {"x-amzn-requestid": request_id}
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
        headers["content-type"] = _JSON
        return Response(status, headers, values.encode(self._shape, body))

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
            return Response(status, headers, value or b"")
        if member.type_name == "string":
            headers.setdefault("content-type", _TEXT)
            return Response(status, headers, (value or "").encode())
        headers.setdefault("content-type", _JSON)
        return Response(status, headers, b"" if value is None else values.encode(member, value))
