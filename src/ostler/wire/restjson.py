"""AWS REST-JSON: the operation is a method and a path; members stand in path, query, headers
and body."""

import functools
from collections.abc import Callable, Mapping
from typing import Any

import msgspec
from botocore.model import OperationModel, ServiceModel, Shape

from ostler.wire import refusals, rest, texts, values
from ostler.wire.http import Request, Response
from ostler.wire.rest import match, routes

__all__ = ["match", "read", "routes", "write", "write_error"]


class _Json:
    """Bodies in JSON."""

    content_type = "application/json"
    request_id = "x-amzn-requestid"
    empty = b"{}"

    def read(self, shape: Shape, body: bytes) -> Any:
        return values.read(shape, values.decode(body))

    def write(self, shape: Shape, value: Mapping[str, Any]) -> bytes:
        return values.encode(shape, value)

    def read_header(self, shape: Shape) -> Callable[[str], Any]:
        return texts.reader(shape, "header")


_JSON = _Json()


def read(
    op: OperationModel, request: Request, mint: Callable[[], str] | None = None
) -> dict[str, Any]:
    """The operation's input from all the places where its members stand.

    `mint` makes idempotency tokens for those who did not bring their own.
    """
    reading = _reading(op)
    return rest.with_tokens(op, reading.read(request) if reading is not None else {}, mint)


def write(op: OperationModel, result: Mapping[str, Any], request_id: str) -> Response:
    """The answer of an operation that went well."""
    writing = _writing(op)
    if writing is not None:
        return writing.write(result, request_id)
    return rest.answer_nothing(op, _JSON, request_id)


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
        "content-type": _JSON.content_type,
        _JSON.request_id: request_id,
        "x-amzn-errortype": refusals.wire_code(shape, code),
    }
    body = msgspec.json.encode(refusals.body(shape, code, message, members))
    return Response(refusals.status(shape, code, rest=True), headers, body)


@functools.cache
def _reading(op: OperationModel) -> rest.Reading | None:
    shape = op.input_shape
    return rest.Reading(op, shape, _JSON) if shape is not None else None


@functools.cache
def _writing(op: OperationModel) -> rest.Writing | None:
    shape = op.output_shape
    return rest.Writing(op, shape, _JSON) if shape is not None else None
