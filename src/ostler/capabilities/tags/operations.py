"""The AWS API of tags."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ostler.capabilities.tags.model import paired
from ostler.capabilities.tags.service import Tags
from ostler.foundation.call import Call

if TYPE_CHECKING:
    from ostler.wire.shapes import ssm


class Operations:
    """Adds, removes and lists tags."""

    service = "ssm"

    def __init__(self, tags: Tags) -> None:
        self._tags = tags

    async def add_tags_to_resource(
        self, call: Call, given: ssm.AddTagsToResourceRequest
    ) -> ssm.AddTagsToResourceResult:
        tags = paired((tag["Key"], tag["Value"]) for tag in given["Tags"])
        await self._tags.add(call, given["ResourceType"], given["ResourceId"], tags)
        return {}

    async def remove_tags_from_resource(
        self, call: Call, given: ssm.RemoveTagsFromResourceRequest
    ) -> ssm.RemoveTagsFromResourceResult:
        keys = given["TagKeys"]
        await self._tags.remove(call, given["ResourceType"], given["ResourceId"], keys)
        return {}

    async def list_tags_for_resource(
        self, call: Call, given: ssm.ListTagsForResourceRequest
    ) -> ssm.ListTagsForResourceResult:
        tags = await self._tags.list(call, given["ResourceType"], given["ResourceId"])
        return {"TagList": [{"Key": key, "Value": value} for key, value in tags.items()]}
