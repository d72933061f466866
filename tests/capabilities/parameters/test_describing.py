"""Parameters described, through every filter."""

from typing import Any

import pytest

from ostler.capabilities.parameters.errors import (
    InvalidFilterKey,
    InvalidFilterOption,
    InvalidFilterValue,
)
from ostler.foundation.errors import ApiError, ValidationException
from ostler.foundation.storage import Scope
from tests.capabilities.parameters.conftest import (
    Store,
    names,
    on_both_engines,
    put,
    put_again,
)
from tests.support.calls import Customer

ARN = "arn:aws:ssm:eu-west-1:111122223333:parameter"


async def described(customer: Customer, *filters: Any) -> list[str]:
    return names(
        await customer.ask("DescribeParameters", ParameterFilters=list(filters), MaxResults=50)
    )


def wanted(key: str, *values: str, option: str = "") -> dict[str, Any]:
    made: dict[str, Any] = {"Key": key}
    if values:
        made["Values"] = list(values)
    if option:
        made["Option"] = option
    return made


async def test_a_parameter_is_described_without_its_value(store: Store, customer: Customer) -> None:
    await put(customer, "/a/x", "hunter2", Type="SecureString", Description="a secret")

    (told,) = (await customer.ask("DescribeParameters"))["Parameters"]

    assert {
        "Name": "/a/x",
        "ARN": f"{ARN}/a/x",
        "Type": "SecureString",
        "KeyId": "alias/aws/ssm",
        "LastModifiedDate": store.clock.now(),
        "LastModifiedUser": "arn:aws:iam::111122223333:user/tester",
        "Description": "a secret",
        "Version": 1,
        "Tier": "Standard",
        "Policies": [],
        "DataType": "text",
    } == told


@on_both_engines
async def test_names_are_filtered(customer: Customer) -> None:
    for name in ("/tangent-3", "tangram-4", "standby-5", "/deep/tan", "/Tan"):
        await put(customer, name)

    async def by(option: str, *values: str) -> list[str]:
        return await described(customer, wanted("Name", *values, option=option))

    assert ["/tangent-3", "tangram-4"] == await by("BeginsWith", "tan")
    assert ["/tangent-3", "tangram-4"] == await by("BeginsWith", "/tan")
    assert ["/deep/tan", "standby-5", "/tangent-3", "tangram-4"] == await by("Contains", "tan")
    assert ["/deep/tan", "/tangent-3", "tangram-4"] == await by("Contains", "/tan")
    assert ["tangram-4"] == await by("Equals", "/tangram-4")
    assert ["/Tan", "/tangent-3"] == await by("", "tangent-3", "/Tan", "none")
    assert [] == await by("Contains", "%")


@on_both_engines
async def test_every_other_key_filters(store: Store, customer: Customer) -> None:
    await put(customer, "/a/s", Tags=[{"Key": "stage", "Value": "prod"}])
    await put(customer, "/a/b/l", Type="StringList", Tags=[{"Key": "stage", "Value": "test"}])
    await put(customer, "/p", Type="SecureString", Tier="Advanced")
    await put(customer, "/i", "443", DataType="integer", Tags=[{"Key": "owner", "Value": "ops"}])

    for expected, given in [
        (["/a/b/l", "/a/s", "/i", "/p"], []),
        (["/a/b/l"], [wanted("Type", "StringL", "x", option="BeginsWith")]),
        (["/p"], [wanted("KeyId", "alias/aws/ssm")]),
        (["/p"], [wanted("KeyId", "alias/", option="BeginsWith")]),
        (["/p"], [wanted("Tier", "Advanced")]),
        (["/i"], [wanted("DataType", "integer")]),
        (["/a/s"], [wanted("Path", "/a")]),
        (["/a/s"], [wanted("Path", "/a/", option="OneLevel")]),
        (["/a/b/l", "/a/s"], [wanted("Path", "/a", option="Recursive")]),
        (["/i", "/p"], [wanted("Path", "/")]),
        (["/a/b/l", "/a/s"], [wanted("tag:stage")]),
        (["/a/s"], [wanted("tag:stage", "prod", "none")]),
        (["/a/b/l"], [wanted("tag:stage", "te", option="BeginsWith")]),
        (["/a/b/l"], [wanted("Path", "/a", option="Recursive"), wanted("Type", "StringList")]),
        ([], [wanted("tag:stage", "prod"), wanted("Type", "StringList")]),
    ]:
        assert expected == await described(customer, *given), given


