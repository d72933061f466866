"""The AWS API of topics."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ostler.capabilities.notifications.service.topics import Topics, View
from ostler.foundation.call import Call

if TYPE_CHECKING:
    from ostler.wire.shapes import sns


class TopicOperations:
    """Keeps topics."""

    service = "sns"

    def __init__(self, topics: Topics) -> None:
        self._topics = topics

    async def create_topic(
        self, call: Call, given: sns.CreateTopicInput
    ) -> sns.CreateTopicResponse:
        tags = {tag["Key"]: tag["Value"] for tag in given.get("Tags", [])}
        arn = await self._topics.create(call, given["Name"], given.get("Attributes", {}), tags)
        return {"TopicArn": arn}

    async def delete_topic(self, call: Call, given: sns.DeleteTopicInput) -> None:
        await self._topics.delete(call, given["TopicArn"])

    async def list_topics(self, call: Call, given: sns.ListTopicsInput) -> Mapping[str, Any]:
        page = await self._topics.list(call, call.page_request(given, default=100, most=100))
        return call.paged("Topics", page, lambda arn: {"TopicArn": arn})

    async def get_topic_attributes(
        self, call: Call, given: sns.GetTopicAttributesInput
    ) -> sns.GetTopicAttributesResponse:
        view = await self._topics.get(call, given["TopicArn"])
        return {"Attributes": _attributes(given["TopicArn"], view)}

    async def set_topic_attributes(self, call: Call, given: sns.SetTopicAttributesInput) -> None:
        value = given.get("AttributeValue", "")
        await self._topics.change(call, given["TopicArn"], given["AttributeName"], value)

    async def tag_resource(
        self, call: Call, given: sns.TagResourceRequest
    ) -> sns.TagResourceResponse:
        tags = {tag["Key"]: tag["Value"] for tag in given["Tags"]}
        await self._topics.tag(call, given["ResourceArn"], tags)
        return {}

    async def untag_resource(
        self, call: Call, given: sns.UntagResourceRequest
    ) -> sns.UntagResourceResponse:
        await self._topics.untag(call, given["ResourceArn"], given["TagKeys"])
        return {}

    async def list_tags_for_resource(
        self, call: Call, given: sns.ListTagsForResourceRequest
    ) -> sns.ListTagsForResourceResponse:
        tags = await self._topics.tags(call, given["ResourceArn"])
        return {"Tags": [{"Key": key, "Value": value} for key, value in tags.items()]}


def _attributes(arn: str, view: View) -> dict[str, str]:
    topic = view.topic
    owner = arn.split(":")[4]
    return {
        "TopicArn": arn,
        "Owner": owner,
        "DisplayName": topic.display_name,
        "Policy": topic.policy or _own_account(arn, owner),
        "SignatureVersion": topic.signature_version,
        "SubscriptionsConfirmed": str(view.confirmed),
        "SubscriptionsPending": str(view.pending),
        "SubscriptionsDeleted": "0",
        **topic.kept,
    }


_OF_OWNER = (
    *("GetTopicAttributes", "SetTopicAttributes", "AddPermission", "RemovePermission"),
    *("DeleteTopic", "Subscribe", "ListSubscriptionsByTopic", "Publish"),
)


def _own_account(arn: str, owner: str) -> str:
    """The policy that AWS shows where there is none: what the owner's account allows."""
    statement = {
        "Sid": "__default_statement_ID",
        "Effect": "Allow",
        "Principal": {"AWS": "*"},
        "Action": [f"SNS:{name}" for name in _OF_OWNER],
        "Resource": arn,
        "Condition": {"StringEquals": {"AWS:SourceOwner": owner}},
    }
    policy = {"Version": "2008-10-17", "Id": "__default_policy_ID", "Statement": [statement]}
    return json.dumps(policy, separators=(",", ":"))
