"""The AWS API of subscriptions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ostler.capabilities.notifications.errors import InvalidParameterException
from ostler.capabilities.notifications.model.subscriptions import (
    PENDING,
    Subscription,
    protocol_of,
)
from ostler.capabilities.notifications.model.topics import topic_arn
from ostler.capabilities.notifications.service.subscriptions import Subscriptions
from ostler.foundation.call import Call

if TYPE_CHECKING:
    from ostler.wire.shapes import sns


class SubscriptionOperations:
    """Keeps subscriptions."""

    service = "sns"

    def __init__(self, subscriptions: Subscriptions) -> None:
        self._subscriptions = subscriptions

    async def subscribe(self, call: Call, given: sns.SubscribeInput) -> sns.SubscribeResponse:
        protocol = protocol_of(given["Protocol"])
        endpoint = given.get("Endpoint", "")
        if not endpoint:
            raise InvalidParameterException("Invalid parameter: Endpoint")
        topic, subscription = await self._subscriptions.subscribe(
            call, given["TopicArn"], protocol, endpoint, given.get("Attributes", {})
        )
        told = subscription.confirmed or given.get("ReturnSubscriptionArn", False)
        return {"SubscriptionArn": f"{topic}:{subscription.id}" if told else "pending confirmation"}

    async def confirm_subscription(
        self, call: Call, given: sns.ConfirmSubscriptionInput
    ) -> sns.ConfirmSubscriptionResponse:
        arn = await self._subscriptions.confirm(call, given["TopicArn"], given["Token"])
        return {"SubscriptionArn": arn}

    async def unsubscribe(self, call: Call, given: sns.UnsubscribeInput) -> None:
        await self._subscriptions.unsubscribe(call, given["SubscriptionArn"])

    async def list_subscriptions(
        self, call: Call, given: sns.ListSubscriptionsInput
    ) -> Mapping[str, Any]:
        asked = call.page_request(given, default=100, most=100)
        page = await self._subscriptions.list(call, asked)
        return call.paged("Subscriptions", page, lambda one: _subscription(call, one))

    async def list_subscriptions_by_topic(
        self, call: Call, given: sns.ListSubscriptionsByTopicInput
    ) -> Mapping[str, Any]:
        asked = call.page_request(given, default=100, most=100)
        page = await self._subscriptions.list(call, asked, topic=given["TopicArn"])
        return call.paged("Subscriptions", page, lambda one: _subscription(call, one))

    async def get_subscription_attributes(
        self, call: Call, given: sns.GetSubscriptionAttributesInput
    ) -> sns.GetSubscriptionAttributesResponse:
        subscription = await self._subscriptions.get(call, given["SubscriptionArn"])
        return {"Attributes": _attributes(given["SubscriptionArn"], subscription)}

    async def set_subscription_attributes(
        self, call: Call, given: sns.SetSubscriptionAttributesInput
    ) -> None:
        await self._subscriptions.change(
            call,
            given["SubscriptionArn"],
            given["AttributeName"],
            given.get("AttributeValue", ""),
        )


def _subscription(call: Call, subscription: Subscription) -> Mapping[str, Any]:
    topic = topic_arn(call.scope, subscription.topic)
    return {
        "SubscriptionArn": f"{topic}:{subscription.id}" if subscription.confirmed else PENDING,
        "Owner": call.account,
        "Protocol": subscription.protocol.value,
        "Endpoint": subscription.shown,
        "TopicArn": topic,
    }


def _attributes(arn: str, subscription: Subscription) -> dict[str, str]:
    topic = arn.rpartition(":")[0]
    written = {
        "SubscriptionArn": arn,
        "TopicArn": topic,
        "Owner": topic.split(":")[4],
        "Protocol": subscription.protocol.value,
        "Endpoint": subscription.shown,
        "PendingConfirmation": str(not subscription.confirmed).lower(),
        "ConfirmationWasAuthenticated": "false",
        "RawMessageDelivery": str(subscription.raw).lower(),
        **subscription.kept,
    }
    if subscription.filter:
        written |= {"FilterPolicy": subscription.filter, "FilterPolicyScope": subscription.scope}
    return written
