"""Tags as customers and policies see them."""

from typing import Any

import pytest

from ostler.capabilities.tags.errors import (
    InvalidResourceId,
    InvalidResourceType,
    TooManyTagsError,
)
from ostler.foundation.errors import AccessDeniedException, ValidationException
from ostler.foundation.events import since
from ostler.foundation.policy import Policy
from ostler.foundation.storage import Scope
from tests.capabilities.tags.conftest import Tagging, on_both_engines
from tests.support.calls import NOBODY

NODE = {"ResourceType": "ManagedInstance", "ResourceId": "mi-00000000000000001"}
OTHER = {"ResourceType": "ManagedInstance", "ResourceId": "mi-00000000000000002"}


@on_both_engines
async def test_tags_are_added_changed_and_listed_in_order(tagging: Tagging, scope: Scope) -> None:
    customer = tagging.customer(scope)

    await customer.ask("AddTagsToResource", **NODE, Tags=tags(stage="test", Owner="ops"))
    await customer.ask("AddTagsToResource", **NODE, Tags=tags(stage="prod", empty=""))

    listed = await customer.ask("ListTagsForResource", **NODE)
    assert tags(Owner="ops", empty="", stage="prod") == listed["TagList"]
    assert [] == (await customer.ask("ListTagsForResource", **OTHER))["TagList"]


@on_both_engines
async def test_tags_are_removed(tagging: Tagging, scope: Scope) -> None:
    customer = tagging.customer(scope)
    await customer.ask("AddTagsToResource", **NODE, Tags=tags(stage="test", owner="ops"))

    await customer.ask("RemoveTagsFromResource", **NODE, TagKeys=["stage", "never there"])

    assert tags(owner="ops") == (await customer.ask("ListTagsForResource", **NODE))["TagList"]


async def test_tags_stay_in_their_account(
    tagging: Tagging, scope: Scope, other_scope: Scope
) -> None:
    await tagging.customer(scope).ask("AddTagsToResource", **NODE, Tags=tags(a="b"))

    listed = await tagging.customer(other_scope).ask("ListTagsForResource", **NODE)

    assert [] == listed["TagList"]


async def test_a_name_with_and_without_its_slash_is_one_resource(
    tagging: Tagging, scope: Scope
) -> None:
    customer = tagging.customer(scope)

    await customer.ask(
        "AddTagsToResource", ResourceType="Parameter", ResourceId="/db/password", Tags=tags(a="b")
    )

    for name in ("/db/password", "db/password"):
        listed = await customer.ask(
            "ListTagsForResource", ResourceType="Parameter", ResourceId=name
        )
        assert tags(a="b") == listed["TagList"]


OPERATIONS: list[tuple[str, Any]] = [
    ("AddTagsToResource", {"Tags": [{"Key": "a", "Value": "b"}]}),
    ("RemoveTagsFromResource", {"TagKeys": ["a"]}),
    ("ListTagsForResource", {}),
]


@pytest.mark.parametrize(("operation", "given"), OPERATIONS)
async def test_what_does_not_exist_carries_nothing(
    tagging: Tagging, scope: Scope, operation: str, given: Any
) -> None:
    customer = tagging.customer(scope)

    with pytest.raises(InvalidResourceId):
        await customer.ask(operation, ResourceType="ManagedInstance", ResourceId="mi-9", **given)
    with pytest.raises(InvalidResourceType):
        await customer.ask(operation, ResourceType="OpsItem", ResourceId="oi-1", **given)


@pytest.mark.parametrize(("operation", "given"), OPERATIONS)
async def test_permission_comes_before_absence(
    tagging: Tagging, scope: Scope, operation: str, given: Any
) -> None:
    nobody = tagging.customer(scope, NOBODY)

    with pytest.raises(AccessDeniedException) as refused:
        await nobody.ask(operation, ResourceType="ManagedInstance", ResourceId="mi-9", **given)

    assert (
        f"arn:aws:ssm:{scope.region}:{scope.account}:managed-instance/mi-9" in refused.value.message
    )
    with pytest.raises(AccessDeniedException):
        await nobody.ask(operation, ResourceType="OpsItem", ResourceId="oi-1", **given)


