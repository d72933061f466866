"""How an error is answered: its shape in the model, its status, its body."""

import functools
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from botocore.model import OperationModel, ServiceModel, Shape, StructureShape

from ostler.wire import values

# What every service may answer without modelling it: a status for JSON 1.1 and one for REST-JSON
# (AWS, "Common error types").
_COMMON_STATUSES: Mapping[str, tuple[int, int]] = {
    "AccessDeniedException": (400, 403),
    "ExpiredTokenException": (400, 403),
    "IncompleteSignature": (400, 403),
    "InternalFailure": (500, 500),
    "InternalServerError": (500, 500),
    "InternalServerException": (500, 500),
    "InvalidSignatureException": (400, 403),
    "MissingAuthenticationTokenException": (400, 403),
    "NotYetImplemented": (501, 501),
    "RequestEntityTooLarge": (413, 413),
    "ServiceUnavailable": (503, 503),
    "ThrottlingException": (400, 429),
    "UnknownOperationException": (400, 404),
    "UnrecognizedClientException": (400, 403),
}
# What a service calls a common error that it does not model: AppConfig has no ValidationException.
_SYNONYMS = {
    "ValidationException": "BadRequestException",
    "InternalServerError": "InternalServerException",
}
_COMMON_WITH_CAPITAL = frozenset({"AccessDeniedException", "SerializationException"})


def error_shape(
    service: ServiceModel, op: OperationModel | None, code: str
) -> StructureShape | None:
    """The shape of the error named `code`, first among those that the operation declares."""
    known = _error_shapes(service)
    return declared_shape(op, code) or known.get(code) or known.get(_SYNONYMS.get(code, ""))


def declared_shape(op: OperationModel | None, code: str) -> StructureShape | None:
    """The shape of the error named `code`, if the operation declares it."""
    if op is not None:
        for shape in _structures(op.error_shapes):
            if code in (shape.name, shape.error_code):
                return shape
    return None


def wire_code(shape: StructureShape | None, code: str) -> str:
    """The code as it is sent, which the model may spell otherwise than the shape's name."""
    return code if shape is None else shape.error_code or shape.name


def status(shape: StructureShape | None, code: str, *, rest: bool) -> int:
    """The HTTP status of an error, from its model or from what all services share."""
    if shape is not None:
        modelled = shape.metadata.get("error", {}).get("httpStatusCode")
        if modelled is not None:
            return int(modelled)
        if not rest:
            return 400
    return _COMMON_STATUSES.get(code, (400, 400))[rest]


def body(
    shape: StructureShape | None, code: str, message: str, members: Mapping[str, Any]
) -> dict[str, Any]:
    """The error's members by their wire names; an empty message is left out, as AWS does."""
    if shape is None:
        name = "Message" if code in _COMMON_WITH_CAPITAL else "message"
        return {name: message} if message else {}
    written: dict[str, Any] = values.writer(shape)(members)
    if message:
        written[_message_member(shape)] = message
    return written


def _message_member(shape: StructureShape) -> str:
    """The shape's own spelling; a message is told even where the shape forgets to declare one."""
    return next((name for name in shape.members if name.lower() == "message"), "message")


def _structures(shapes: Iterable[Shape]) -> Iterator[StructureShape]:
    return (shape for shape in shapes if isinstance(shape, StructureShape))


@functools.cache
def _error_shapes(service: ServiceModel) -> Mapping[str, StructureShape]:
    shapes = {}
    for shape in _structures(service.error_shapes):
        shapes[shape.name] = shape
        if shape.error_code:
            shapes.setdefault(shape.error_code, shape)
    return shapes
