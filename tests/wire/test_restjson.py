"""AWS REST-JSON: members in paths, queries, headers and bodies, and what is refused."""

import contextlib

import msgspec
import pytest
from botocore.model import ServiceModel
from hypothesis import given, settings
from hypothesis import strategies as st

from ostler.wire import models, restjson, validation
from ostler.wire.errors import SerializationException, WireFault
from ostler.wire.http import Request

APPCONFIG = models.model("appconfig")
TAG = models.operation("appconfig", "TagResource")
UNTAG = models.operation("appconfig", "UntagResource")
STOP = models.operation("appconfig", "StopDeployment")
CREATE_VERSION = models.operation("appconfig", "CreateHostedConfigurationVersion")
UPDATE = models.operation("appconfig", "UpdateApplication")

# One operation with everything that our services happen not to use, but the protocol has.
ODD = ServiceModel(
    {
        "metadata": {"protocol": "rest-json"},
        "operations": {
            "Odd": {
                "name": "Odd",
                "http": {"method": "PUT", "requestUri": "/odd/{When}/{Path+}?kind=odd"},
                "input": {"shape": "OddIn"},
                "output": {"shape": "OddOut"},
            }
        },
        "shapes": {
            "OddIn": {
                "type": "structure",
                "members": {
                    "When": {"shape": "Time", "location": "uri", "locationName": "When"},
                    "Path": {"shape": "Text", "location": "uri", "locationName": "Path"},
                    "Since": {"shape": "Time", "location": "header", "locationName": "Since"},
                    "Names": {"shape": "Texts", "location": "header", "locationName": "X-Names"},
                    "Meta": {"shape": "Map", "location": "headers", "locationName": "X-Meta-"},
                    "Packed": {
                        "shape": "Text",
                        "location": "header",
                        "locationName": "X-Packed",
                        "jsonvalue": True,
                    },
                    "Rest": {"shape": "Map", "location": "querystring"},
                    "Epoch": {
                        "shape": "Time",
                        "location": "querystring",
                        "locationName": "epoch",
                        "timestampFormat": "unixTimestamp",
                    },
                    "Body": {"shape": "Text"},
                },
                "payload": "Body",
            },
            "OddOut": {
                "type": "structure",
                "members": {
                    "Code": {"shape": "Number", "location": "statusCode"},
                    "Meta": {"shape": "Map", "location": "headers", "locationName": "X-Meta-"},
                    "Since": {"shape": "Time", "location": "header", "locationName": "Since"},
                    "Flag": {"shape": "Flag", "location": "header", "locationName": "X-Flag"},
                    "Names": {"shape": "Texts", "location": "header", "locationName": "X-Names"},
                    "Packed": {
                        "shape": "Text",
                        "location": "header",
                        "locationName": "X-Packed",
                        "jsonvalue": True,
                    },
                    "Inner": {"shape": "Inner"},
                },
                "payload": "Inner",
            },
            "Inner": {"type": "structure", "members": {"Name": {"shape": "Text"}}},
            "Map": {"type": "map", "key": {"shape": "Text"}, "value": {"shape": "Text"}},
            "Texts": {"type": "list", "member": {"shape": "Text"}},
            "Text": {"type": "string"},
            "Flag": {"type": "boolean"},
            "Number": {"type": "integer"},
            "Time": {"type": "timestamp"},
        },
    },
    "odd",
).operation_model("Odd")


def noon():
    from datetime import UTC, datetime

    return datetime(2026, 3, 1, 12, tzinfo=UTC)


def test_a_label_is_decoded_once():
    request = Request("POST", "/tags/arn%3Aaws%3Aappconfig%3Aa%2Fb%252F", body=b'{"Tags":{}}')

    assert "arn:aws:appconfig:a/b%2F" == restjson.read(TAG, request)["ResourceArn"]


@pytest.mark.parametrize(
    ("query", "keys"),
    [
        ("tagKeys=a&tagKeys=b", ["a", "b"]),
        ("tagKeys=a+b&other=x", ["a b"]),
        ("tagKeys=%C3%A4%26", ["ä&"]),
        ("tagKeys", [""]),
        ("", None),
    ],
)
def test_lists_in_the_query(query, keys):
    assert keys == restjson.read(UNTAG, Request("DELETE", "/tags/a", query)).get("TagKeys")


