"""AWS Query: fields of a form in, XML out, and what is refused."""

import contextlib
import random
from datetime import UTC, datetime
from xml.etree import ElementTree

import pytest
from botocore.model import ServiceModel
from hypothesis import given, settings
from hypothesis import strategies as st

from ostler.wire import models, query
from ostler.wire.errors import SerializationException, WireFault
from ostler.wire.http import Request
from tests.wire import generated
from tests.wire.test_round_trips import as_said, read_answer, sent_by_botocore

IAM = models.model("iam")
GET_USER = models.operation("iam", "GetUser")
TAG_USER = models.operation("iam", "TagUser")
LIST_USERS = models.operation("iam", "ListUsers")
DELETE_USER = models.operation("iam", "DeleteUser")
SIMULATE = models.operation("iam", "SimulateCustomPolicy")
FORM = {"content-type": "application/x-www-form-urlencoded"}

# One operation with everything that our services happen not to use, but the protocol has.
ODD_API = ServiceModel(
    {
        "metadata": {
            "protocol": "query",
            "apiVersion": "2026-01-01",
            "xmlNamespace": "https://odd.example.org/",
        },
        "operations": {
            "Odd": {
                "name": "Odd",
                "http": {"method": "POST", "requestUri": "/"},
                "input": {"shape": "Odd"},
                "output": {"shape": "Odd", "resultWrapper": "OddResult"},
            },
        },
        "shapes": {
            "Odd": {
                "type": "structure",
                "members": {
                    "Renamed": {"shape": "Text", "locationName": "Other"},
                    "Flat": {"shape": "FlatTexts"},
                    "FlatRenamed": {"shape": "FlatRenamedTexts"},
                    "FlatMap": {"shape": "FlatMap"},
                    "Named": {"shape": "NamedItems"},
                    "NamedMap": {"shape": "NamedMap"},
                    "Lists": {"shape": "Lists"},
                    "Inner": {"shape": "Odd"},
                    "Epoch": {"shape": "Time", "timestampFormat": "unixTimestamp"},
                    "Bytes": {"shape": "Bytes"},
                    "Number": {"shape": "Number"},
                    "Flag": {"shape": "Flag"},
                    "Token": {"shape": "Text", "idempotencyToken": True},
                },
            },
            "FlatTexts": {"type": "list", "member": {"shape": "Text"}, "flattened": True},
            "FlatRenamedTexts": {
                "type": "list",
                "member": {"shape": "Text", "locationName": "One"},
                "flattened": True,
            },
            "FlatMap": {
                "type": "map",
                "key": {"shape": "Text", "locationName": "K"},
                "value": {"shape": "Number", "locationName": "V"},
                "flattened": True,
            },
            "NamedItems": {"type": "list", "member": {"shape": "Text", "locationName": "Item"}},
            "NamedMap": {
                "type": "map",
                "key": {"shape": "Text", "locationName": "Name"},
                "value": {"shape": "Odd", "locationName": "Odd"},
            },
            "Lists": {"type": "list", "member": {"shape": "NamedItems"}},
            "Text": {"type": "string"},
            "Bytes": {"type": "blob"},
            "Flag": {"type": "boolean"},
            "Number": {"type": "float"},
            "Time": {"type": "timestamp"},
        },
    },
    "odd",
)
ODD = ODD_API.operation_model("Odd")


def a_form(body: str, query_string: str = "") -> Request:
    return Request("POST", "/", query_string, FORM, body.encode())


def test_a_form_becomes_values():
    body = (
        "Other=a+b%26%C3%A4&Flat.2=two&Flat.1=one&One.1=x&FlatMap.1.K=k&FlatMap.1.V=1.5"
        "&Named.Item.1=n&NamedMap.entry.1.Name=m&NamedMap.entry.1.Odd.Other=in"
        "&Lists.member.1.Item.1=deep&Inner.Inner.Flag=true&Epoch=1772366400&Bytes=AP8%3D&Unknown=1"
    )

    assert {
        "Renamed": "a b&ä",
        "Flat": ["one", "two"],
        "FlatRenamed": ["x"],
        "FlatMap": {"k": 1.5},
        "Named": ["n"],
        "NamedMap": {"m": {"Renamed": "in"}},
        "Lists": [["deep"]],
        "Inner": {"Inner": {"Flag": True}},
        "Epoch": datetime(2026, 3, 1, 12, tzinfo=UTC),
        "Bytes": b"\x00\xff",
    } == query.read(ODD, a_form(body))


