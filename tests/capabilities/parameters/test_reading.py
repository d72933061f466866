"""Reading parameters as customers do."""

import base64
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import pytest

from ostler.capabilities import keys
from ostler.capabilities.parameters import Referred
from ostler.capabilities.parameters.errors import (
    InvalidFilterKey,
    InvalidFilterOption,
    InvalidFilterValue,
    InvalidKeyId,
    ParameterNotFound,
    ParameterVersionNotFound,
)
from ostler.foundation.call import Call
from ostler.foundation.errors import (
    AccessDeniedException,
    ApiError,
    InvalidNextToken,
    ValidationException,
)
from ostler.foundation.policy import Policy
from ostler.foundation.secrets import Secrets
from ostler.foundation.storage import Scope
from tests.capabilities.parameters.conftest import (
    Store,
    names,
    on_both_engines,
    put,
    put_again,
    value_of,
)
from tests.support.calls import NOBODY, Customer, allowing

ARN = "arn:aws:ssm:eu-west-1:111122223333:parameter"


async def test_a_parameter_is_read_as_it_was_written(customer: Customer, store: Store) -> None:
    await put(customer, "/app/url", "https://example.com", Description="where it is")

    answer = await customer.ask("GetParameter", Name="/app/url")

    assert {
        "Name": "/app/url",
        "Type": "String",
        "Value": "https://example.com",
        "Version": 1,
        "LastModifiedDate": store.clock.now(),
        "ARN": f"{ARN}/app/url",
        "DataType": "text",
    } == answer["Parameter"]


@on_both_engines
async def test_versions_and_labels_select(customer: Customer) -> None:
    for value in ("one", "two", "three"):
        await put_again(customer, "x", value, Type="String")
    await customer.ask("LabelParameterVersion", Name="x", ParameterVersion=2, Labels=["live"])

    by_version = (await customer.ask("GetParameter", Name="x:1"))["Parameter"]
    by_label = (await customer.ask("GetParameter", Name=f"{ARN}/x:live"))["Parameter"]

    assert ("x", "one", 1, ":1") == picked(by_version)
    assert ("x", "two", 2, ":live") == picked(by_label)
    assert "three" == await value_of(customer, "x")


def picked(parameter: Any) -> tuple[str, str, int, str]:
    return parameter["Name"], parameter["Value"], parameter["Version"], parameter["Selector"]


async def test_one_level_names_are_equal_with_and_without_their_slash(customer: Customer) -> None:
    await put(customer, "x", "plain")
    await put(customer, "/y", "slashed")

    found = await customer.ask("GetParameters", Names=["x", "/x", "y", "/y", f"{ARN}/y"])

    assert ["/x", "/y", "/y", "x", "y"] == names(found)
    assert [] == found["InvalidParameters"]
    assert 2 == await put_again(customer, "/x")


@on_both_engines
async def test_several_are_read_at_once_in_order(customer: Customer) -> None:
    for name in ("b", "/a/deep", "c"):
        await put(customer, name, f"value of {name}")

    found = await customer.ask("GetParameters", Names=["c", "none", "b", "/a/deep", "c:9", "b"])

    assert ["/a/deep", "b", "c"] == names(found)
    assert ["none", "c:9"] == found["InvalidParameters"]


async def test_what_is_missing_is_told_as_aws_does(customer: Customer) -> None:
    await put(customer, "test-2")

    with pytest.raises(ParameterNotFound) as missing:
        await customer.ask("GetParameter", Name="none")
    with pytest.raises(ParameterNotFound):
        await customer.ask("GetParameter", Name="none:1")
    with pytest.raises(ParameterVersionNotFound) as no_version:
        await customer.ask("GetParameter", Name="test-2:2")
    with pytest.raises(ParameterVersionNotFound) as no_label:
        await customer.ask("GetParameter", Name="test-2:live")
    with pytest.raises(ParameterVersionNotFound):
        await customer.ask("GetParameter", Name=f"test-2:{10**30}")

    assert "" == missing.value.message
    assert (
        "Systems Manager could not find version 2 of test-2. Verify the version and try again."
        == no_version.value.message
    )
    assert "could not find label live of test-2" in no_label.value.message


async def test_public_parameters_are_none(customer: Customer) -> None:
    name = "/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-x86_64"

    with pytest.raises(ParameterNotFound):
        await customer.ask("GetParameter", Name=name)
    assert [] == names(await customer.ask("GetParametersByPath", Path="/aws/service"))


