"""Rules, targets and buses as customers keep them."""

from typing import Any

import pytest

from ostler.capabilities.events.errors import (
    InvalidEventPatternException,
    ResourceAlreadyExistsException,
    ResourceNotFoundException,
)
from ostler.capabilities.events.migrations import MIGRATIONS
from ostler.capabilities.events.store.tables import metadata
from ostler.foundation.errors import (
    AccessDeniedException,
    NotYetImplemented,
    ValidationException,
)
from tests.capabilities.events.conftest import ROLE, TOPIC, Bench, a_rule, on_both_engines
from tests.support.calls import Customer, allowing
from tests.support.databases import assert_schema_matches

DOCUMENT = "arn:aws:ssm:eu-west-1:111122223333:document/AWS-RunShellScript"
RUN: dict[str, Any] = {
    "Id": "run",
    "Arn": DOCUMENT,
    "RoleArn": ROLE,
    "RunCommandParameters": {"RunCommandTargets": [{"Key": "tag:role", "Values": ["web"]}]},
}


def test_the_migrations_make_the_tables() -> None:
    assert_schema_matches(MIGRATIONS, metadata)


@on_both_engines
async def test_a_rule_is_kept_as_it_was_put(customer: Customer) -> None:
    put = {
        "Name": "r",
        "EventPattern": '{"source": ["x"]}',
        "Description": "d",
        "State": "DISABLED",
        "RoleArn": ROLE,
    }

    arn = (await customer.ask("PutRule", **put, Tags=[{"Key": "k", "Value": "v"}]))["RuleArn"]

    assert arn == "arn:aws:events:eu-west-1:111122223333:rule/r"
    expected = {**put, "Arn": arn, "EventBusName": "default", "CreatedBy": "111122223333"}
    assert expected == await customer.ask("DescribeRule", Name="r")
    tags = (await customer.ask("ListTagsForResource", ResourceARN=arn))["Tags"]
    assert [{"Key": "k", "Value": "v"}] == tags


@on_both_engines
async def test_rules_are_listed_by_name_in_pages(customer: Customer) -> None:
    for name in ("app-b", "app-a", "App-c", "other"):
        await customer.ask("PutRule", Name=name, ScheduleExpression="rate(1 hour)")

    pages = await customer.every("ListRules", "Rules", NamePrefix="app", Limit=1)

    assert [["app-a"], ["app-b"]] == [[rule["Name"] for rule in page] for page in pages]


async def test_a_rule_needs_a_pattern_or_a_schedule(customer: Customer) -> None:
    with pytest.raises(ValidationException, match="must be specified"):
        await customer.ask("PutRule", Name="r")


@pytest.mark.parametrize("pattern", ["{", "{}", '{"a": "b"}'])
async def test_a_pattern_has_to_be_one(customer: Customer, pattern: str) -> None:
    with pytest.raises(InvalidEventPatternException, match="Event pattern is not valid"):
        await customer.ask("PutRule", Name="r", EventPattern=pattern)


@pytest.mark.parametrize("schedule", ["rate(0 minutes)", "cron(* * *)", "every day"])
async def test_a_schedule_has_to_be_one(customer: Customer, schedule: str) -> None:
    with pytest.raises(ValidationException, match="ScheduleExpression is not valid"):
        await customer.ask("PutRule", Name="r", ScheduleExpression=schedule)


async def test_a_rule_that_has_targets_is_not_deleted(customer: Customer) -> None:
    await a_rule(customer, {"source": ["x"]})
    with pytest.raises(ValidationException, match="since it has targets"):
        await customer.ask("DeleteRule", Name="rule")

    await customer.ask("RemoveTargets", Rule="rule", Ids=["t"])
    await customer.ask("DeleteRule", Name="rule")
    await customer.ask("DeleteRule", Name="rule")

    with pytest.raises(ResourceNotFoundException, match="does not exist on EventBus default"):
        await customer.ask("DescribeRule", Name="rule")


@on_both_engines
async def test_a_target_is_kept_as_it_was_put(customer: Customer) -> None:
    put = [
        RUN | {"Input": '{"commands": ["date"]}'},
        {
            "Id": "topic",
            "Arn": TOPIC,
            "InputTransformer": {
                "InputPathsMap": {"n": "$.detail.name"},
                "InputTemplate": '"<n> of <aws.events.rule-name>"',
            },
            "RetryPolicy": {"MaximumRetryAttempts": 3, "MaximumEventAgeInSeconds": 60},
            "DeadLetterConfig": {"Arn": "arn:aws:sqs:eu-west-1:111122223333:q"},
        },
        {"Id": "whole", "Arn": TOPIC, "InputPath": "$.detail"},
    ]

    await a_rule(customer, {"source": ["x"]}, *put)

    assert put == (await customer.ask("ListTargetsByRule", Rule="rule"))["Targets"]
    names = await customer.ask("ListRuleNamesByTarget", TargetArn=TOPIC)
    assert ["rule"] == names["RuleNames"]


async def test_targets_that_are_not_there_are_told_when_removed(customer: Customer) -> None:
    await a_rule(customer, {"source": ["x"]})

    answer = await customer.ask("RemoveTargets", Rule="rule", Ids=["t", "u"])

    assert 1 == answer["FailedEntryCount"]
    assert "u" == answer["FailedEntries"][0]["TargetId"]


