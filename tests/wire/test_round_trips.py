"""Every operation with botocore on the other side: what it sends we read, what we send it reads."""

import io
import random
from urllib.parse import urlsplit

import pytest
from botocore.awsrequest import HeadersDict, prepare_request_dict
from botocore.parsers import create_parser
from botocore.serialize import create_serializer

from ostler.wire import models, restjson, values
from ostler.wire.http import Request
from tests.wire import generated

SAMPLES = 10
ENDPOINT = "https://ssm.eu-central-1.example.org"


def sent_by_botocore(op, given):
    """The request that botocore makes of `given`, as our server would see it."""
    protocol = op.service_model.metadata["protocol"]
    made = create_serializer(protocol, include_validation=False).serialize_to_request(given, op)
    prepare_request_dict(made, ENDPOINT)
    url = urlsplit(made["url"])
    body = made["body"]
    return Request(
        made["method"],
        url.path,
        url.query,
        {name.lower(): value for name, value in made["headers"].items()},
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


def each_operation(service):
    for found, op in generated.operations():
        if found == service:
            yield op


@pytest.mark.parametrize("service", models.SERVICES)
def test_what_botocore_sends_is_what_we_read(service):
    for op in each_operation(service):
        chance = random.Random(f"{service} {op.name}")
        for _ in range(SAMPLES if op.input_shape else 0):
            given = generated.value(op.input_shape, chance, milliseconds=False)

            request = sent_by_botocore(op, given)

            assert given == models.protocol(service).read(op, request), op.name


@pytest.mark.parametrize("service", models.SERVICES)
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


@pytest.mark.parametrize("service", models.SERVICES)
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


@pytest.mark.parametrize("service", models.SERVICES)
def test_every_error_is_what_botocore_reads(service):
    api = models.model(service)
    for shape in api.error_shapes:
        members = generated.value(shape, random.Random(shape.name), milliseconds=True)
        message = next((members[name] for name in members if name.lower() == "message"), "")

        answer = models.protocol(service).write_error(
            api, None, shape.name, message, members, "request-id"
        )

        parser = create_parser(api.metadata["protocol"])
        seen = {
            "headers": HeadersDict(answer.headers),
            "status_code": answer.status,
            "body": answer.body,
        }
        parsed = parser.parse(seen, None)
        error = parsed["Error"]
        assert (shape.name, message) == (error["Code"], error["Message"])
        assert "request-id" == parsed["ResponseMetadata"]["RequestId"]
        modelled = parser.parse(seen, api.shape_for_error_code(error["Code"]))
        assert members == {name: modelled[name] for name in members}
        assert shape.metadata.get("error", {}).get("httpStatusCode", 400) == answer.status
