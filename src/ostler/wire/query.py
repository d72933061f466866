"""AWS Query: every call is a form at `/`, its operation one of the fields; answers are XML."""

import functools
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any
from urllib.parse import unquote_to_bytes

from botocore.model import ListShape, MapShape, OperationModel, ServiceModel, Shape, StructureShape

from ostler.wire import refusals, texts, xml
from ostler.wire.errors import SerializationException
from ostler.wire.http import Request, Response

Reader = Callable[["_Field"], Any]

_FORM = "application/x-www-form-urlencoded"
_NUMBER = re.compile(r"[0-9]{1,9}", re.ASCII)
# Deeper than any model; what is deeper still is somebody's joke.
_DEEPEST = 64
# What the services of this protocol call the errors that all services share, and their status
# (AWS, "Common error types" of IAM and STS; MalformedInput is what they answer to a number that is
# none).
_COMMON: Mapping[str, tuple[str, int]] = {
    "AccessDeniedException": ("AccessDenied", 403),
    "ExpiredTokenException": ("ExpiredToken", 403),
    "IncompleteSignature": ("IncompleteSignature", 400),
    "InternalServerError": ("InternalFailure", 500),
    "InvalidSignatureException": ("SignatureDoesNotMatch", 403),
    "MissingAuthenticationTokenException": ("MissingAuthenticationToken", 403),
    "NotYetImplemented": ("NotYetImplemented", 501),
    "RequestEntityTooLarge": ("RequestEntityTooLarge", 413),
    "SerializationException": ("MalformedInput", 400),
    "ServiceUnavailable": ("ServiceUnavailable", 503),
    "ThrottlingException": ("Throttling", 400),
    "UnknownOperationException": ("InvalidAction", 400),
    "UnrecognizedClientException": ("InvalidClientTokenId", 403),
    "ValidationException": ("ValidationError", 400),
}


class _Field:
    """One node of the tree that the fields' dotted names make: `Tags.member.1.Key`."""

    __slots__ = ("parts", "text")

    def __init__(self) -> None:
        self.text: str | None = None
        self.parts: dict[str, _Field] = {}


def is_form(request: Request) -> bool:
    """Whether the request may be a call by this protocol: a form, or a query that names an
    action."""
    if request.path not in ("/", ""):
        return False
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() == _FORM:
        return True
    return any(part.startswith("Action=") for part in request.query.split("&"))


def action(request: Request) -> tuple[str, str]:
    """The operation and the version of the API that a form names; empty where it names none."""
    fields = _fields(request)
    return fields.get("Action", ""), fields.get("Version", "")


def read(
    op: OperationModel, request: Request, mint: Callable[[], str] | None = None
) -> dict[str, Any]:
    """The operation's input; SerializationException when the form is not one.

    `mint` makes idempotency tokens for those who did not bring their own.
    """
    given: dict[str, Any] = {}
    if op.input_shape is not None:
        given = _reader(op.input_shape)(_tree(_fields(request)))
    if mint is not None:
        for name in op.idempotent_members:
            given.setdefault(name, mint())
    return given


def write(op: OperationModel, result: Mapping[str, Any], request_id: str) -> Response:
    """The answer of an operation that went well."""
    written = ""
    if op.output_shape is not None:
        written = xml.writer(op.output_shape)(result)
        wrapper = op.output_shape.serialization.get("resultWrapper")
        if wrapper:
            written = f"<{wrapper}>{written}</{wrapper}>"
    told = f"<ResponseMetadata><RequestId>{request_id}</RequestId></ResponseMetadata>"
    return _answer(200, f"{op.name}Response", op.service_model, written + told, request_id)


def write_error(
    service: ServiceModel,
    op: OperationModel | None,
    code: str,
    message: str,
    members: Mapping[str, Any],
    request_id: str,
) -> Response:
    """The answer of an operation that was refused, or of a request that named none."""
    shape = refusals.declared_shape(op, code)
    if shape is None and code in _COMMON:
        name, status = _COMMON[code]
    else:
        shape = shape or refusals.error_shape(service, op, code)
        name = refusals.wire_code(shape, code)
        status = refusals.status(shape, code, rest=False)
    told = xml.writer(shape)(_without_message(members)) if shape is not None else ""
    if message:
        told = f"<Message>{xml.escaped(message)}</Message>{told}"
    fault = "Sender" if status < 500 else "Receiver"
    written = (
        f"<Error><Type>{fault}</Type><Code>{name}</Code>{told}</Error>"
        f"<RequestId>{request_id}</RequestId>"
    )
    return _answer(status, "ErrorResponse", service, written, request_id)


def _without_message(members: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in members.items() if name.lower() != "message"}