@pytest.mark.parametrize(("text", "value"), [("true", True), ("False", False)])
def test_a_flag_in_a_header(text, value):
    request = Request(
        "DELETE", "/applications/a/environments/b/deployments/7", "", {"allow-revert": text}
    )

    assert {
        "ApplicationId": "a",
        "EnvironmentId": "b",
        "DeploymentNumber": 7,
        "AllowRevert": value,
    } == restjson.read(STOP, request)


@pytest.mark.parametrize(
    ("path", "headers", "message"),
    [
        ("/applications/a/environments/b/deployments/x", {}, "STRING_VALUE can not be converted"),
        (
            "/applications/a/environments/b/deployments/\u0667",
            {},
            "STRING_VALUE can not be converted",
        ),
        ("/applications/a/environments/b/deployments/7", {"allow-revert": "yes"}, "to a Boolean"),
    ],
)
def test_texts_of_another_kind(path, headers, message):
    with pytest.raises(SerializationException, match=message):
        restjson.read(STOP, Request("DELETE", path, "", headers))


def test_a_body_that_is_the_member():
    path = "/applications/a/configurationprofiles/b/hostedconfigurationversions"
    headers = {"content-type": "text/plain", "latest-version-number": "3"}

    assert {
        "ApplicationId": "a",
        "ConfigurationProfileId": "b",
        "Content": b"\x00\xff",
        "ContentType": "text/plain",
        "LatestVersionNumber": 3,
    } == restjson.read(CREATE_VERSION, Request("POST", path, "", headers, b"\x00\xff"))
    assert b"" == restjson.read(CREATE_VERSION, Request("POST", path, "", headers))["Content"]


def test_a_body_cannot_say_what_the_path_says():
    request = Request("PATCH", "/applications/mine", body=b'{"ApplicationId":"theirs","Name":"n"}')

    assert {"ApplicationId": "mine", "Name": "n"} == restjson.read(UPDATE, request)


def test_a_body_may_be_missing():
    assert {"ApplicationId": "a"} == restjson.read(UPDATE, Request("PATCH", "/applications/a"))


@pytest.mark.parametrize("body", [b"[]", b"null", b"{", b"\xff", b'{"Name":1}'])
def test_bodies_that_are_no_input(body):
    with pytest.raises(SerializationException):
        restjson.read(UPDATE, Request("PATCH", "/applications/a", body=body))


def test_idempotency_tokens_are_made_for_those_who_bring_none():
    op = models.operation("ssm-incidents", "StartIncident")
    request = Request("POST", "/startIncident", body=b'{"responsePlanArn":"x"}')

    assert {"responsePlanArn": "x", "clientToken": "ours"} == restjson.read(
        op, request, mint=lambda: "ours"
    )


@pytest.mark.parametrize(
    ("service", "method", "path", "operation"),
    [
        ("appconfig", "GET", "/settings", "GetAccountSettings"),
        ("appconfig", "GET", "/applications", "ListApplications"),
        ("appconfig", "GET", "/applications/", "ListApplications"),
        ("appconfig", "GET", "/applications/settings", "GetApplication"),
        ("appconfig", "DELETE", "/deployementstrategies/x", "DeleteDeploymentStrategy"),
        ("appconfig", "PUT", "/applications", None),
        ("appconfig", "GET", "/applications//environments", None),
        ("appconfig", "GET", "/", None),
        ("appconfig", "GET", "", None),
        ("appconfigdata", "GET", "/configuration", "GetLatestConfiguration"),
    ],
)
def test_routes(service, method, path, operation):
    assert operation == restjson.match(service, Request(method, path))


def test_a_route_may_require_something_of_the_query():
    from ostler.wire.paths import route_of

    route = route_of(ODD)

    assert route.matches("PUT", "/odd/1/a/b", {("x", "y"), ("kind", "odd")})
    assert not route.matches("PUT", "/odd/1/a/b", {("kind", "even")})
    assert {"When": "1", "Path": "a/b c"} == route.values("/odd/1/a/b%20c")
    assert {} == route.values("/even")