@pytest.mark.parametrize(
    ("target", "error", "told"),
    [
        ({"Arn": "x"}, ValidationException, "not in correct format"),
        ({"Arn": "arn:aws:lambda:eu-west-1:1:function:f"}, NotYetImplemented, "cannot be a target"),
        ({"Arn": TOPIC.replace("1111", "9999")}, ValidationException, "not of this account"),
        ({"Arn": TOPIC, "Input": "{"}, ValidationException, "JSON text"),
        ({"Arn": TOPIC, "InputPath": "detail"}, ValidationException, "does not begin with"),
        ({"Arn": TOPIC, "Input": "1", "InputPath": "$"}, ValidationException, "Only one of"),
        ({"Arn": DOCUMENT}, ValidationException, "RoleArn is required"),
        ({"Arn": DOCUMENT, "RoleArn": ROLE}, ValidationException, "RunCommandParameters"),
    ],
)
async def test_a_target_that_could_not_be_told_is_refused(
    customer: Customer, target: dict[str, Any], error: type[Exception], told: str
) -> None:
    with pytest.raises(error, match=told):
        await a_rule(customer, {"source": ["x"]}, {"Id": "t", **target})

    assert [] == (await customer.ask("ListTargetsByRule", Rule="rule"))["Targets"]


async def test_a_target_needs_its_role_to_be_passed(bench: Bench, customer: Customer) -> None:
    await a_rule(customer, {"source": ["x"]})

    with pytest.raises(AccessDeniedException, match="iam:PassRole"):
        await bench.customer(policies=allowing("events:*")).ask(
            "PutTargets", Rule="rule", Targets=[RUN]
        )


async def test_a_topic_is_a_target_for_those_who_may_publish(
    bench: Bench, customer: Customer
) -> None:
    await a_rule(customer, {"source": ["x"]})

    with pytest.raises(AccessDeniedException, match="sns:Publish"):
        await bench.customer(policies=allowing("events:*")).ask(
            "PutTargets", Rule="rule", Targets=[{"Id": "o", "Arn": TOPIC}]
        )


# Buses


@on_both_engines
async def test_a_bus_has_rules_of_its_own(customer: Customer) -> None:
    made = await customer.ask("CreateEventBus", Name="mine", Description="d")
    arn = "arn:aws:events:eu-west-1:111122223333:event-bus/mine"
    rule = {"Name": "r", "EventBusName": arn, "EventPattern": '{"source": ["x"]}'}

    put = await customer.ask("PutRule", **rule)

    assert arn == made["EventBusArn"]
    assert put["RuleArn"].endswith(":rule/mine/r")
    assert [] == (await customer.ask("ListRules"))["Rules"]
    with pytest.raises(ValidationException, match="has rules"):
        await customer.ask("DeleteEventBus", Name="mine")


async def test_there_is_always_the_default_bus(customer: Customer) -> None:
    await customer.ask("CreateEventBus", Name="another")

    buses = (await customer.ask("ListEventBuses"))["EventBuses"]

    assert ["another", "default"] == [bus["Name"] for bus in buses]
    assert "default" == (await customer.ask("DescribeEventBus"))["Name"]
    with pytest.raises(ResourceAlreadyExistsException):
        await customer.ask("CreateEventBus", Name="default")
    with pytest.raises(ValidationException, match="Cannot delete"):
        await customer.ask("DeleteEventBus", Name="default")


async def test_a_bus_that_there_is_not_is_told(customer: Customer) -> None:
    with pytest.raises(ResourceNotFoundException, match="Event bus none does not exist"):
        await customer.ask("PutRule", Name="r", EventBusName="none", EventPattern='{"a": [1]}')


async def test_schedules_are_the_default_buss(customer: Customer) -> None:
    await customer.ask("CreateEventBus", Name="mine")

    with pytest.raises(ValidationException, match="only on the default event bus"):
        await customer.ask(
            "PutRule", Name="r", EventBusName="mine", ScheduleExpression="rate(1 day)"
        )


async def test_tags_come_and_go(customer: Customer) -> None:
    arn = (await customer.ask("CreateEventBus", Name="mine"))["EventBusArn"]
    await customer.ask("TagResource", ResourceARN=arn, Tags=[{"Key": "a", "Value": "1"}])
    await customer.ask("TagResource", ResourceARN=arn, Tags=[{"Key": "b", "Value": "2"}])

    await customer.ask("UntagResource", ResourceARN=arn, TagKeys=["a"])

    tags = (await customer.ask("ListTagsForResource", ResourceARN=arn))["Tags"]
    assert [{"Key": "b", "Value": "2"}] == tags
    with pytest.raises(ResourceNotFoundException):
        await customer.ask("ListTagsForResource", ResourceARN=f"{arn}x")


async def test_accounts_know_nothing_of_each_other(
    bench: Bench, customer: Customer, other_scope: Any
) -> None:
    await a_rule(customer, {"source": ["x"]})

    with pytest.raises(ResourceNotFoundException):
        await bench.customer(other_scope).ask("DescribeRule", Name="rule")