def _answer(
    status: int, element: str, service: ServiceModel, written: str, request_id: str
) -> Response:
    namespace = service.metadata.get("xmlNamespace", "")
    body = f'<{element} xmlns="{namespace}">{written}</{element}>'
    headers = {"content-type": "text/xml", "x-amzn-requestid": request_id}
    return Response(status, headers, body.encode())


# Reading.


def _fields(request: Request) -> dict[str, str]:
    """The fields of the query string and of the body, decoded."""
    try:
        body = request.body.decode("ascii")
    except UnicodeDecodeError:
        raise SerializationException("The form is not percent-encoded.") from None
    found: dict[str, str] = {}
    for form in (request.query, body):
        for part in form.split("&"):
            if not part:
                continue
            key, _, text = part.partition("=")
            name = _decoded(key)
            if name in found:
                raise SerializationException(f"{name} is given more than once.")
            found[name] = _decoded(text)
    return found


def _decoded(text: str) -> str:
    if "%" not in text and "+" not in text:
        return text
    try:
        return unquote_to_bytes(text.replace("+", " ")).decode()
    except UnicodeDecodeError:
        raise SerializationException("The form is not UTF-8.") from None


def _tree(fields: Mapping[str, str]) -> _Field:
    root = _Field()
    for name, text in fields.items():
        steps = name.split(".", _DEEPEST)
        if len(steps) > _DEEPEST:
            raise SerializationException("The form is nested too deeply.")
        field = root
        for step in steps:
            field = field.parts.setdefault(step, _Field())
        field.text = text
    return root


@functools.cache
def _reader(shape: StructureShape) -> Reader:
    return _Readers().of(shape)


class _Readers:
    """Compiles the readers of one shape and of all that it holds; recursive shapes meet again."""

    def __init__(self) -> None:
        self._structures: dict[str, Reader] = {}

    def of(self, shape: Shape) -> Reader:
        if isinstance(shape, StructureShape):
            return self._structures.get(shape.name) or self._structure(shape)
        if isinstance(shape, ListShape):
            return self._list(shape)
        if isinstance(shape, MapShape):
            return self._map(shape)
        read_text = texts.reader(shape, "querystring")

        def read_scalar(field: _Field) -> Any:
            if field.text is None:
                raise SerializationException("Start of structure or map found where not expected.")
            return read_text(field.text)

        return read_scalar

    def _structure(self, shape: StructureShape) -> Reader:
        members: dict[str, tuple[str, Reader]] = {}

        def read_structure(field: _Field) -> dict[str, Any]:
            _without_text(field)
            return {
                known[0]: known[1](part)
                for wire_name, part in field.parts.items()
                if (known := members.get(wire_name)) is not None
            }

        self._structures[shape.name] = read_structure
        for name, member in shape.members.items():
            members[_wire_name(name, member)] = name, self.of(member)
        return read_structure

    def _list(self, shape: ListShape) -> Reader:
        read_item = self.of(shape.member)
        inner = None if _is_flat(shape) else shape.member.serialization.get("name", "member")

        def read_list(field: _Field) -> list[Any]:
            return [read_item(item) for item in _numbered(field, inner)]

        return read_list

    def _map(self, shape: MapShape) -> Reader:
        read_key, read_item = self.of(shape.key), self.of(shape.value)
        key_name = shape.key.serialization.get("name", "key")
        value_name = shape.value.serialization.get("name", "value")
        inner = None if _is_flat(shape) else "entry"

        def read_map(field: _Field) -> dict[str, Any]:
            result = {}
            for entry in _numbered(field, inner):
                key, item = entry.parts.get(key_name), entry.parts.get(value_name)
                if key is None:
                    raise SerializationException("An entry of a map has no key.")
                result[read_key(key)] = None if item is None else read_item(item)
            return result

        return read_map


def _numbered(field: _Field, inner: str | None) -> Iterator[_Field]:
    """The parts of a list or map in the order of their numbers, whatever gaps they leave."""
    _without_text(field)
    if inner is not None:
        if inner not in field.parts:
            return iter(())
        field = field.parts[inner]
        _without_text(field)
    if not all(map(_NUMBER.fullmatch, field.parts)):
        raise SerializationException("The items of a list must be numbered.")
    return (field.parts[number] for number in sorted(field.parts, key=int))


def _without_text(field: _Field) -> None:
    # Clients say an empty list as an empty field.
    if field.text:
        raise SerializationException("Unexpected text where a list, map or structure belongs.")


def _is_flat(shape: Shape) -> bool:
    return bool(shape.serialization.get("flattened"))


def _wire_name(name: str, shape: Shape) -> str:
    """The member's name in the form; the items of a flattened list may give it theirs."""
    if isinstance(shape, ListShape) and _is_flat(shape):
        name = shape.member.serialization.get("name") or shape.serialization.get("name", name)
    else:
        name = shape.serialization.get("name", name)
    return name
