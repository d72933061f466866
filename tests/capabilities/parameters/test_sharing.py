"""Sharing parameters with other accounts, and the settings that parameters heed."""

import json
from typing import Any

import pytest

from ostler.capabilities.parameters.errors import ParameterNotFound
from ostler.capabilities.settings.errors import (
    MalformedResourcePolicyDocumentException,
    ResourceNotFoundException,
    ResourcePolicyConflictException,
    ResourcePolicyInvalidParameterException,
    ResourcePolicyLimitExceededException,
    ResourcePolicyNotFoundException,
)
from ostler.foundation.errors import AccessDeniedException, ApiError
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

GUEST = "444455556666"
READ = ["ssm:GetParameter", "ssm:GetParameters", "ssm:DescribeParameters"]


def arn(name: str) -> str:
    return f"arn:aws:ssm:eu-west-1:111122223333:parameter/{name}"


def a_policy(
    resource: str, principal: Any = GUEST, action: Any = READ, *more: dict[str, Any]
) -> str:
    """A resource policy that lets somebody in."""
    opening = {
        "Effect": "Allow",
        "Principal": {"AWS": principal},
        "Action": action,
        "Resource": resource,
    }
    return json.dumps({"Version": "2012-10-17", "Statement": [opening, *more]})


async def share(customer: Customer, name: str, **given: Any) -> Any:
    policy = a_policy(arn(name), **given)
    return await customer.ask("PutResourcePolicy", ResourceArn=arn(name), Policy=policy)


@pytest.fixture
def guest(store: Store, other_scope: Scope) -> Customer:
    return store.customer(other_scope)


@on_both_engines
async def test_a_shared_parameter_is_read_by_its_arn(customer: Customer, guest: Customer) -> None:
    await put(customer, "/shop/url", "shared", Tier="Advanced")
    await put(customer, "/shop/own", "private", Tier="Advanced")
    await share(customer, "shop/url")

    found = (await guest.ask("GetParameter", Name=arn("shop/url")))["Parameter"]
    assert ("shared", arn("shop/url"), "/shop/url") == (found["Value"], found["ARN"], found["Name"])
    several = await guest.ask("GetParameters", Names=[arn("shop/url") + ":1", arn("shop/own")])
    assert ["shared"] == [each["Value"] for each in several["Parameters"]]
    assert [arn("shop/own")] == several["InvalidParameters"]
    for closed in ("shop/own", "none"):
        with pytest.raises(ParameterNotFound):
            await guest.ask("GetParameter", Name=arn(closed))
    with pytest.raises(ParameterNotFound):
        await guest.ask("GetParameterHistory", Name=arn("shop/url"))


@on_both_engines
async def test_what_is_shared_is_described(customer: Customer, guest: Customer) -> None:
    for name in ("/shop/a", "/shop/b", "/till/c", "/till/d"):
        await put(customer, name, Tier="Advanced")
    for name in ("shop/a", "shop/b", "till/c"):
        await share(customer, name)
    await put(guest, "/own")

    pages = await guest.every("DescribeParameters", "Parameters", Shared=True, MaxResults=2)

    assert [["/shop/a", "/shop/b"], ["/till/c"]] == [names(page) for page in pages]
    assert arn("shop/a") == pages[0][0]["ARN"]
    filters = [{"Key": "Path", "Values": ["/till"]}]
    till = await guest.ask("DescribeParameters", Shared=True, ParameterFilters=filters)
    assert ["/till/c"] == names(till)
    assert ["/own"] == names(await guest.ask("DescribeParameters"))
    assert [] == names(await customer.ask("DescribeParameters", Shared=True))


