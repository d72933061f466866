"""Names, labels, patterns, data types and policies by themselves."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from ostler.capabilities.parameters.errors import (
    HierarchyLevelLimitExceededException,
    IncompatiblePolicyException,
    InvalidAllowedPatternException,
    InvalidPolicyAttributeException,
    InvalidPolicyTypeException,
    ParameterPatternMismatchException,
    PoliciesLimitExceededException,
)
from ostler.capabilities.parameters.model.datatypes import check_value, data_type
from ostler.capabilities.parameters.model.kinds import Kind, Tier
from ostler.capabilities.parameters.model.labels import sorted_out
from ostler.capabilities.parameters.model.names import (
    Name,
    asked_name,
    new_name,
    path_key,
    plain_name,
)
from ostler.capabilities.parameters.model.parameters import Order, Reading, Terms, Version
from ostler.capabilities.parameters.model.patterns import check_pattern
from ostler.capabilities.parameters.model.policies import next_due, read_policies
from ostler.capabilities.parameters.service.reading import Parameter
from ostler.capabilities.parameters.service.references import Referred
from ostler.foundation.errors import AccessDeniedException, ApiError, ValidationException
from ostler.foundation.storage import Scope

ARN = "arn:aws:ssm:eu-west-1:111122223333:parameter"


@pytest.mark.parametrize(
    ("asked", "key", "spelling", "selector"),
    [
        ("x", "x", "x", ""),
        ("/x", "x", "/x", ""),
        ("  /a/b.c-d_e  ", "a/b.c-d_e", "/a/b.c-d_e", ""),
        ("x:3", "x", "x", "3"),
        ("/a/b:live", "a/b", "/a/b", "live"),
        (f"{ARN}/x", "x", "", ""),
        (f"{ARN}/a/b:7", "a/b", "", "7"),
    ],
)
def test_names_are_read(scope: Scope, asked: str, key: str, spelling: str, selector: str) -> None:
    assert Name(asked, key, spelling, selector) == asked_name(asked, scope)


@pytest.mark.parametrize(
    "asked",
    ["", " ", "/", "a/b", "/a//b", "/a/", "a b", "ssm-x", "/SSM/x", "a@b", "x:", "x:a:b", "x:a b",
     "ä", "arn:aws:s3:::bucket", f"{ARN}//x", f"{ARN}/"],
)  # fmt: skip
def test_what_is_no_name_is_refused_in_awss_words(scope: Scope, asked: str) -> None:
    with pytest.raises(ValidationException, match="sub-paths divided by slash symbol"):
        asked_name(asked, scope)


def test_an_arn_of_another_account_is_kept_whole(scope: Scope) -> None:
    theirs = "arn:aws:ssm:eu-west-1:444455556666:parameter/shared"

    assert theirs == asked_name(f"{theirs}:3", scope).arn


def test_what_is_changed_has_neither_arn_nor_selector(scope: Scope) -> None:
    for name in (f"{ARN}/x", "x:3"):
        with pytest.raises(ValidationException):
            plain_name(name)


@pytest.mark.parametrize(
    ("name", "fault", "words"),
    [
        ("awslimitschecker", AccessDeniedException, "reserved parameter name: awslimitschecker."),
        ("/AWS/x", AccessDeniedException, "reserved"),
        ("/a/b/", ValidationException, "must not end with slash"),
        ("a/b", ValidationException, "fully qualified name"),
        ("C:/Program Files/Git/a", ValidationException, "fully qualified name"),
        ("/ssm/x", ValidationException, "prefixed with"),
        ("/a b", ValidationException, "prefixed with"),
        ("/", ValidationException, "prefixed with"),
        ("/1" * 16, HierarchyLevelLimitExceededException, "15 levels"),
        ("/" + "n" * 1000, ValidationException, "1011"),
    ],
)
def test_names_that_nothing_may_have(
    scope: Scope, name: str, fault: type[ApiError], words: str
) -> None:
    with pytest.raises(fault, match=words):
        new_name(name, scope)


def test_fifteen_levels_and_1011_characters_are_allowed(scope: Scope) -> None:
    room = 1011 - len(f"{ARN}/")

    assert "/1" * 15 == new_name("/1" * 15, scope).spelling
    assert "n" * room == new_name("n" * room, scope).key


def test_paths() -> None:
    assert ["", "a", "a/b", "aws/service"] == [
        path_key(path) for path in ("/", "/a", " /a/b/ ", "/aws/service/")
    ]
    for path in ("a", "", "/a//b", "//", "/awsome", "/ssm/a", "/a b", "/a*"):
        with pytest.raises(ValidationException, match="must begin with a forward slash"):
            path_key(path)


def test_labels_are_told_apart_from_what_is_none() -> None:
    good = ["live", "Live", "v1.2-rc_3", ".x", "_"]
    bad = ["9x", "awsx", "AWS", "ssm.x", "a/b", "a b", "ä", ""]

    assert (good, bad) == sorted_out([*good, *bad, *good])


def test_a_pattern_describes_the_whole_value() -> None:
    check_pattern(r"\d{1,4}", ["1000"])
    check_pattern(r"^(?=.*[A-Z])(?=.*\d).{8,20}$", ["Password1"])
    check_pattern(r"[a-z&&[^aeiou]]+", ["xyz"])
    check_pattern(".{1,4096}", ["x" * 4096])

    with pytest.raises(ParameterPatternMismatchException) as refused:
        check_pattern(r"\d{1,4}", ["12", "10,000"])
    assert r"Parameter value, cannot be validated against allowedPattern: \d{1,4}" == str(
        refused.value
    )


@pytest.mark.parametrize("pattern", ["[", "(", "*", r"\k<none>", "(?R)?a", "(a(?1)?b)", "(" * 1024])
def test_what_is_no_pattern_is_refused(pattern: str) -> None:
    with pytest.raises(InvalidAllowedPatternException):
        check_pattern(pattern, ["value"])


@pytest.mark.parametrize("pattern", ["(a?){500}a{500}", "((a{1,99}){1,99}){1,99}b"])
def test_a_pattern_that_takes_for_ever_is_given_up(pattern: str) -> None:
    with pytest.raises(InvalidAllowedPatternException, match="too long"):
        check_pattern(pattern, ["a" * 3000 + "!"] * 1000)


GOOD: dict[str, list[str]] = {
    "text": ["anything"],
    "boolean": ["true", "false"],
    "integer": ["0", "-12", "443"],
    "float": ["1", "-1.5", "2e10", ".5"],
    "binary": ["aGVsbG8=", "AA=="],
    "hostname": ["localhost", "db-1.example.com"],
    "email": ["ops+alerts@example.com"],
    "ipv4-address": ["10.0.0.1"],
    "ipv6-address": ["::1", "2001:db8::2"],
    "url": ["https://example.com/a?b=c", "postgres://u:p@db:5432/app"],
    "json": ['{"a": [1, null]}', "3"],
    "jsonc": ['// said\n{"a": "// not", /* b */ "c": 1}'],
    "aws:region": ["eu-west-1", "us-gov-east-1"],
    "aws:account:id": ["111122223333"],
}
BAD: dict[str, list[str]] = {
    "boolean": ["True", "1", ""],
    "integer": ["1.5", "x", "٣"],
    "float": ["1.5.2", "nan", "e5"],
    "binary": ["hello!", "abc"],
    "hostname": ["-a", "a..b", "a_b", "a" * 64, "a\n"],
    "email": ["ops", "ops@host", "@example.com", "a b@example.com"],
    "ipv4-address": ["10.0.0.256", "::1", "010.0.0.1"],
    "ipv6-address": ["10.0.0.1", ":::"],
    "url": ["example.com", "https://", "https://a b", "http://[::1"],
    "json": ["{", "{'a': 1}", "NaN", "[" * 5000],
    "jsonc": ["{/* open", '{"a": 1} /*', "//"],
    "aws:region": ["Ireland", "eu-west", "eu-west-1a"],
    "aws:account:id": ["1234", "11112222333x"],
}


@pytest.mark.parametrize(
    ("name", "value"), [(name, value) for name in GOOD for value in GOOD[name]]
)
def test_values_of_a_data_type(name: str, value: str) -> None:
    check_value(name, Kind.STRING, "key", value)
    check_value(name, Kind.SECURE, "key", value)


@pytest.mark.parametrize(("name", "value"), [(name, value) for name in BAD for value in BAD[name]])
def test_values_that_are_not_of_a_data_type(name: str, value: str) -> None:
    with pytest.raises(ValidationException) as refused:
        check_value(name, Kind.SECURE, "key", value)
    assert f"The parameter value is not valid for the data type {name}." == str(refused.value)


def test_every_item_of_a_list_has_the_data_type() -> None:
    check_value("integer", Kind.LIST, "key", "1,2,3")

    with pytest.raises(ValidationException):
        check_value("integer", Kind.LIST, "key", "1,2,x")
    with pytest.raises(ValidationException, match="following input type: StringList"):
        check_value("json", Kind.LIST, "key", "[1,2]")


def test_integrations_have_a_namespace_and_members() -> None:
    key = "d9d01087-4a3f-49e0-b0b4-d568d7826553/ssm/integrations/webhook/mine"
    check_value(
        "aws:ssm:integration", Kind.SECURE, key, "{'description': 'mine', 'url': 'https://a.b/c'}"
    )

    for kind, name, value in [
        (Kind.STRING, key, "{'url': 'u'}"),
        (Kind.SECURE, "mine", "{'url': 'u'}"),
        (Kind.SECURE, key, "{'description': 'no url'}"),
        (Kind.SECURE, key, "{'url': 'u', 'else': 1}"),
        (Kind.SECURE, key, "[" * 5000),
    ]:
        with pytest.raises(ValidationException):
            check_value("aws:ssm:integration", kind, name, value)


def test_an_unknown_data_type() -> None:
    with pytest.raises(ValidationException) as refused:
        data_type("Text")
    assert (
        "The following data type is not supported: Text (Data type names are all lowercase.)"
        == str(refused.value)
    )


def policy(type_: str, **attributes: Any) -> dict[str, Any]:
    return {"Type": type_, "Version": "1.0", "Attributes": attributes}


EXPIRATION = policy("Expiration", Timestamp="2026-02-01T00:00:00.000Z")
BEFORE = policy("ExpirationNotification", Before="15", Unit="Days")
AFTER = policy("NoChangeNotification", After="20", Unit="Hours")


def test_policies_are_read_and_the_next_is_known() -> None:
    written = datetime(2026, 1, 1, tzinfo=UTC)
    policies = read_policies(json.dumps([EXPIRATION, BEFORE, AFTER]))

    assert written + timedelta(hours=20) == next_due(policies, written)
    assert datetime(2026, 1, 17, tzinfo=UTC) == next_due(policies[:2], written)
    assert datetime(2026, 2, 1, tzinfo=UTC) == next_due(policies[:1], written)
    assert None is next_due([each.finished() for each in policies], written)


def test_an_expiration_may_name_an_offset() -> None:
    text = "2019-11-01T22:13:48.87+10:30:00"
    (read,) = read_policies(json.dumps([policy("Expiration", Timestamp=text)]))

    assert datetime(2019, 11, 1, 11, 43, 48, 870_000, tzinfo=UTC) == read.expires


def test_empty_policies_are_none() -> None:
    assert [(), ()] == [read_policies("[]"), read_policies("[{}]")]


@pytest.mark.parametrize(
    ("given", "fault", "words"),
    [
        ({"Type": "Expiration"}, ValidationException, "Invalid policies input"),
        ([1], ValidationException, "Invalid policies input"),
        ([EXPIRATION] + [BEFORE] * 10, PoliciesLimitExceededException, "cannot exceed 10"),
        ([policy("expiration")], InvalidPolicyTypeException, "type expiration is not supported"),
        ([{**EXPIRATION, "Version": "2.0"}], InvalidPolicyAttributeException, "version"),
        (
            [{"Type": "Expiration", "Version": "1.0"}],
            InvalidPolicyAttributeException,
            "attribute Attributes is missing",
        ),
        ([policy("Expiration")], InvalidPolicyAttributeException, "attribute of Timestamp"),
        (
            [policy("Expiration", Timestamp="tomorrow")],
            InvalidPolicyAttributeException,
            "Invalid timestamp format",
        ),
        (
            [policy("Expiration", Timestamp="0001-01-01T00:00:00+14:00")],
            InvalidPolicyAttributeException,
            "Invalid timestamp format",
        ),
        (
            [policy("NoChangeNotification", Unit="Days")],
            InvalidPolicyAttributeException,
            "attribute After is missing",
        ),
        (
            [policy("NoChangeNotification", After="0", Unit="Days")],
            InvalidPolicyAttributeException,
            "positive integer",
        ),
        (
            [policy("NoChangeNotification", After="1", Unit="Weeks")],
            InvalidPolicyAttributeException,
            "DAYS HOURS",
        ),
        (
            [policy("NoChangeNotification", After="999999999", Unit="Days")],
            InvalidPolicyAttributeException,
            "hundred years",
        ),
        ([EXPIRATION, EXPIRATION], IncompatiblePolicyException, "only one expiration"),
        ([BEFORE], IncompatiblePolicyException, "missing expiration policy"),
    ],
)
def test_policies_that_cannot_be(given: Any, fault: type[ApiError], words: str) -> None:
    with pytest.raises(fault, match=words):
        read_policies(json.dumps(given))


def test_policies_that_are_no_json() -> None:
    for text in ("", "nothing", "[" * 4000):
        with pytest.raises(ValidationException, match="Invalid policies input"):
            read_policies(text)


def test_nothing_shows_a_value() -> None:
    when = datetime(2026, 1, 1, tzinfo=UTC)
    terms = Terms("x", Kind.SECURE, Tier.STANDARD)
    carriers = [
        Order(Name("x", "x", "x"), "hunter2", Kind.SECURE),
        Reading("x", "x", 1, Kind.STRING, "text", "", when, "hunter2"),
        Version("x", 1, terms, when, "me", "hunter2"),
        Parameter("x", ARN, Kind.SECURE, "text", 1, when, "hunter2", source="hunter2"),
        Referred(ARN, when, "hunter2", "hunter2"),
    ]

    assert "hunter2" not in repr(carriers)