def test_the_odd_with_botocore_on_the_other_side():
    for seed in range(200):
        value = generated.value(ODD.input_shape, random.Random(seed), milliseconds=False)

        read = query.read(ODD, sent_by_botocore(ODD, value))

        assert as_said(value, ODD) == as_said(read, ODD)
        answer = read_answer(ODD, query.write(ODD, value, "request-id"))
        assert as_said(value, ODD) == as_said(answer, ODD)


@pytest.mark.parametrize(
    ("body", "query_string"),
    [
        ("UserName=x", "Action=GetUser"),
        ("", "Action=GetUser&UserName=x&X-Amz-Signature=0"),
        ("&&UserName=x&", ""),
    ],
)
def test_fields_may_stand_in_the_query_as_well(body, query_string):
    assert {"UserName": "x"} == query.read(GET_USER, a_form(body, query_string))


@pytest.mark.parametrize(
    ("body", "tags"),
    [
        ("", None),
        ("Tags=", []),
        ("Tags.member.10.Key=b&Tags.member.9.Key=a", [{"Key": "a"}, {"Key": "b"}]),
        ("Tags.member.1.Key=a&Tags.member.1.Value=", [{"Key": "a", "Value": ""}]),
        ("Tags.other.1.Key=a", []),
    ],
)
def test_lists(body, tags):
    assert tags == query.read(TAG_USER, a_form(body)).get("Tags")


@pytest.mark.parametrize(
    "body",
    [
        "UserName=a&UserName=b",
        "UserName=%ff",
        "UserName=ä",
        "UserName.member.1=a",
        "Tags=a",
        "Tags.member=a",
        "Tags.member.1=a",
        "Tags.member.x.Key=a",
        "Tags.member.-1.Key=a",
        "Tags.member.\u0661.Key=a",
        "Tags.member.1234567890.Key=a",
        "Tags.member..Key=a",
        "Tags" + ".a" * 100 + "=a",
    ],
)
def test_forms_that_are_no_input(body):
    with pytest.raises(SerializationException):
        query.read(TAG_USER, a_form(body))


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("MaxItems=many", "STRING_VALUE can not be converted to an Integer"),
        ("MaxItems.a=1", "Start of structure or map found where not expected."),
    ],
)
def test_texts_of_another_kind(body, message):
    with pytest.raises(SerializationException, match=message):
        query.read(LIST_USERS, a_form(body))


@pytest.mark.parametrize("body", ["FlatMap.1.V=1", "FlatMap.1=1", "NamedMap.entry.1.K=1"])
def test_an_entry_needs_a_key(body):
    with pytest.raises(SerializationException):
        query.read(ODD, a_form(body))


def test_idempotency_tokens_are_made_for_those_who_bring_none():
    assert "ours" == query.read(ODD, a_form(""), mint=lambda: "ours")["Token"]
    assert "mine" == query.read(ODD, a_form("Token=mine"), mint=lambda: "ours")["Token"]


def test_an_answer():
    born = datetime(2026, 3, 1, 12, tzinfo=UTC)
    answer = query.write(
        LIST_USERS,
        {"Users": [{"UserName": "<a&b>", "CreateDate": born, "Secret": 1}], "IsTruncated": False},
        "request-id",
    )

    assert (
        '<ListUsersResponse xmlns="https://iam.amazonaws.com/doc/2010-05-08/">'
        "<ListUsersResult><Users><member><UserName>&lt;a&amp;b&gt;</UserName>"
        "<CreateDate>2026-03-01T12:00:00Z</CreateDate></member></Users>"
        "<IsTruncated>false</IsTruncated></ListUsersResult>"
        "<ResponseMetadata><RequestId>request-id</RequestId></ResponseMetadata>"
        "</ListUsersResponse>"
    ) == answer.body.decode()
    assert {"content-type": "text/xml", "x-amzn-requestid": "request-id"} == answer.headers


