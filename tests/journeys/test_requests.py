"""Requests that no client sends: each gets AWS's error, and changes nothing."""

import hashlib
import json
import socket
import ssl
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import pytest
from botocore.auth import SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from ostler.foundation.clock import SystemClock
from ostler.wire import sigv4
from ostler.wire.http import Request
from tests.journeys.raw import Answer, Pen
from tests.support.processes import ServerProcess

NAME = "Journey.Raw"
DOCUMENT = {
    "Name": NAME,
    "DocumentType": "Command",
    "Content": json.dumps(
        {
            "schemaVersion": "2.2",
            "mainSteps": [
                {"action": "aws:runShellScript", "name": "x", "inputs": {"runCommand": ["true"]}}
            ],
        }
    ),
}


@pytest.fixture(scope="module")
def pen(server: ServerProcess) -> Pen:
    return Pen(server)


def good(pen: Pen) -> Request:
    """A request that would make a document, if nobody spoilt it."""
    return pen.signed(pen.request("CreateDocument", DOCUMENT))


def without(request: Request, *names: str) -> Request:
    headers = {name: value for name, value in request.headers.items() if name not in names}
    return replace(request, headers=headers)


def changed(request: Request, **headers: str) -> Request:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return replace(request, headers={**request.headers, **named})


def at(pen: Pen, **away: float) -> Request:
    """The good request, signed some time away from now."""
    then = SystemClock().now() + timedelta(**away)
    return pen.signed(pen.request("CreateDocument", DOCUMENT), at=then)


def of(pen: Pen, **changes: Any) -> Request:
    return good(replace(pen, **changes))


def with_body(pen: Pen, body: bytes) -> Request:
    return pen.signed(pen.request("CreateDocument", body))