async def test_a_filter_sees_the_newest_version(customer: Customer) -> None:
    await put(customer, "x")
    await put_again(customer, "x", Type="SecureString")

    assert ["x"] == await described(customer, wanted("Type", "SecureString"))
    assert [] == await described(customer, wanted("Type", "String"))


async def test_old_filters_still_work(customer: Customer) -> None:
    await put(customer, "/a/x")
    await put(customer, "y", Type="SecureString")

    async def old(key: str, value: str) -> list[str]:
        filters = [{"Key": key, "Values": [value]}]
        return names(await customer.ask("DescribeParameters", Filters=filters))

    assert ["/a/x"] == await old("Name", "/a/x")
    assert ["y"] == await old("Type", "SecureString")
    assert ["y"] == await old("KeyId", "alias/aws/ssm")


@pytest.mark.parametrize(
    ("filters", "fault", "words"),
    [
        (
            [wanted("Label", "x")],
            InvalidFilterKey,
            "The following filter key is not valid: Label. "
            "Valid filter keys include: [Path, Name, Type, KeyId, Tier].",
        ),
        (
            [wanted("Name", "x"), wanted("Name", "y")],
            InvalidFilterKey,
            "The following filter is duplicated in the request: Name. "
            "A request can contain only one occurrence of a specific filter.",
        ),
        (
            [wanted("Path", "/a", option="Equals")],
            InvalidFilterOption,
            "The following filter option is not valid: Equals. "
            "Valid options include: [Recursive, OneLevel].",
        ),
        (
            [wanted("Name")],
            InvalidFilterValue,
            "The following filter values are missing : null for filter key Name.",
        ),
        (
            [wanted("Tier", "test")],
            InvalidFilterValue,
            "The following filter value is not valid: test. "
            "Valid values include: [Standard, Advanced, Intelligent-Tiering].",
        ),
        (
            [wanted("Path", "/aws/x")],
            ValidationException,
            'Filters for common parameters can\'t be prefixed with "aws" or "ssm" '
            "(case-insensitive). When using global parameters, please specify within a global "
            "namespace.",
        ),
    ],
)
async def test_filters_that_cannot_be(
    customer: Customer, filters: Any, fault: type[ApiError], words: str
) -> None:
    with pytest.raises(fault) as refused:
        await described(customer, *filters)
    assert words == refused.value.message


async def test_paths_that_are_none(customer: Customer) -> None:
    for path in ("a", "//", "/a//b", "/a*"):
        with pytest.raises(ValidationException, match="must begin with a forward slash"):
            await described(customer, wanted("Path", path))


async def test_both_kinds_of_filters_at_once(customer: Customer) -> None:
    with pytest.raises(ValidationException) as refused:
        await customer.ask(
            "DescribeParameters",
            Filters=[{"Key": "Name", "Values": ["x"]}],
            ParameterFilters=[wanted("Name", "x")],
        )
    assert (
        "You can use either Filters or ParameterFilters in a single request."
        == refused.value.message
    )


async def test_pages_show_every_parameter_once(customer: Customer) -> None:
    made = sorted(f"p{n}" for n in range(12))
    for name in made:
        await put(customer, name)

    pages = await customer.every("DescribeParameters", "Parameters", MaxResults=5)

    assert [5, 5, 2] == [len(page) for page in pages]
    assert made == [name for page in pages for name in names(page)]


async def test_nobody_shares_parameters(
    store: Store, customer: Customer, other_scope: Scope
) -> None:
    await put(store.customer(other_scope), "theirs")
    await put(customer, "ours")

    assert ["ours"] == names(await customer.ask("DescribeParameters"))
    assert [] == names(await customer.ask("DescribeParameters", Shared=True))