async def test_another_accounts_parameter_is_not_there(
    store: Store, customer: Customer, other_scope: Scope
) -> None:
    stranger = store.customer(other_scope)
    await put(stranger, "theirs")
    theirs = "arn:aws:ssm:eu-west-1:444455556666:parameter/theirs"

    for name in ("theirs", theirs):
        with pytest.raises(ParameterNotFound):
            await customer.ask("GetParameter", Name=name)
    assert [theirs] == (await customer.ask("GetParameters", Names=[theirs]))["InvalidParameters"]


async def test_a_secret_is_opened_only_when_asked(customer: Customer) -> None:
    await put(customer, "/db/password", "hunter2 ü", Type="SecureString")

    closed = await value_of(customer, "/db/password")
    by_path = await customer.ask("GetParametersByPath", Path="/db", WithDecryption=True)
    history = await customer.ask("GetParameterHistory", Name="/db/password", WithDecryption=True)

    assert b"hunter2" not in base64.b64decode(closed)
    assert "hunter2 ü" == await value_of(customer, "/db/password", WithDecryption=True)
    assert "hunter2 ü" == by_path["Parameters"][0]["Value"]
    assert "hunter2 ü" == history["Parameters"][0]["Value"]


async def test_a_secret_without_its_master_key_stays_closed(
    store: Store, customer: Customer, scope: Scope
) -> None:
    await put(customer, "secret", "hunter2", Type="SecureString")
    elsewhere = replace(store.foundation, secrets=Secrets(b"x" * 32))
    keyless = store.rebuilt(keys=keys.build(elsewhere).service).customer(scope)

    with pytest.raises(InvalidKeyId, match="master key") as refused:
        await value_of(keyless, "secret", WithDecryption=True)
    assert "hunter2" not in str(refused.value)


@on_both_engines
async def test_paths_are_read_level_by_level(customer: Customer) -> None:
    for name in ("/a", "/a/b", "/a/b/c", "/a/d", "/ab/c", "/A/x", "e"):
        await put(customer, name)

    async def under(path: str, deep: bool) -> list[str]:
        return names(
            await customer.ask("GetParametersByPath", Path=path, Recursive=deep, MaxResults=10)
        )

    assert ["/a/b", "/a/d"] == await under("/a", False)
    assert ["/a/b", "/a/d"] == await under("/a/", False)
    assert ["/a/b", "/a/b/c", "/a/d"] == await under("/a", True)
    assert ["/a", "e"] == await under("/", False)
    assert ["/A/x", "/a", "/a/b", "/a/b/c", "/a/d", "/ab/c", "e"] == await under("/", True)
    assert [] == await under("/none", True)


@pytest.mark.parametrize("deep", [True, False])
async def test_pages_of_a_path_show_every_parameter_once(customer: Customer, deep: bool) -> None:
    expected = [f"/a/{n:02}" for n in range(25)]
    for name in expected:
        await put(customer, name)

    pages = await customer.every(
        "GetParametersByPath", "Parameters", Path="/a", Recursive=deep, MaxResults=7
    )

    assert [7, 7, 7, 4] == [len(page) for page in pages]
    assert expected == [name for page in pages for name in names(page)]


async def test_a_token_serves_its_own_question_only(customer: Customer) -> None:
    for n in range(3):
        await put(customer, f"/a/{n}")
    token = (await customer.ask("GetParametersByPath", Path="/a", MaxResults=1))["NextToken"]

    with pytest.raises(InvalidNextToken):
        await customer.ask("GetParametersByPath", Path="/b", NextToken=token)


@on_both_engines
async def test_paths_are_read_through_filters(customer: Customer) -> None:
    await put(customer, "/a/s", "one")
    await put_again(customer, "/a/s", "two")
    await put(customer, "/a/l", "1,2", Type="StringList")
    await put(customer, "/a/p", "hush", Type="SecureString")
    await customer.ask("LabelParameterVersion", Name="/a/s", ParameterVersion=1, Labels=["old"])

    async def under(key: str, *values: str, **option: str) -> list[Any]:
        wanted = {"Key": key, "Values": list(values), **option}
        answer = await customer.ask(
            "GetParametersByPath", Path="/a", Recursive=True, ParameterFilters=[wanted]
        )
        return [(each["Name"], each["Value"]) for each in answer["Parameters"]]

    assert [("/a/l", "1,2")] == await under("Type", "StringList")
    assert [("/a/l", "1,2"), ("/a/s", "two")] == await under("Type", "Str", Option="BeginsWith")
    assert ["/a/p"] == [name for name, _ in await under("KeyId", "alias/aws/ssm")]
    assert [("/a/s", "one")] == await under("Label", "old", "older")
    assert [] == await under("Label", "new")


