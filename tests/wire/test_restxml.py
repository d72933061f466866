"""AWS REST-XML: every operation of S3 with botocore on the other side, and what is refused."""

import random

import pytest
from botocore.awsrequest import HeadersDict
from botocore.model import ListShape, StructureShape
from botocore.parsers import create_parser
from hypothesis import given, settings
from hypothesis import strategies as st

from ostler.wire import models, restxml, xml
from ostler.wire.errors import SerializationException, WireFault
from ostler.wire.http import Request
from tests.wire import generated
from tests.wire.test_round_trips import each_operation, read_answer, sent_by_botocore

SAMPLES = 10
DELETE_OBJECTS = models.operation("s3", "DeleteObjects")
# The host's label is no label of the path; older names of an operation share its path.
NOT_AS_OTHERS = {"WriteGetObjectResponse"}
OLDER_NAMES = {
    "GetBucketLifecycle",
    "GetBucketNotification",
    "ListDirectoryBuckets",
    "PutBucketLifecycle",
    "PutBucketNotification",
}
# Its members say the same thing twice under two names.
TOLD_TWICE = {"GetBucketNotification", "PutBucketNotification"}


def heard(shape, value, *, answered=False):
    """What remains of a value on the way: headers keep no parts of a second, and a list without a
    frame is gone when it is empty."""
    match shape:
        case StructureShape():
            members = {
                name: heard(shape.members[name], each, answered=answered)
                for name, each in value.items()
            }
            return {name: each for name, each in members.items() if each is not None}
        case ListShape():
            if not value and shape.serialization.get("flattened"):
                return None
            return [heard(shape.member, each, answered=answered) for each in value]
    if shape.type_name == "timestamp" and answered and in_seconds(shape):
        return value.replace(microsecond=0)
    return value


def in_seconds(shape):
    return shape.serialization.get("location") == "header" and (
        shape.serialization.get("timestampFormat", "rfc822") == "rfc822"
    )


def cases():
    for op in each_operation("s3"):
        if op.name not in NOT_AS_OTHERS:
            yield op, random.Random(op.name)


def test_what_botocore_sends_is_what_we_read():
    for op, chance in cases():
        for _ in range(SAMPLES if op.name not in TOLD_TWICE else 0):
            said = generated.value(op.input_shape, chance, milliseconds=False)
            said = plain_lists_in_headers(op.input_shape, said)

            request = sent_by_botocore(op, said)

            read = restxml.read(op, request)
            read.pop("ContentLength", None)  # HTTP has it whether it is said or not
            said.pop("ContentLength", None)
            assert heard(op.input_shape, said) == read, op.name


def plain_lists_in_headers(shape, said):
    """A list in a header is words between commas, and the generator knows no words."""
    listed = {
        name
        for name, member in shape.members.items()
        if isinstance(member, ListShape) and member.serialization.get("location") == "header"
    }
    return {name: ["ETag", "Parts"] if name in listed else each for name, each in said.items()}


def test_what_we_send_is_what_botocore_reads():
    for op, chance in cases():
        for _ in range(SAMPLES if op.output_shape and op.name not in TOLD_TWICE else 0):
            result = generated.value(op.output_shape, chance, milliseconds=True)
            payload = op.output_shape.serialization.get("payload")
            if payload and payload not in result:
                continue

            seen = read_answer(op, restxml.write(op, result, "request-id"))

            expected = heard(op.output_shape, result, answered=True)
            if op.name == "GetBucketLocation":
                expected = {}  # boto3 reads it from the text, by a handler of its own
            if op.has_streaming_output and "ContentType" in op.output_shape.members:
                expected.setdefault("ContentType", "application/octet-stream")
            assert expected == without_empty(seen, expected), op.name


def without_empty(seen, expected):
    """botocore makes an empty structure of one whose lists have nothing in them."""
    return {name: each for name, each in seen.items() if each != {} or name in expected}


def test_every_path_leads_to_its_operation():
    for op, chance in cases():
        said = plain_lists_in_headers(
            op.input_shape, generated.value(op.input_shape, chance, milliseconds=False)
        )
        if op.name not in OLDER_NAMES:
            assert op.name == restxml.match("s3", sent_by_botocore(op, said))


