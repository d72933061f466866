"""JSON and typed values: every kind, and how a wrong one is refused."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from botocore.model import ServiceModel

from ostler.wire import values
from ostler.wire.errors import SerializationException, ValidationException

KINDS = {
    "Text": {"type": "string"},
    "Flag": {"type": "boolean"},
    "Count": {"type": "integer"},
    "Big": {"type": "long"},
    "Ratio": {"type": "double"},
    "Blob": {"type": "blob"},
    "Epoch": {"type": "timestamp"},
    "Iso": {"type": "timestamp", "timestampFormat": "iso8601"},
    "Rfc": {"type": "timestamp", "timestampFormat": "rfc822"},
    "Texts": {"type": "list", "member": {"shape": "Text"}},
    "Counts": {"type": "map", "key": {"shape": "Text"}, "value": {"shape": "Count"}},
    "Anything": {"type": "structure", "members": {}, "document": True},
    "Choice": {
        "type": "structure",
        "union": True,
        "members": {"A": {"shape": "Text"}, "B": {"shape": "Text"}},
    },
    "Root": {
        "type": "structure",
        "members": {
            "Name": {"shape": "Text"},
            "At": {"shape": "Epoch"},
            "Renamed": {"shape": "Text", "locationName": "otherName"},
            "Packed": {"shape": "Text", "jsonvalue": True},
            "Next": {"shape": "Root"},
        },
    },
}
API = ServiceModel({"metadata": {}, "operations": {}, "shapes": KINDS}, "test")
NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
NOON_AND_SOME = NOON + timedelta(milliseconds=250)


def read(kind, value):
    return values.read(API.shape_for(kind), value)


def written(kind, value):
    return values.writer(API.shape_for(kind))(value)


@pytest.mark.parametrize(
    ("kind", "json", "value"),
    [
        ("Text", "x", "x"),
        ("Flag", True, True),
        ("Count", 7, 7),
        ("Count", 7.9, 7),
        ("Count", 99_999_999_999, 2**31 - 1),
        ("Count", -99_999_999_999, -(2**31)),
        ("Big", 10**30, 2**63 - 1),
        ("Ratio", 1, 1.0),
        ("Ratio", 1.5, 1.5),
        ("Blob", "aGVsbG8=", b"hello"),
        ("Epoch", 1772366400, NOON),
        ("Epoch", 1772366400.25, NOON_AND_SOME),
        ("Iso", "2026-03-01T12:00:00Z", NOON),
        ("Iso", "2026-03-01T13:00:00.250+01:00", NOON_AND_SOME),
        ("Rfc", "Sun, 01 Mar 2026 12:00:00 GMT", NOON),
        ("Texts", ["a", None], ["a", None]),
        ("Counts", {"a": 1, "b": None}, {"a": 1, "b": None}),
        ("Anything", {"a": [1, {"b": None}]}, {"a": [1, {"b": None}]}),
        ("Choice", {"B": "b"}, {"B": "b"}),
        ("Root", {"Name": "a", "Strange": 1, "At": None}, {"Name": "a"}),
        ("Root", {"otherName": "a", "Renamed": "b"}, {"Renamed": "a"}),
        ("Root", {"Packed": '{"a": 1}'}, {"Packed": {"a": 1}}),
        ("Root", {"Next": {"Next": {"Name": "c"}}}, {"Next": {"Next": {"Name": "c"}}}),
    ],
)
def test_reading(kind, json, value):
    assert value == read(kind, json)


@pytest.mark.parametrize(
    ("kind", "json", "message"),
    [
        ("Text", 1, "NUMBER_VALUE can not be converted to a String"),
        ("Text", True, "TRUE_VALUE can not be converted to a String"),
        ("Text", ["x"], "Start of list found where not expected"),
        ("Text", {"x": 1}, "Start of structure or map found where not expected."),
        ("Flag", 1, "NUMBER_VALUE can not be converted to a Boolean"),
        ("Count", "1", "STRING_VALUE can not be converted to an Integer"),
        ("Count", False, "FALSE_VALUE can not be converted to an Integer"),
        ("Big", "1", "STRING_VALUE can not be converted to a Long"),
        ("Ratio", "NaN", "STRING_VALUE can not be converted to a Float"),
        ("Ratio", 10**400, "NUMBER_VALUE can not be converted to a Float"),
        ("Blob", "&", "STRING_VALUE can not be converted to a Blob"),
        ("Blob", "ä", "STRING_VALUE can not be converted to a Blob"),
        ("Blob", 1, "NUMBER_VALUE can not be converted to a Blob"),
        (
            "Epoch",
            "noon",
            "class java.lang.String can not be converted to milliseconds since epoch",
        ),
        ("Epoch", True, "class java.lang.Boolean can not be converted to milliseconds since epoch"),
        ("Epoch", [], "Start of list found where not expected"),
        ("Epoch", 1e300, "The value can not be converted to a Timestamp"),
        ("Epoch", 10**30, "The value can not be converted to a Timestamp"),
        ("Iso", "noon", "The value can not be converted to a Timestamp"),
        ("Iso", "0001-01-01T00:00:00+01:00", "The value can not be converted to a Timestamp"),
        ("Rfc", "noon", "The value can not be converted to a Timestamp"),
        ("Rfc", 1, "NUMBER_VALUE can not be converted to a String"),
        ("Texts", "x", "Expected list or null"),
        ("Texts", {}, "Start of structure or map found where not expected."),
        ("Texts", [1], "NUMBER_VALUE can not be converted to a String"),
        ("Counts", 1, "Expected map or null"),
        ("Counts", [], "Start of list found where not expected"),
        ("Root", "x", "Expected null"),
        ("Root", [], "Start of list found where not expected"),
        ("Root", {"Packed": "{"}, "The body is not well-formed JSON."),
        ("Choice", {"A": "a", "B": "b"}, "Only one member of Choice may be set."),
    ],
)
def test_refusing(kind, json, message):
    with pytest.raises(SerializationException) as refused:
        read(kind, json)

    assert message == refused.value.message


@pytest.mark.parametrize(
    ("kind", "value", "json"),
    [
        ("Blob", b"hello", "aGVsbG8="),
        ("Epoch", NOON, 1772366400),
        ("Epoch", NOON_AND_SOME, 1772366400.25),
        ("Epoch", NOON + timedelta(microseconds=1234), 1772366400.001),
        ("Epoch", NOON.astimezone(timezone(timedelta(hours=5))), 1772366400),
        ("Epoch", datetime(1969, 12, 31, 23, 59, 59, 500_000, tzinfo=UTC), -0.5),
        ("Iso", NOON, "2026-03-01T12:00:00Z"),
        ("Iso", NOON_AND_SOME, "2026-03-01T12:00:00.250Z"),
        ("Rfc", NOON_AND_SOME, "Sun, 01 Mar 2026 12:00:00 GMT"),
        ("Texts", ("a", "b"), ["a", "b"]),
        ("Root", {"Name": "a", "Secret": "b", "At": None}, {"Name": "a"}),
        ("Root", {"Renamed": "a"}, {"otherName": "a"}),
        ("Root", {"Packed": {"a": 1}}, {"Packed": '{"a":1}'}),
        ("Root", {"Next": {"Secret": "b", "At": NOON}}, {"Next": {"At": 1772366400}}),
    ],
)
def test_writing(kind, value, json):
    assert json == written(kind, value)


def test_a_body_deeper_than_any_reader_can_follow():
    deep: dict = {}
    for _ in range(10_000):
        deep = {"Next": deep}

    with pytest.raises(SerializationException, match="nested too deeply"):
        read("Root", deep)


@pytest.mark.parametrize(
    ("kind", "json"),
    [
        ("Text", "a\0b"),
        ("Texts", ["a", "\0"]),
        ("Counts", {"\0": 1}),
        ("Anything", {"a": [{"b": "\0"}]}),
        ("Anything", {"\0": 1}),
        ("Root", {"Packed": '["\\u0000"]'}),
        ("Root", {"Next": {"Name": "\0"}}),
    ],
)
def test_no_text_holds_the_character_nul(kind, json):
    """PostgreSQL can neither keep nor compare one: it would be our failure instead of theirs."""
    with pytest.raises(ValidationException, match="NUL"):
        read(kind, json)


@pytest.mark.parametrize("body", [b"", b"{", b"\xff", b'"\\ud800"', b"NaN", b"1e999", b"[" * 9999])
def test_bodies_that_are_no_json(body):
    with pytest.raises(SerializationException):
        values.decode(body)