async def test_both_sides_have_to_allow(
    store: Store, customer: Customer, guest: Customer, other_scope: Scope
) -> None:
    await put(customer, "x", "shared", Tier="Advanced")
    await share(customer, "x", action="ssm:GetParameters")

    with pytest.raises(ParameterNotFound):
        await guest.ask("GetParameter", Name=arn("x"))
    await share(customer, "x", action="ssm:GetParameter")
    assert "shared" == await value_of(guest, arn("x"))
    with pytest.raises(AccessDeniedException):
        await value_of(store.customer(other_scope, NOBODY), arn("x"))
    elsewhere = store.customer(other_scope, allowing("ssm:*", f"arn:aws:ssm:*:{GUEST}:*"))
    with pytest.raises(AccessDeniedException):
        await value_of(elsewhere, arn("x"))


async def test_a_denial_in_any_policy_of_the_resource_holds(
    customer: Customer, guest: Customer
) -> None:
    await put(customer, "x", Tier="Advanced")
    await share(customer, "x")
    denial = {
        "Effect": "Deny",
        "Principal": "*",
        "Action": "ssm:GetParameter",
        "Resource": arn("x"),
    }
    policy = json.dumps({"Statement": denial})
    await customer.ask("PutResourcePolicy", ResourceArn=arn("x"), Policy=policy)

    with pytest.raises(ParameterNotFound):
        await guest.ask("GetParameter", Name=arn("x"))
    assert ["value"] == [
        each["Value"] for each in (await guest.ask("GetParameters", Names=[arn("x")]))["Parameters"]
    ]


async def test_one_user_of_another_account_may_be_let_in(
    customer: Customer, guest: Customer, other_scope: Scope
) -> None:
    await put(customer, "x", "shared", Tier="Advanced")
    await put(customer, "y", "not", Tier="Advanced")
    await share(customer, "x", principal=f"arn:aws:iam::{GUEST}:user/tester")
    await share(customer, "y", principal=f"arn:aws:iam::{GUEST}:user/other")

    assert "shared" == await value_of(guest, arn("x"))
    with pytest.raises(ParameterNotFound):
        await value_of(guest, arn("y"))


async def test_a_secret_is_shared_with_its_key(
    store: Store, customer: Customer, guest: Customer, scope: Scope
) -> None:
    keys = store.owner_of_keys(scope)
    root = "arn:aws:iam::111122223333:root"
    whole = {"Effect": "Allow", "Principal": {"AWS": root}, "Action": "kms:*", "Resource": "*"}
    key = (await keys.ask("CreateKey"))["KeyMetadata"]["KeyId"]
    await put(customer, "x", "hunter2", Type="SecureString", Tier="Advanced", KeyId=key)
    await share(customer, "x")

    with pytest.raises(AccessDeniedException, match="kms:Decrypt"):
        await value_of(guest, arn("x"), WithDecryption=True)
    policy = a_policy("*", GUEST, "kms:Decrypt", whole)
    await keys.ask("PutKeyPolicy", KeyId=key, Policy=policy)
    assert "hunter2" == await value_of(guest, arn("x"), WithDecryption=True)


@pytest.mark.parametrize(
    ("given", "fault"),
    [
        ({}, ResourcePolicyInvalidParameterException),
        (
            {"Tier": "Advanced", "Type": "SecureString"},
            ResourcePolicyInvalidParameterException,
        ),
    ],
)
async def test_what_cannot_be_shared(
    customer: Customer, given: dict[str, str], fault: type[ApiError]
) -> None:
    """Standard parameters, and secrets under the account's own key."""
    await put(customer, "x", **given)

    with pytest.raises(fault):
        await share(customer, "x")