@pytest.mark.parametrize(
    ("method", "path", "query", "operation"),
    [
        ("PUT", "/b/k", "", "PutObject"),
        ("PUT", "/b/folder/", "", "PutObject"),
        ("PUT", "/b/k", "partNumber=1&uploadId=u", "UploadPart"),
        ("GET", "/b/k", "", "GetObject"),
        ("GET", "/b/k", "uploadId=u", "ListParts"),
        ("GET", "/b/", "prefix=k", "ListObjects"),
        ("GET", "/b", "list-type=2", "ListObjectsV2"),
        ("GET", "/b", "location", "GetBucketLocation"),
        ("GET", "/", "", "ListBuckets"),
        ("DELETE", "/b/k", "uploadId=u", "AbortMultipartUpload"),
        ("POST", "/b/k", "uploadId=u", "CompleteMultipartUpload"),
        ("POST", "/b/k", "uploads", "CreateMultipartUpload"),
        ("POST", "/b", "delete", "DeleteObjects"),
    ],
)
def test_the_query_tells_apart_what_shares_a_path(method, path, query, operation):
    assert operation == restxml.match("s3", Request(method, path, query))


def test_a_header_tells_a_copy_from_a_put():
    copy = Request("PUT", "/b/k", "", {"x-amz-copy-source": "/b/other"})

    assert "CopyObject" == restxml.match("s3", copy)


def test_the_location_is_the_root_of_its_answer():
    op = models.operation("s3", "GetBucketLocation")

    answer = restxml.write(op, {"LocationConstraint": "eu-west-1"}, "request-id")

    assert b">eu-west-1</LocationConstraint>" in answer.body


@pytest.mark.parametrize("shape", models.model("s3").error_shapes, ids=lambda shape: shape.name)
def test_every_error_is_what_botocore_reads(shape):
    api = models.model("s3")

    answer = restxml.write_error(api, None, shape.name, "Why not.", {}, "request-id")

    seen = {
        "headers": HeadersDict(answer.headers),
        "status_code": answer.status,
        "body": answer.body,
    }
    parsed = create_parser("rest-xml").parse(seen, None)
    told = ("304", "Not Modified") if answer.status == 304 else (shape.name, "Why not.")
    assert told == (parsed["Error"]["Code"], parsed["Error"]["Message"])
    assert shape.metadata["error"]["httpStatusCode"] == answer.status
    assert "request-id" == parsed["ResponseMetadata"]["RequestId"]


def test_an_error_has_s3s_words_and_says_what_it_is_about():
    answer = restxml.write_error(
        models.model("s3"), None, "NoSuchKey", "It is gone.", {"Key": "a<b"}, "request-id"
    )

    assert 404 == answer.status
    assert b"<Code>NoSuchKey</Code><Message>It is gone.</Message><Key>a&lt;b</Key>" in answer.body


@pytest.mark.parametrize(
    ("ours", "theirs", "status"),
    [
        ("AccessDeniedException", b"<Code>AccessDenied</Code>", 403),
        ("InvalidSignatureException", b"<Code>SignatureDoesNotMatch</Code>", 403),
        ("NotYetImplemented", b"<Code>NotImplemented</Code>", 501),
        ("ThrottlingException", b"<Code>SlowDown</Code>", 503),
        ("ValidationException", b"<Code>InvalidArgument</Code>", 400),
    ],
)
def test_what_all_services_say_has_a_word_of_s3(ours, theirs, status):
    answer = restxml.write_error(models.model("s3"), None, ours, "", {}, "request-id")

    assert (status, True) == (answer.status, theirs in answer.body)


def test_what_is_not_modified_has_no_body():
    answer = restxml.write_error(models.model("s3"), None, "NotModified", "", {}, "request-id")

    assert (304, b"") == (answer.status, answer.body)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<Delete>",
        b"<Delete><Object></Delete>",
        b"\xff\xfe<\x00D\x00",
        b'<!DOCTYPE a [<!ENTITY b "c">]><Delete>&b;</Delete>',
        b"<Delete><Quiet>perhaps</Quiet></Delete>",
    ],
)
def test_what_is_no_xml_of_the_operation_is_refused(body):
    request = Request("POST", "/b", "delete", {}, body)

    with pytest.raises(SerializationException):
        restxml.read(DELETE_OBJECTS, request) if body else xml.decode(body)


@given(st.binary(max_size=200) | st.text(max_size=60).map(lambda text: text.encode()))
@settings(max_examples=300)
def test_no_body_does_more_than_be_refused(body):
    try:
        restxml.read(DELETE_OBJECTS, Request("POST", "/b", "delete", {}, body))
    except WireFault:
        return