async def test_labelled_versions_come_in_pages(customer: Customer) -> None:
    for name in ("/a/x", "/a/y"):
        for number in (1, 2):
            await put_again(customer, name, str(number), Type="String")
            await customer.ask("LabelParameterVersion", Name=name, Labels=[f"v{number}"])

    pages = await customer.every(
        "GetParametersByPath",
        "Parameters",
        Path="/a",
        ParameterFilters=[{"Key": "Label", "Values": ["v1", "v2"]}],
        MaxResults=1,
    )

    assert [("/a/x", 1), ("/a/x", 2), ("/a/y", 1), ("/a/y", 2)] == [
        (each["Name"], each["Version"]) for page in pages for each in page
    ]


@pytest.mark.parametrize(
    ("wanted", "fault", "words"),
    [
        (
            {"Key": "Name", "Values": ["x"]},
            InvalidFilterKey,
            "The following filter key is not valid: Name. "
            "Valid filter keys include: [Type, KeyId].",
        ),
        (
            {"Key": "Type", "Option": "Contains", "Values": ["x"]},
            InvalidFilterOption,
            "The following filter option is not valid: Contains. "
            "Valid options include: [Equals, BeginsWith].",
        ),
        (
            {"Key": "Label", "Option": "BeginsWith", "Values": ["x"]},
            InvalidFilterOption,
            "The following filter option is not valid: BeginsWith. "
            "Valid options include: [Equals].",
        ),
        (
            {"Key": "Type"},
            InvalidFilterValue,
            "The following filter values are missing : null for filter key Type.",
        ),
    ],
)
async def test_filters_that_a_path_has_not(
    customer: Customer, wanted: Any, fault: type[ApiError], words: str
) -> None:
    with pytest.raises(fault) as refused:
        await customer.ask("GetParametersByPath", Path="/a", ParameterFilters=[wanted])
    assert words == refused.value.message


@on_both_engines
async def test_history_tells_every_version(customer: Customer, store: Store) -> None:
    await put(customer, "x", "one", Description="first", AllowedPattern="[a-z]+")
    await put_again(customer, "x", "two", Type="SecureString", Description="second")
    await customer.ask("LabelParameterVersion", Name="x", Labels=["b", "a"])

    one, two = (await customer.ask("GetParameterHistory", Name="x"))["Parameters"]

    assert {
        "Name": "x",
        "Type": "String",
        "Value": "one",
        "Version": 1,
        "Labels": [],
        "Tier": "Standard",
        "Policies": [],
        "DataType": "text",
        "Description": "first",
        "AllowedPattern": "[a-z]+",
        "LastModifiedDate": store.clock.now(),
        "LastModifiedUser": "arn:aws:iam::111122223333:user/tester",
    } == one
    assert (2, ["a", "b"], "alias/aws/ssm") == (two["Version"], two["Labels"], two["KeyId"])
    assert "two" != two["Value"]


async def test_history_comes_in_pages(customer: Customer) -> None:
    for number in range(5):
        await put_again(customer, "x", str(number), Type="String")

    pages = await customer.every("GetParameterHistory", "Parameters", Name="/x", MaxResults=2)

    assert [[1, 2], [3, 4], [5]] == [[each["Version"] for each in page] for page in pages]
    with pytest.raises(ParameterNotFound):
        await customer.ask("GetParameterHistory", Name="none")


async def test_names_that_are_none_are_refused(customer: Customer) -> None:
    for name in ("a/b", "/a//b//c", "a b"):
        for operation, given in [
            ("GetParameter", {"Name": name}),
            ("GetParameters", {"Names": [name]}),
            ("GetParameterHistory", {"Name": name}),
            ("DeleteParameter", {"Name": name}),
        ]:
            with pytest.raises(ValidationException, match="sub-paths divided by slash symbol"):
                await customer.ask(operation, **given)


async def test_nobody_learns_whether_there_is_one(store: Store, scope: Scope) -> None:
    await put(store.customer(scope), "/x")
    nobody = store.customer(scope, NOBODY)

    for operation, given in [
        ("GetParameter", {"Name": "/x"}),
        ("GetParameter", {"Name": "/none"}),
        ("GetParameters", {"Names": ["/x"]}),
        ("GetParametersByPath", {"Path": "/"}),
        ("GetParameterHistory", {"Name": "/x"}),
        ("DescribeParameters", {}),
        ("PutParameter", {"Name": "/x", "Value": "v"}),
        ("DeleteParameter", {"Name": "/none"}),
        ("DeleteParameters", {"Names": ["/x"]}),
        ("LabelParameterVersion", {"Name": "/x", "Labels": ["a"]}),
        ("UnlabelParameterVersion", {"Name": "/x", "ParameterVersion": 1, "Labels": ["a"]}),
    ]:
        with pytest.raises(AccessDeniedException):
            await nobody.ask(operation, **given)


