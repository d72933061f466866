"""IAM: groups and who is in them."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from ostler.capabilities.identity.model.entities import Kind
from ostler.capabilities.identity.operations import answers
from ostler.capabilities.identity.operations.pages import listed, marked, page_of
from ostler.capabilities.identity.service import Identity
from ostler.foundation.call import Call

if TYPE_CHECKING:
    from ostler.wire.shapes import iam


class GroupOperations:
    """Groups come and go, users join and leave."""

    service = "iam"

    def __init__(self, identity: Identity) -> None:
        self._directory = identity.directory

    async def create_group(self, call: Call, given: iam.CreateGroupRequest) -> Any:
        path = given.get("Path", "/")
        made = await self._directory.create(call, Kind.GROUP, given["GroupName"], path=path)
        return {"Group": answers.group(made)}

    async def get_group(self, call: Call, given: iam.GetGroupRequest) -> Any:
        found, users = await self._directory.members(call, given["GroupName"])
        written = partial(answers.user, whole=False)
        return {"Group": answers.group(found), **listed(call, given, "Users", users, written)}

    async def list_groups(self, call: Call, given: iam.ListGroupsRequest) -> Any:
        found = await self._directory.list(
            call, Kind.GROUP, prefix=given.get("PathPrefix", "/"), page=page_of(call, given)
        )
        return marked(call, "Groups", found, answers.group)

    async def update_group(self, call: Call, given: iam.UpdateGroupRequest) -> None:
        await self._directory.move(
            call,
            Kind.GROUP,
            given["GroupName"],
            new_name=given.get("NewGroupName", ""),
            new_path=given.get("NewPath", ""),
        )

    async def delete_group(self, call: Call, given: iam.DeleteGroupRequest) -> None:
        await self._directory.delete(call, Kind.GROUP, given["GroupName"])

    async def add_user_to_group(self, call: Call, given: iam.AddUserToGroupRequest) -> None:
        await self._directory.join(call, given["UserName"], given["GroupName"])

    async def remove_user_from_group(
        self, call: Call, given: iam.RemoveUserFromGroupRequest
    ) -> None:
        await self._directory.leave(call, given["UserName"], given["GroupName"])