BROKEN: dict[str, tuple[Callable[[Pen], Request], int, str, str]] = {
    "unsigned": (
        lambda pen: without(good(pen), "authorization"),
        400,
        "MissingAuthenticationTokenException",
        "",
    ),
    "half signed": (
        lambda pen: changed(good(pen), authorization="AWS4-HMAC-SHA256 Credential=AKIA/x"),
        400,
        "IncompleteSignature",
        "",
    ),
    "of nobody": (
        lambda pen: of(pen, access_key="AKIAIOSFODNN7EXAMPLE"),
        400,
        "UnrecognizedClientException",
        "The security token included in the request is invalid.",
    ),
    "with a wrong secret": (
        lambda pen: of(pen, secret="x" * 40),
        400,
        "InvalidSignatureException",
        "The request signature we calculated does not match",
    ),
    "with a foreign session token": (
        lambda pen: of(pen, token="nonsense"),
        400,
        "UnrecognizedClientException",
        "",
    ),
    "stale": (lambda pen: at(pen, minutes=-6), 400, "InvalidSignatureException", "expired"),
    "of the future": (
        lambda pen: at(pen, minutes=6),
        400,
        "InvalidSignatureException",
        "Signature not yet current",
    ),
    "for another service": (
        lambda pen: pen.signed(pen.request("CreateDocument", DOCUMENT), service="sns"),
        400,
        "InvalidSignatureException",
        "Credential should be scoped to correct service: 'ssm'.",
    ),
    "with another body than signed": (
        lambda pen: replace(good(pen), body=good(pen).body + b" "),
        400,
        "InvalidSignatureException",
        "does not match",
    ),
    "with another target than signed": (
        lambda pen: changed(
            pen.signed(pen.request("DescribeDocument", DOCUMENT)),
            x_amz_target="AmazonSSM.CreateDocument",
        ),
        400,
        "InvalidSignatureException",
        "",
    ),
    "for an operation that there is not": (
        lambda pen: pen.signed(pen.request("CreatePoem", DOCUMENT)),
        400,
        "UnknownOperationException",
        "",
    ),
    "without a target": (
        lambda pen: pen.signed(without(pen.request("x", DOCUMENT), "x-amz-target")),
        404,
        "UnknownOperationException",
        "",
    ),
    "not JSON": (lambda pen: with_body(pen, b"{"), 400, "SerializationException", ""),
    "not an object": (lambda pen: with_body(pen, b"[]"), 400, "SerializationException", ""),
    "not UTF-8": (
        lambda pen: with_body(pen, b'{"Name": "\xff"}'),
        400,
        "SerializationException",
        "",
    ),
    "of the wrong kind": (
        lambda pen: with_body(pen, json.dumps(DOCUMENT | {"Name": 7}).encode()),
        400,
        "SerializationException",
        "",
    ),
    "nested without end": (
        lambda pen: with_body(pen, b'{"Name":' + b"[" * 50_000 + b"]" * 50_000 + b"}"),
        400,
        "SerializationException",
        "",
    ),
    "faulty in two places": (
        lambda pen: with_body(pen, json.dumps(DOCUMENT | {"Name": "a b", "Content": ""}).encode()),
        400,
        "ValidationException",
        "2 validation errors detected: ",
    ),
    "too large for somebody who does not say who": (
        lambda pen: pen.request("CreateDocument", DOCUMENT | {"Content": "x" * 70_000}),
        413,
        "RequestEntityTooLarge",
        "",
    ),
    "too large": (
        lambda pen: with_body(pen, json.dumps({"Name": "x" * 9_000_000}).encode()),
        413,
        "RequestEntityTooLarge",
        "",
    ),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_request_is_refused_and_changes_nothing(pen: Pen, ssm: Any, name: str) -> None:
    make, status, code, text = BROKEN[name]

    answer = pen.send(make(pen))

    assert (status, code) == (answer.status, answer.code)
    assert text in answer.message
    assert "x-amzn-requestid" in answer.headers or status == 413
    with pytest.raises(ssm.exceptions.InvalidDocument):
        ssm.describe_document(Name=NAME)


def test_the_same_request_is_served_twice(pen: Pen) -> None:
    """Clients repeat what they got no answer to; AWS serves it while the signature is fresh."""
    request = pen.signed(pen.request("ListDocuments", {}))

    first, second = pen.send(request), pen.send(request)

    assert (200, 200) == (first.status, second.status)
    assert first.value == second.value


def test_unknown_members_are_ignored(pen: Pen) -> None:
    assert 200 == pen.ask("ListDocuments", {"Colour": "red"}).status


def test_what_is_not_built_yet_says_so(pen: Pen) -> None:
    answer = pen.ask("DescribeMaintenanceWindows", {})

    assert (501, "NotYetImplemented") == (answer.status, answer.code)
    assert "docs/coverage.md" in answer.message


class WithBody(SigV4QueryAuth):
    """botocore's signer of URLs, for a body that is sent beside the URL and not within it."""

    def payload(self, request: AWSRequest) -> str:
        return hashlib.sha256(b"{}").hexdigest()


def test_a_presigned_url_is_good_without_a_key(pen: Pen, server: ServerProcess) -> None:
    told = server.environment
    unsigned = pen.request("ListDocuments", b"{}")
    asked = AWSRequest("POST", told["AWS_ENDPOINT_URL"] + "/", dict(unsigned.headers))
    pair = Credentials(told["AWS_ACCESS_KEY_ID"], told["AWS_SECRET_ACCESS_KEY"])
    WithBody(pair, "ssm", told["AWS_REGION"], expires=60).add_auth(asked)
    query = urlsplit(asked.url).query

    answer = pen.send(replace(unsigned, query=query))
    longer = pen.send(replace(unsigned, query=query.replace("Expires=60", "Expires=600")))
    other = pen.send(changed(replace(unsigned, query=query), x_amz_target="AmazonSSM.ListNodes"))

    assert "DocumentIdentifiers" in answer.value
    assert ["InvalidSignatureException"] * 2 == [longer.code, other.code]


def test_a_presigned_url_of_boto3_is_good_until_it_ends(pen: Pen, server: ServerProcess) -> None:
    """What it asks for is not built yet, and that is said only to whoever may ask."""

    def get(url: str) -> Answer:
        parts = urlsplit(url)
        return pen.send(Request("GET", parts.path, parts.query, {"host": parts.netloc}, b""))

    told = server.environment
    good = server.client("appconfig").generate_presigned_url("list_applications", ExpiresIn=60)
    late = sigv4.presign(
        Request("GET", "/applications", "", {"host": urlsplit(good).netloc}, b""),
        access_key=told["AWS_ACCESS_KEY_ID"],
        secret=told["AWS_SECRET_ACCESS_KEY"],
        region="us-east-1",
        service="appconfig",
        at=SystemClock().now() - timedelta(seconds=61),
        expires=60,
    )

    assert (501, "NotYetImplemented") == ((answer := get(good)).status, answer.code)
    assert (403, "InvalidSignatureException") == ((answer := pen.send(late)).status, answer.code)
    assert "Signature expired" in answer.message


@pytest.mark.parametrize(
    "noise",
    [
        b"\x00" * 1000,
        b"GET / HTTP/9.9\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: -5\r\n\r\n",
        b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"GET /" + b"a" * 200_000 + b" HTTP/1.1\r\n\r\n",
        b"GET /v1/control-channel/x HTTP/1.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n",
    ],
)
def test_noise_is_refused_and_nobody_else_notices(
    server: ServerProcess, pen: Pen, noise: bytes
) -> None:
    told = server.environment
    url = urlsplit(told["AWS_ENDPOINT_URL"])
    trust = ssl.create_default_context(cafile=told["AWS_CA_BUNDLE"])
    with (
        socket.create_connection((url.hostname, url.port), timeout=10) as plain,
        trust.wrap_socket(plain, server_hostname=url.hostname) as line,
    ):
        line.sendall(noise)
        line.shutdown(socket.SHUT_WR)
        answer = line.recv(4096)

    assert b"200 OK" not in answer
    assert 200 == pen.ask("ListDocuments", {}).status


def test_an_unsigned_caller_learns_health_and_authority_only(
    server: ServerProcess, pen: Pen
) -> None:
    def get(path: str) -> Answer:
        return pen.send(Request("GET", path, "", {}, b""))

    assert {"status": "ok", "region": "us-east-1"} == get("/health").value
    assert (server.data / "tls/ca.pem").read_bytes() == get("/ca.pem").body
    for path in ("/", "/v1/control-channel/mi-00000000000000000", "/../../etc/passwd", "/docs"):
        assert get(path).status in (400, 403, 404, 405)