async def test_permission_is_for_the_parameters_arn(store: Store, scope: Scope) -> None:
    for name in ("/app/a", "/other"):
        await put(store.customer(scope), name)
    reader = store.customer(scope, allowing("ssm:GetParameter*", f"{ARN}/app/*"))

    assert "value" == await value_of(reader, "/app/a")
    assert "value" == await value_of(reader, f"{ARN}/app/a")
    for operation, given in [
        ("GetParameter", {"Name": "/other"}),
        ("GetParameters", {"Names": ["/app/a", "/other"]}),
    ]:
        with pytest.raises(AccessDeniedException, match=f"{ARN}/other"):
            await reader.ask(operation, **given)


def policies(*statements: Any) -> tuple[Policy, ...]:
    return (Policy.parse({"Version": "2012-10-17", "Statement": list(statements)}),)


async def test_whoever_may_read_a_path_reads_what_is_below(store: Store, scope: Scope) -> None:
    """As in AWS: the path is what a policy allows, not each parameter."""
    for name in ("/a/x", "/a/b/y"):
        await put(store.customer(scope), name)
    reader = store.customer(scope, allowing("ssm:GetParametersByPath", f"{ARN}/a"))

    found = await reader.ask("GetParametersByPath", Path="/a", Recursive=True)

    assert ["/a/b/y", "/a/x"] == names(found)


async def test_a_denied_parameter_stays_denied_in_a_recursive_read(
    store: Store, scope: Scope
) -> None:
    """Unlike AWS, which reads around the denial."""
    for name in ("/a/x", "/a/b/y", "/a/b", "/a/bc"):
        await put(store.customer(scope), name)
    reader = store.customer(
        scope,
        policies(
            {"Effect": "Allow", "Action": "ssm:*", "Resource": "*"},
            {
                "Effect": "Deny",
                "Action": "ssm:GetParametersByPath",
                "Resource": [f"{ARN}/a/b", f"{ARN}/a/b/*"],
            },
        ),
    )

    found = await reader.ask("GetParametersByPath", Path="/a", Recursive=True)

    assert ["/a/bc", "/a/x"] == names(found)
    with pytest.raises(AccessDeniedException):
        await reader.ask("GetParametersByPath", Path="/a/b")


async def test_recursion_is_a_condition(store: Store, scope: Scope) -> None:
    reader = store.customer(
        scope,
        policies(
            {"Effect": "Allow", "Action": "ssm:*", "Resource": "*"},
            {
                "Effect": "Deny",
                "Action": "ssm:GetParametersByPath",
                "Resource": "*",
                "Condition": {"StringEquals": {"ssm:Recursive": "true"}},
            },
        ),
    )

    await reader.ask("GetParametersByPath", Path="/a")
    with pytest.raises(AccessDeniedException):
        await reader.ask("GetParametersByPath", Path="/a", Recursive=True)


@dataclass
class Vault:
    """A keeper of one secret."""

    async def find(self, call: Call, secret: str, selector: str) -> Referred | None:
        if secret != "app/key":
            return None
        arn = f"arn:aws:secretsmanager:{call.region}:{call.account}:secret:app/key-AbCdEf"
        return Referred(arn, datetime(2026, 1, 1, tzinfo=UTC), f"v{selector}", '{"ARN":"a"}')


REFERENCE = "/aws/reference/secretsmanager/app/key"


async def test_a_reference_leads_nowhere_where_nobody_keeps_secrets(customer: Customer) -> None:
    with pytest.raises(ParameterNotFound) as missing:
        await customer.ask("GetParameter", Name=REFERENCE, WithDecryption=True)
    with pytest.raises(ValidationException, match="WithDecryption flag must be True"):
        await customer.ask("GetParameter", Name=REFERENCE)

    assert (
        "An error occurred (ParameterNotFound) when referencing Secrets Manager: "
        f"Secret {REFERENCE} not found." == missing.value.message
    )


async def test_a_reference_leads_to_a_secret(store: Store, scope: Scope) -> None:
    customer = store.rebuilt(references=Vault()).customer(scope)
    await put(customer, "x")

    one = await customer.ask("GetParameter", Name=REFERENCE, WithDecryption=True)
    several = await customer.ask(
        "GetParameters", Names=["x", REFERENCE, f"{REFERENCE}-not"], WithDecryption=True
    )

    assert (REFERENCE, "SecureString", "v", '{"ARN":"a"}') == tuple(
        one["Parameter"][name] for name in ("Name", "Type", "Value", "SourceResult")
    )
    assert [REFERENCE, "x"] == names(several)
    assert [f"{REFERENCE}-not"] == several["InvalidParameters"]