def test_an_answer_without_a_result():
    assert (
        '<DeleteUserResponse xmlns="https://iam.amazonaws.com/doc/2010-05-08/">'
        "<ResponseMetadata><RequestId>request-id</RequestId></ResponseMetadata>"
        "</DeleteUserResponse>"
    ) == query.write(DELETE_USER, {}, "request-id").body.decode()


@pytest.mark.parametrize("said", ["a\r\nb", "a\x00\x1b\ufffeb", "\U0001f600", " a\t"])
def test_every_text_can_be_said(said):
    """What XML has no character for is replaced; the answer stays well-formed."""
    answer = query.write(GET_USER, {"User": {"UserName": said}}, "request-id")

    spoken = "".join("\ufffd" if each in "\x00\x1b\ufffe" else each for each in said)
    assert spoken == read_answer(GET_USER, answer)["User"]["UserName"]


@pytest.mark.parametrize(
    ("code", "status", "told_as", "fault"),
    [
        ("NoSuchEntity", 404, "NoSuchEntity", "Sender"),
        ("ServiceFailureException", 500, "ServiceFailure", "Receiver"),
        ("AccessDeniedException", 403, "AccessDenied", "Sender"),
        ("UnrecognizedClientException", 403, "InvalidClientTokenId", "Sender"),
        ("UnknownOperationException", 400, "InvalidAction", "Sender"),
        ("ValidationException", 400, "ValidationError", "Sender"),
        ("SerializationException", 400, "MalformedInput", "Sender"),
        ("ThrottlingException", 400, "Throttling", "Sender"),
        ("InternalServerError", 500, "InternalFailure", "Receiver"),
        ("NotYetImplemented", 501, "NotYetImplemented", "Receiver"),
    ],
)
def test_refusals(code, status, told_as, fault):
    answer = query.write_error(IAM, None, code, "a < b", {}, "request-id")

    assert status == answer.status
    assert (
        '<ErrorResponse xmlns="https://iam.amazonaws.com/doc/2010-05-08/">'
        f"<Error><Type>{fault}</Type><Code>{told_as}</Code><Message>a &lt; b</Message></Error>"
        "<RequestId>request-id</RequestId></ErrorResponse>"
    ) == answer.body.decode()


def test_an_expired_session_is_told_otherwise_than_the_expired_token_that_an_operation_was_given():
    sts = models.model("sts")
    given_a_token = models.operation("sts", "AssumeRoleWithWebIdentity")

    codes = [
        ElementTree.fromstring(
            query.write_error(sts, op, "ExpiredTokenException", "", {}, "id").body
        ).findtext("{*}Error/{*}Code")
        for op in (None, given_a_token)
    ]

    assert ["ExpiredToken", "ExpiredTokenException"] == codes


_NAMES = st.lists(
    st.sampled_from(["Tags", "member", "entry", "1", "2", "Key", "ContextEntries", "Flat", ""])
    | st.text(max_size=3),
    max_size=6,
).map(".".join)
_FORMS = st.lists(st.tuples(_NAMES, st.text(max_size=5)).map("=".join), max_size=6).map("&".join)


@settings(max_examples=300)
@given(_FORMS, _FORMS.map(str.encode) | st.binary(max_size=30))
def test_nothing_but_a_fault_is_raised(query_string, body):
    request = Request("POST", "/", query_string, FORM, body)
    with contextlib.suppress(WireFault):
        query.action(request)
    for op in (GET_USER, TAG_USER, SIMULATE, ODD):
        with contextlib.suppress(WireFault):
            query.read(op, request)


@settings(max_examples=200)
@given(st.text(max_size=20))
def test_whatever_is_said_is_well_formed(text):
    for answer in (
        query.write(GET_USER, {"User": {"UserName": text}}, "request-id"),
        query.write_error(IAM, None, "NoSuchEntity", text, {}, "request-id"),
    ):
        ElementTree.fromstring(answer.body)