@pytest.mark.parametrize(
    ("resource", "policy", "fault"),
    [
        (arn("none"), a_policy(arn("none")), ResourceNotFoundException),
        (arn("x"), "nonsense", MalformedResourcePolicyDocumentException),
        (arn("x"), a_policy(arn("x"), "*"), MalformedResourcePolicyDocumentException),
        (arn("x"), a_policy(arn("x") + "y" * 1024), ResourcePolicyLimitExceededException),
        (
            arn("x").replace("1111", "9999"),
            a_policy(arn("x")),
            ResourcePolicyInvalidParameterException,
        ),
        (
            "arn:aws:ssm:eu-west-1:111122223333:document/x",
            a_policy(arn("x")),
            ResourcePolicyInvalidParameterException,
        ),
    ],
)
async def test_policies_that_no_resource_has(
    customer: Customer, resource: str, policy: str, fault: type[ApiError]
) -> None:
    await put(customer, "x", Tier="Advanced")

    with pytest.raises(fault):
        await customer.ask("PutResourcePolicy", ResourceArn=resource, Policy=policy)


@on_both_engines
async def test_a_policy_is_changed_by_those_who_know_it(customer: Customer) -> None:
    await put(customer, "x", Tier="Advanced")
    made = await share(customer, "x")
    both = {"PolicyId": made["PolicyId"], "PolicyHash": made["PolicyHash"]}
    given = {"ResourceArn": arn("x"), "Policy": a_policy(arn("x"), "777788889999")}

    changed = await customer.ask("PutResourcePolicy", **given, **both)
    assert made["PolicyId"] == changed["PolicyId"]
    with pytest.raises(ResourcePolicyConflictException):
        await customer.ask("PutResourcePolicy", **given, **both)
    with pytest.raises(ResourcePolicyConflictException):
        await customer.ask("DeleteResourcePolicy", ResourceArn=arn("x"), **both)
    with pytest.raises(ResourcePolicyNotFoundException):
        await customer.ask("PutResourcePolicy", **given, PolicyId="none", PolicyHash="none")
    with pytest.raises(ResourcePolicyInvalidParameterException):
        await customer.ask("PutResourcePolicy", **given, PolicyId=made["PolicyId"])

    kept = (await customer.ask("GetResourcePolicies", ResourceArn=arn("x")))["Policies"]
    assert [(changed["PolicyHash"], given["Policy"])] == [
        (each["PolicyHash"], each["Policy"]) for each in kept
    ]
    await customer.ask("DeleteResourcePolicy", ResourceArn=arn("x"), **changed)
    kept = (await customer.ask("GetResourcePolicies", ResourceArn=arn("x")))["Policies"]
    assert [] == kept


async def test_a_name_that_is_used_again_is_not_shared_again(
    customer: Customer, guest: Customer
) -> None:
    await put(customer, "x", Tier="Advanced")
    await share(customer, "x")
    await customer.ask("DeleteParameter", Name="x")
    await put(customer, "x", Tier="Advanced")

    with pytest.raises(ParameterNotFound):
        await value_of(guest, arn("x"))
    assert [] == names(await guest.ask("DescribeParameters", Shared=True))


async def test_an_ops_item_group_has_one_policy(customer: Customer) -> None:
    group = "arn:aws:ssm:eu-west-1:111122223333:opsitemgroup/default"
    policy = a_policy(group, action="ssm:GetOpsItem")
    await customer.ask("PutResourcePolicy", ResourceArn=group, Policy=policy)

    with pytest.raises(ResourcePolicyLimitExceededException):
        await customer.ask("PutResourcePolicy", ResourceArn=group, Policy=policy)


@pytest.mark.parametrize("tier", ["Advanced", "Intelligent-Tiering"])
async def test_the_default_tier_is_a_setting(customer: Customer, tier: str) -> None:
    await put(customer, "before")
    setting = "/ssm/parameter-store/default-parameter-tier"
    await customer.ask("UpdateServiceSetting", SettingId=setting, SettingValue=tier)

    made = await customer.ask("PutParameter", Name="x", Value="v" * 5000, Type="String")
    assert "Advanced" == made["Tier"]
    assert 2 == await put_again(customer, "before")
    told = await customer.ask(
        "DescribeParameters", ParameterFilters=[{"Key": "Name", "Values": ["before"]}]
    )
    assert "Standard" == told["Parameters"][0]["Tier"]