@on_both_engines
async def test_a_resource_carries_fifty_tags(tagging: Tagging, scope: Scope) -> None:
    customer = tagging.customer(scope)
    fifty = tags(**{f"key{n}": str(n) for n in range(50)})
    await customer.ask("AddTagsToResource", **NODE, Tags=fifty)

    await customer.ask("AddTagsToResource", **NODE, Tags=tags(key7="another value"))
    with pytest.raises(TooManyTagsError):
        await customer.ask("AddTagsToResource", **NODE, Tags=tags(one_more=""))

    assert 50 == len((await customer.ask("ListTagsForResource", **NODE))["TagList"])


async def test_an_automation_carries_five_tags(tagging: Tagging, scope: Scope) -> None:
    with pytest.raises(TooManyTagsError):
        await tagging.customer(scope).ask(
            "AddTagsToResource",
            ResourceType="Automation",
            ResourceId="7f6cb2f3-1b1a-4a8f-9df8-0e5f8f6a0001",
            Tags=tags(**{f"key{n}": "" for n in range(6)}),
        )


@pytest.mark.parametrize(
    "wrong",
    [
        [{"Key": "aws:stack", "Value": "x"}],
        [{"Key": "AWS:stack", "Value": "x"}],
        [{"Key": "a", "Value": "1"}, {"Key": "a", "Value": "2"}],
    ],
)
async def test_impossible_tags_are_refused(tagging: Tagging, scope: Scope, wrong: Any) -> None:
    customer = tagging.customer(scope)

    with pytest.raises(ValidationException):
        await customer.ask("AddTagsToResource", **NODE, Tags=wrong)

    assert [] == (await customer.ask("ListTagsForResource", **NODE))["TagList"]


async def test_a_policy_judges_the_tags_that_come(tagging: Tagging, scope: Scope) -> None:
    customer = tagging.customer(
        scope,
        conditioned(
            {
                "StringEquals": {"aws:RequestTag/stage": "test"},
                "ForAllValues:StringEquals": {"aws:TagKeys": ["stage"]},
            }
        ),
    )

    await customer.ask("AddTagsToResource", **NODE, Tags=tags(stage="test"))
    for wrong in (tags(stage="prod"), tags(stage="test", owner="me")):
        with pytest.raises(AccessDeniedException):
            await customer.ask("AddTagsToResource", **NODE, Tags=wrong)


@pytest.mark.parametrize("key", ["aws:ResourceTag/stage", "ssm:resourceTag/stage"])
async def test_a_policy_judges_the_tags_that_are(tagging: Tagging, scope: Scope, key: str) -> None:
    await tagging.customer(scope).ask("AddTagsToResource", **NODE, Tags=tags(stage="test"))
    customer = tagging.customer(scope, conditioned({"StringEquals": {key: "test"}}))

    assert tags(stage="test") == (await customer.ask("ListTagsForResource", **NODE))["TagList"]
    with pytest.raises(AccessDeniedException):
        await customer.ask("ListTagsForResource", **OTHER)


async def test_a_change_is_told(tagging: Tagging, scope: Scope) -> None:
    customer = tagging.customer(scope)
    await customer.ask("AddTagsToResource", **NODE, Tags=tags(a="b"))
    await customer.ask("RemoveTagsFromResource", **NODE, TagKeys=["a"])

    told = await tagging.house.storage.read(scope, lambda tx: since(tx, 0))

    assert [NODE["ResourceId"]] * 2 == [
        each.body["id"] for each in told if each.kind == "tags.TagsChanged"
    ]
    announced = [each.body for each in told if "detail" in each.body]
    arn = f"arn:aws:ssm:{scope.region}:{scope.account}:managed-instance/{NODE['ResourceId']}"
    assert [("aws.tag", "Tag Change on Resource", [arn])] * 2 == [
        (each["source"], each["detail_type"], each["resources"]) for each in announced
    ]
    assert [{"a": "b"}, {}] == [each["detail"]["tags"] for each in announced]


def tags(**carried: str) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in carried.items()]


def conditioned(condition: Any) -> tuple[Policy, ...]:
    statement = {"Effect": "Allow", "Action": "*", "Resource": "*", "Condition": condition}
    return (Policy.parse({"Version": "2012-10-17", "Statement": statement}),)
