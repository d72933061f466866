"""Topics as customers keep them."""

import json
from typing import Any

import pytest

from ostler.capabilities.notifications.errors import (
    InvalidParameterException,
    NotFoundException,
    ResourceNotFoundException,
)
from ostler.capabilities.notifications.migrations import MIGRATIONS
from ostler.capabilities.notifications.store.tables import metadata
from ostler.foundation.errors import AccessDeniedException, NotYetImplemented
from tests.capabilities.notifications.conftest import Desk, a_topic, on_both_engines
from tests.support.calls import Customer, allowing
from tests.support.databases import assert_schema_matches


def test_the_migrations_make_the_tables() -> None:
    assert_schema_matches(MIGRATIONS, metadata)


@on_both_engines
async def test_a_topic_is_made_once_and_kept(customer: Customer) -> None:
    arn = await a_topic(customer, DisplayName="Alerts")

    assert "arn:aws:sns:eu-west-1:111122223333:alerts" == arn
    assert arn == await a_topic(customer, DisplayName="Alerts")
    told = (await customer.ask("GetTopicAttributes", TopicArn=arn))["Attributes"]
    assert ("Alerts", "111122223333", "0", "0") == tuple(
        told[name]
        for name in ("DisplayName", "Owner", "SubscriptionsConfirmed", "SubscriptionsPending")
    )
    assert [[{"TopicArn": arn}]] == await customer.every("ListTopics", "Topics")


async def test_a_topic_of_other_attributes_is_another_wish(customer: Customer) -> None:
    await a_topic(customer)

    with pytest.raises(InvalidParameterException, match="different attributes"):
        await a_topic(customer, DisplayName="Other")


@on_both_engines
async def test_a_deleted_topic_takes_everything_along(desk: Desk, customer: Customer) -> None:
    arn = await a_topic(customer)
    await customer.ask("Subscribe", TopicArn=arn, Protocol="http", Endpoint="http://a/")

    await customer.ask("DeleteTopic", TopicArn=arn)
    await customer.ask("DeleteTopic", TopicArn=arn)

    assert [] == await desk.kept()
    assert [] == (await customer.ask("ListSubscriptions"))["Subscriptions"]
    with pytest.raises(NotFoundException, match="Topic does not exist"):
        await customer.ask("GetTopicAttributes", TopicArn=arn)


@pytest.mark.parametrize(
    ("attribute", "value"),
    [
        ("DisplayName", "x" * 101),
        ("Policy", "{"),
        ("SignatureVersion", "3"),
        ("Unknown", "x"),
    ],
)
async def test_an_attribute_that_cannot_be_is_refused(
    customer: Customer, attribute: str, value: str
) -> None:
    arn = await a_topic(customer)

    with pytest.raises(InvalidParameterException):
        await customer.ask(
            "SetTopicAttributes", TopicArn=arn, AttributeName=attribute, AttributeValue=value
        )


@pytest.mark.parametrize("name", ["", "a b", "a/b", "x" * 257])
async def test_a_name_has_letters_digits_hyphens(customer: Customer, name: str) -> None:
    with pytest.raises(InvalidParameterException):
        await a_topic(customer, name)


async def test_fifo_topics_are_not_built(customer: Customer) -> None:
    with pytest.raises(NotYetImplemented):
        await a_topic(customer, "orders.fifo", FifoTopic="true")


@on_both_engines
async def test_tags_come_and_go(customer: Customer) -> None:
    arn = await a_topic(customer)
    tags = [{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "2"}]
    await customer.ask("TagResource", ResourceArn=arn, Tags=tags)
    await customer.ask("UntagResource", ResourceArn=arn, TagKeys=["a"])

    told = (await customer.ask("ListTagsForResource", ResourceArn=arn))["Tags"]

    assert [{"Key": "b", "Value": "2"}] == told
    with pytest.raises(ResourceNotFoundException):
        await customer.ask("ListTagsForResource", ResourceArn=f"{arn}x")


async def test_a_topics_own_policy_lets_another_account_publish(
    desk: Desk, customer: Customer, other_scope: Any
) -> None:
    arn = await a_topic(customer)
    other = desk.customer(other_scope)
    with pytest.raises(AccessDeniedException):
        await other.ask("Publish", TopicArn=arn, Message="m")
    statement = {
        "Effect": "Allow",
        "Principal": {"AWS": "444455556666"},
        "Action": "sns:Publish",
        "Resource": arn,
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": statement})

    await customer.ask(
        "SetTopicAttributes", TopicArn=arn, AttributeName="Policy", AttributeValue=policy
    )

    assert (await other.ask("Publish", TopicArn=arn, Message="m"))["MessageId"]
    with pytest.raises(AccessDeniedException):
        await other.ask("GetTopicAttributes", TopicArn=arn)


async def test_absence_is_told_to_those_who_may_know(desk: Desk, customer: Customer) -> None:
    arn = await a_topic(customer)

    for topic in (arn, f"{arn}x"):
        with pytest.raises(AccessDeniedException):
            await desk.customer(policies=allowing("ssm:*")).ask(
                "Publish", TopicArn=topic, Message="m"
            )
