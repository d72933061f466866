"""AWS JSON 1.1: every call is a POST to `/`, its operation named in a header."""

import functools
from collections.abc import Callable, Mapping
from typing import Any

import msgspec
from botocore.model import OperationModel, ServiceModel

from ostler.wire import refusals, values
from ostler.wire.http import Request, Response


def read(
    op: OperationModel, request: Request, mint: Callable[[], str] | None = None
) -> dict[str, Any]:
    """The operation's input; SerializationException when the body is not one.

    `mint` makes idempotency tokens for those who did not bring their own.
    """
    raw = values.decode(request.body)
    given: dict[str, Any] = values.read(op.input_shape, raw) if op.input_shape else {}
    if mint is not None:
        for name in op.idempotent_members:
            given.setdefault(name, mint())
    return given


def write(op: OperationModel, result: Mapping[str, Any], request_id: str) -> Response:
    """The answer of an operation that went well."""
    body = values.encode(op.output_shape, result) if op.output_shape else b"{}"
    return Response(200, _headers(op.service_model, request_id), body)


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
    body = {
        "__type": refusals.wire_code(shape, code),
        **refusals.body(shape, code, message, members),
    }
    return Response(
        refusals.status(shape, code, rest=False),
        _headers(service, request_id),
        msgspec.json.encode(body),
    )


def _headers(service: ServiceModel, request_id: str) -> dict[str, str]:
    return {"content-type": _content_type(service), "x-amzn-requestid": request_id}


@functools.cache
def _content_type(service: ServiceModel) -> str:
    return f"application/x-amz-json-{service.metadata.get('jsonVersion', '1.1')}"
