"""Every operation with botocore on the other side: what it sends we read, what we send it reads."""

import io
import random
from urllib.parse import urlsplit

import pytest
from botocore.awsrequest import HeadersDict, create_request_object, prepare_request_dict
from botocore.parsers import create_parser
from botocore.serialize import create_serializer

from ostler.wire import models, restjson, restxml, values
from ostler.wire.http import Request
from tests.wire import generated

SAMPLES = 10
# Of REST-XML less comes through than of JSON: tests/wire/test_restxml.py.
EXACT = [name for name in models.SERVICES if models.protocol(name) is not restxml]
ENDPOINT = "https://ssm.eu-central-1.example.org"


def sent_by_botocore(op, given):
    """The request that botocore makes of `given`, as our server would see it."""
    protocol = op.service_model.metadata["protocol"]
    made = create_serializer(protocol, include_validation=False).serialize_to_request(given, op)
    prepare_request_dict(made, ENDPOINT)
    sent = create_request_object(made).prepare()
    url = urlsplit(sent.url)
    body = sent.body or b""
    return Request(
        sent.method,
        url.path,
        url.query,
        {name.lower(): value for name, value in sent.headers.items()},
        body.encode() if isinstance(body, str) else body,
    )


def read_answer(op, response):
    """What botocore makes of our answer; a blob that is the whole body comes to it as a stream."""
    parser = create_parser(op.service_model.metadata["protocol"])
    body = io.BytesIO(response.body) if op.has_streaming_output else response.body
    headers = HeadersDict(response.headers)
    answer = {"headers": headers, "status_code": response.status, "body": body}
    parsed = parser.parse(answer, op.output_shape)
    parsed.pop("ResponseMetadata")
    if op.has_streaming_output:
        parsed[op.output_shape.serialization["payload"]] = response.body
    return parsed


def as_said(value, op):
    """What of the input reaches the wire: a form has no way to say an empty structure or map."""
    return without_empty(value) if op.service_model.metadata["protocol"] == "query" else value


def without_empty(value):
    if isinstance(value, list):
        return [item for item in map(without_empty, value) if item not in ({}, [], None)]
    if isinstance(value, dict):
        items = {name: without_empty(item) for name, item in value.items()}
        return {name: item for name, item in items.items() if item not in ({}, [], None)}
    return value


def each_operation(service):
    for found, op in generated.operations():
        # Answers that are streams of events are not written yet.
        if found == service and not op.has_event_stream_output:
            yield op


def each_operation_that_declares(service, error):
    for op in each_operation(service):
        if error.name in [shape.name for shape in op.error_shapes]:
            yield op


@pytest.mark.parametrize("service", EXACT)
def test_what_botocore_sends_is_what_we_read(service):
    for op in each_operation(service):
        chance = random.Random(f"{service} {op.name}")
        for _ in range(SAMPLES if op.input_shape else 0):
            given = generated.value(op.input_shape, chance, milliseconds=False)

            request = sent_by_botocore(op, given)

            read = models.protocol(service).read(op, request)
            assert as_said(given, op) == as_said(read, op), op.name


@pytest.mark.parametrize("service", EXACT)
def test_what_we_send_is_what_botocore_reads(service):
    for op in each_operation(service):
        chance = random.Random(f"{service} {op.name}")
        for _ in range(SAMPLES if op.output_shape else 0):
            result = generated.value(op.output_shape, chance, milliseconds=True)
            written = models.protocol(service).write(op, result, "request-id")

            expected = {} if written.status == 204 else result
            if op.has_streaming_output:
                payload = op.output_shape.serialization["payload"]
                expected = {payload: b"", "ContentType": "application/octet-stream", **result}
            assert expected == read_answer(op, written), op.name


@pytest.mark.parametrize("service", EXACT)
def test_what_we_write_we_read(service):
    """Our agent reads with our readers: both directions of every shape agree."""
    for op in each_operation(service):
        chance = random.Random(f"{service} {op.name}")
        for shape in filter(None, (op.input_shape, op.output_shape)):
            value = generated.value(shape, chance, milliseconds=True)

            assert value == values.read(shape, values.decode(values.encode(shape, value))), op.name


@pytest.mark.parametrize(
    "service", [name for name in models.SERVICES if models.protocol(name) is restjson]
)
def test_every_path_leads_to_its_operation(service):
    for op in each_operation(service):
        given = {}
        if op.input_shape:
            given = generated.value(op.input_shape, random.Random(op.name), milliseconds=False)

        assert op.name == restjson.match(service, sent_by_botocore(op, given))


@pytest.mark.parametrize("service", EXACT)
def test_every_error_is_what_botocore_reads(service):
    api = models.model(service)
    for shape in api.error_shapes:
        members = generated.value(shape, random.Random(shape.name), milliseconds=True)
        message = next((members[name] for name in members if name.lower() == "message"), "")
        op = next(each_operation_that_declares(service, shape), None)

        answer = models.protocol(service).write_error(
            api, op, shape.name, message, members, "request-id"
        )

        parser = create_parser(api.metadata["protocol"])
        seen = {
            "headers": HeadersDict(answer.headers),
            "status_code": answer.status,
            "body": answer.body,
        }
        parsed = parser.parse(seen, None)
        error = parsed["Error"]
        assert (shape.error_code, message) == (error["Code"], error.get("Message", ""))
        assert "request-id" == parsed["ResponseMetadata"]["RequestId"]
        modelled = parser.parse(seen, api.shape_for_error_code(error["Code"]))
        for name in members.keys() - {"message", "Message"}:
            assert members[name] == modelled[name]
        assert shape.metadata.get("error", {}).get("httpStatusCode", 400) == answer.status