def test_reading_what_the_protocol_has_besides():
    request = Request(
        "PUT",
        "/odd/2026-03-01T12%3A00%3A00Z/a/b",
        "kind=odd&epoch=1772366400&more=1",
        {
            "since": "Sun, 01 Mar 2026 12:00:00 GMT",
            "x-names": "a, b",
            "x-meta-colour": "red",
            "x-packed": "eyJhIjoxfQ==",
        },
        "größe".encode(),
    )

    assert {
        "When": noon(),
        "Path": "a/b",
        "Since": noon(),
        "Names": ["a", "b"],
        "Meta": {"colour": "red"},
        "Packed": {"a": 1},
        "Epoch": noon(),
        "Rest": {"kind": "odd", "more": "1"},
        "Body": "größe",
    } == restjson.read(ODD, request)


@pytest.mark.parametrize(
    "changes",
    [
        {"body": b"\xff"},
        {"headers": {"x-packed": "&"}},
        {"headers": {"x-packed": "eyJhIjo="}},
        {"headers": {"since": "noon"}},
        {"query": "epoch=noon"},
        {"path": "/odd/noon/x"},
    ],
)
def test_refusing_what_the_protocol_has_besides(changes):
    with pytest.raises(SerializationException):
        restjson.read(ODD, Request(**{"method": "PUT", "path": "/odd/2026-03-01/x", **changes}))


def test_writing_what_the_protocol_has_besides():
    answer = restjson.write(
        ODD,
        {
            "Code": 203,
            "Meta": {"Colour": "red"},
            "Since": noon(),
            "Flag": False,
            "Names": ["a", "b"],
            "Packed": {"a": 1},
            "Inner": {"Name": "n", "Secret": "s"},
            "Secret": "s",
        },
        "request-id",
    )

    assert (203, b'{"Name":"n"}') == (answer.status, answer.body)
    assert {
        "x-amzn-requestid": "request-id",
        "content-type": "application/json",
        "x-meta-colour": "red",
        "since": "Sun, 01 Mar 2026 12:00:00 GMT",
        "x-flag": "false",
        "x-names": "a,b",
        "x-packed": "eyJhIjoxfQ==",
    } == answer.headers


def test_a_value_cannot_end_its_header():
    answer = restjson.write(
        CREATE_VERSION, {"Description": "a\r\nset-cookie: b", "VersionLabel": "日本"}, "request-id"
    )

    assert "a set-cookie: b" == answer.headers["description"]
    assert "??" == answer.headers["versionlabel"]


@pytest.mark.parametrize(
    ("operation", "status", "body"),
    [("CreateApplication", 201, b"{}"), ("DeleteApplication", 204, b""), ("TagResource", 204, b"")],
)
def test_statuses_come_from_the_model(operation, status, body):
    answer = restjson.write(models.operation("appconfig", operation), {}, "request-id")

    assert (status, body) == (answer.status, answer.body)


@pytest.mark.parametrize(
    ("code", "status", "told_as"),
    [
        ("ResourceNotFoundException", 404, "ResourceNotFoundException"),
        ("ServiceQuotaExceededException", 402, "ServiceQuotaExceededException"),
        ("AccessDeniedException", 403, "AccessDeniedException"),
        ("UnknownOperationException", 404, "UnknownOperationException"),
        ("ValidationException", 400, "BadRequestException"),
        ("InternalServerError", 500, "InternalServerException"),
    ],
)
def test_refusals(code, status, told_as):
    answer = restjson.write_error(APPCONFIG, None, code, "because", {}, "request-id")

    assert (status, told_as) == (answer.status, answer.headers["x-amzn-errortype"])
    told = msgspec.json.decode(answer.body)
    assert "because" == told.get("Message", told.get("message"))


@settings(max_examples=300)
@given(
    st.text(max_size=20),
    st.text(max_size=20),
    st.dictionaries(
        st.sampled_from(["content-type", "latest-version-number", "allow-revert", "since"]),
        st.text(max_size=10),
    ),
    st.binary(max_size=30) | st.text(max_size=10).map(lambda text: f'{{"Name":"{text}"}}'.encode()),
)
def test_nothing_but_a_fault_is_raised(path, query, headers, body):
    for op in (TAG, UNTAG, STOP, CREATE_VERSION, UPDATE, ODD):
        for where in (f"/{path}", f"/applications/a/{path}", f"/odd/1/{path}"):
            with contextlib.suppress(WireFault):
                request = Request(op.http["method"], where, query, headers, body)
                validation.check(op.input_shape, restjson.read(op, request))
    restjson.match("appconfig", Request("GET", f"/{path}", query, headers, body))
