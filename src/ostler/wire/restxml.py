"""AWS REST-XML, as S3 speaks it: the operation is a method, a path, and what stands in the query;
members stand in path, query, headers and an XML body."""

import functools
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from botocore.model import OperationModel, ServiceModel, Shape

from ostler.wire import refusals, rest, texts, xml
from ostler.wire.errors import SerializationException
from ostler.wire.http import Request, Response
from ostler.wire.rest import match, routes

__all__ = ["match", "read", "routes", "write", "write_error"]

_HEAD = '<?xml version="1.0" encoding="UTF-8"?>\n'
_NAMESPACE = "http://s3.amazonaws.com/doc/2006-03-01/"

# S3 has words of its own for what every service may answer (S3 API reference, "Error responses").
_OWN_WORDS = {
    "AccessDeniedException": "AccessDenied",
    "ExpiredTokenException": "ExpiredToken",
    "IncompleteSignature": "AuthorizationHeaderMalformed",
    "InternalServerError": "InternalError",
    "InvalidNextToken": "InvalidArgument",
    "InvalidSignatureException": "SignatureDoesNotMatch",
    "MissingAuthenticationTokenException": "AccessDenied",
    "NotYetImplemented": "NotImplemented",
    "SerializationException": "MalformedXML",
    "ThrottlingException": "SlowDown",
    "UnknownOperationException": "MethodNotAllowed",
    "UnrecognizedClientException": "InvalidAccessKeyId",
    "ValidationException": "InvalidArgument",
}
_NO_BODY = (304,)


class _Xml:
    """Bodies in XML."""

    content_type = "application/xml"
    request_id = "x-amz-request-id"
    empty = b""

    def read(self, shape: Shape, body: bytes) -> Any:
        return xml.read(shape, xml.decode(body))

    def write(self, shape: Shape, value: Mapping[str, Any]) -> bytes:
        name = str(shape.serialization.get("name", shape.name))
        root = name.removesuffix("Output").removesuffix("Request")
        root = _ROOTS.get(name, root)
        return _document(root, xml.writer(shape)(value))

    def read_header(self, shape: Shape) -> Callable[[str], Any]:
        read_text = texts.reader(shape, "header")
        # A header that says nothing says no time and no number either.
        return lambda text: read_text(text) if text or shape.type_name == "string" else None


_XML = _Xml()

# Where S3's answer is named otherwise than its shape.
_ROOTS = {
    "CompleteMultipartUploadOutput": "CompleteMultipartUploadResult",
    "CreateMultipartUploadOutput": "InitiateMultipartUploadResult",
    "DeleteObjectsOutput": "DeleteResult",
    "GetBucketAclOutput": "AccessControlPolicy",
    "GetBucketLifecycleConfigurationOutput": "LifecycleConfiguration",
    "GetBucketLoggingOutput": "BucketLoggingStatus",
    "GetBucketTaggingOutput": "Tagging",
    "GetBucketVersioningOutput": "VersioningConfiguration",
    "GetObjectAclOutput": "AccessControlPolicy",
    "GetObjectTaggingOutput": "Tagging",
    "ListBucketsOutput": "ListAllMyBucketsResult",
    "ListMultipartUploadsOutput": "ListMultipartUploadsResult",
    "ListObjectVersionsOutput": "ListVersionsResult",
    "ListObjectsOutput": "ListBucketResult",
    "ListObjectsV2Output": "ListBucketResult",
    "ListPartsOutput": "ListPartsResult",
}


def read(
    op: OperationModel, request: Request, mint: Callable[[], str] | None = None
) -> dict[str, Any]:
    """The operation's input from all the places where its members stand.

    `mint` makes idempotency tokens for those who did not bring their own.
    """
    reading = _reading(op)
    given = reading.read(request) if reading is not None else {}
    if any("\N{REPLACEMENT CHARACTER}" in given.get(name, "") for name in ("Bucket", "Key")):
        raise SerializationException("The path is not UTF-8.")
    given = {name: value for name, value in given.items() if value is not None}
    return rest.with_tokens(op, given, mint)


def write(op: OperationModel, result: Mapping[str, Any], request_id: str) -> Response:
    """The answer of an operation that went well."""
    writing = _writing(op)
    if writing is None:
        return rest.answer_nothing(op, _XML, request_id)
    answer = writing.write(result, request_id)
    if op.name == "GetBucketLocation":
        # The only answer without a root of its own: its member is the root.
        region = xml.escaped(result.get("LocationConstraint") or "")
        return replace(answer, body=_document("LocationConstraint", region))
    if op.output_shape and not rest.body_members(op.output_shape):
        answer = Response(answer.status, _untyped(answer.headers, result))
    return replace(answer, status=206) if "ContentRange" in result else answer


def write_error(
    service: ServiceModel,
    op: OperationModel | None,
    code: str,
    message: str,
    members: Mapping[str, Any],
    request_id: str,
) -> Response:
    """The answer of an operation that was refused, or of a request that named none.

    `members` that the error's shape does not have, and that begin with `x-amz-`, are headers.
    """
    code = _OWN_WORDS.get(code, code)
    shape = refusals.error_shape(service, op, code)
    headers = {_XML.request_id: request_id, "content-type": _XML.content_type}
    headers |= {name: text for name, text in members.items() if name.startswith("x-amz-")}
    status = refusals.status(shape, code, rest=True)
    if status in _NO_BODY:
        return Response(status, {_XML.request_id: request_id})
    told = {"Code": code, "Message": message, **refusals.body(shape, code, "", members)}
    extra = {name: text for name, text in members.items() if name not in headers}
    told |= {name: text for name, text in extra.items() if isinstance(text, str)}
    told["RequestId"] = request_id
    inside = "".join(f"<{name}>{xml.escaped(str(text))}</{name}>" for name, text in told.items())
    return Response(status, headers, f"{_HEAD}<Error>{inside}</Error>".encode())


def _document(root: str, content: str) -> bytes:
    return f'{_HEAD}<{root} xmlns="{_NAMESPACE}">{content}</{root}>'.encode()


def _untyped(headers: Mapping[str, str], result: Mapping[str, Any]) -> dict[str, str]:
    """An answer that is headers alone has a type only if it says one."""
    kept = dict(headers)
    if "ContentType" not in result:
        kept.pop("content-type", None)
    return kept


@functools.cache
def _reading(op: OperationModel) -> rest.Reading | None:
    shape = op.input_shape
    return rest.Reading(op, shape, _XML) if shape is not None else None


@functools.cache
def _writing(op: OperationModel) -> rest.Writing | None:
    shape = op.output_shape
    return rest.Writing(op, shape, _XML) if shape is not None else None
