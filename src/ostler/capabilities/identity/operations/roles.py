"""IAM: roles, and the instance profiles that carry them."""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

from ostler.capabilities.identity.model.entities import Kind
from ostler.capabilities.identity.operations import answers
from ostler.capabilities.identity.operations.pages import listed, marked, page_of
from ostler.capabilities.identity.service import Identity
from ostler.foundation.call import Call

if TYPE_CHECKING:
    from ostler.wire.shapes import iam

_HOUR = 3600


class RoleOperations:
    """Roles come and go, say whom they trust, and bound themselves."""

    service = "iam"

    def __init__(self, identity: Identity) -> None:
        self._directory = identity.directory

    async def create_role(self, call: Call, given: iam.CreateRoleRequest) -> Any:
        made = await self._directory.create(
            call,
            Kind.ROLE,
            given["RoleName"],
            path=given.get("Path", "/"),
            description=given.get("Description", ""),
            trust=given["AssumeRolePolicyDocument"],
            longest_session=timedelta(seconds=given.get("MaxSessionDuration", _HOUR)),
            boundary=given.get("PermissionsBoundary", ""),
            tags=answers.tags_of(given.get("Tags")),
        )
        return {"Role": answers.role(made)}

    async def get_role(self, call: Call, given: iam.GetRoleRequest) -> Any:
        found = await self._directory.get(call, Kind.ROLE, given["RoleName"])
        return {"Role": answers.role(found)}

    async def list_roles(self, call: Call, given: iam.ListRolesRequest) -> Any:
        found = await self._directory.list(
            call, Kind.ROLE, prefix=given.get("PathPrefix", "/"), page=page_of(call, given)
        )
        return marked(call, "Roles", found, partial(answers.role, whole=False))

    async def update_role(self, call: Call, given: iam.UpdateRoleRequest) -> Any:
        seconds = given.get("MaxSessionDuration")
        await self._directory.change(
            call,
            Kind.ROLE,
            given["RoleName"],
            description=given.get("Description"),
            longest_session=None if seconds is None else timedelta(seconds=seconds),
        )
        return {}

    async def update_role_description(
        self, call: Call, given: iam.UpdateRoleDescriptionRequest
    ) -> Any:
        changed = await self._directory.change(
            call, Kind.ROLE, given["RoleName"], description=given["Description"]
        )
        return {"Role": answers.role(changed)}

    async def update_assume_role_policy(
        self, call: Call, given: iam.UpdateAssumeRolePolicyRequest
    ) -> None:
        trust = given["PolicyDocument"]
        await self._directory.change(call, Kind.ROLE, given["RoleName"], trust=trust)

    async def delete_role(self, call: Call, given: iam.DeleteRoleRequest) -> None:
        await self._directory.delete(call, Kind.ROLE, given["RoleName"])

    async def tag_role(self, call: Call, given: iam.TagRoleRequest) -> None:
        tags = answers.tags_of(given["Tags"])
        await self._directory.tag(call, Kind.ROLE, given["RoleName"], tags)

    async def untag_role(self, call: Call, given: iam.UntagRoleRequest) -> None:
        await self._directory.untag(call, Kind.ROLE, given["RoleName"], given["TagKeys"])

    async def list_role_tags(self, call: Call, given: iam.ListRoleTagsRequest) -> Any:
        role = await self._directory.get(call, Kind.ROLE, given["RoleName"])
        return listed(call, given, "Tags", answers.tag_list(role.tags))

    async def put_role_permissions_boundary(
        self, call: Call, given: iam.PutRolePermissionsBoundaryRequest
    ) -> None:
        boundary = given["PermissionsBoundary"]
        await self._directory.change(call, Kind.ROLE, given["RoleName"], boundary=boundary)

    async def delete_role_permissions_boundary(
        self, call: Call, given: iam.DeleteRolePermissionsBoundaryRequest
    ) -> None:
        await self._directory.change(call, Kind.ROLE, given["RoleName"], boundary="")


class ProfileOperations:
    """Instance profiles come and go, and get a role."""

    service = "iam"

    def __init__(self, identity: Identity) -> None:
        self._profiles = identity.directory.profiles

    async def create_instance_profile(
        self, call: Call, given: iam.CreateInstanceProfileRequest
    ) -> Any:
        made = await self._profiles.create(
            call,
            given["InstanceProfileName"],
            path=given.get("Path", "/"),
            tags=answers.tags_of(given.get("Tags")),
        )
        return {"InstanceProfile": answers.profile((made, None))}

    async def get_instance_profile(self, call: Call, given: iam.GetInstanceProfileRequest) -> Any:
        found = await self._profiles.get(call, given["InstanceProfileName"])
        return {"InstanceProfile": answers.profile(found)}

    async def list_instance_profiles(
        self, call: Call, given: iam.ListInstanceProfilesRequest
    ) -> Any:
        page, prefix = page_of(call, given), given.get("PathPrefix", "/")
        found = await self._profiles.list(call, prefix, page)
        return marked(call, "InstanceProfiles", found, answers.profile)

    async def list_instance_profiles_for_role(
        self, call: Call, given: iam.ListInstanceProfilesForRoleRequest
    ) -> Any:
        page = page_of(call, given)
        found = await self._profiles.list_of_role(call, given["RoleName"], page)
        return marked(call, "InstanceProfiles", found, answers.profile)

    async def add_role_to_instance_profile(
        self, call: Call, given: iam.AddRoleToInstanceProfileRequest
    ) -> None:
        await self._profiles.add_role(call, given["InstanceProfileName"], given["RoleName"])

    async def remove_role_from_instance_profile(
        self, call: Call, given: iam.RemoveRoleFromInstanceProfileRequest
    ) -> None:
        await self._profiles.remove_role(call, given["InstanceProfileName"], given["RoleName"])

    async def tag_instance_profile(self, call: Call, given: iam.TagInstanceProfileRequest) -> None:
        tags = answers.tags_of(given["Tags"])
        await self._profiles.tag(call, given["InstanceProfileName"], tags)

    async def untag_instance_profile(
        self, call: Call, given: iam.UntagInstanceProfileRequest
    ) -> None:
        await self._profiles.untag(call, given["InstanceProfileName"], given["TagKeys"])

    async def list_instance_profile_tags(
        self, call: Call, given: iam.ListInstanceProfileTagsRequest
    ) -> Any:
        profile, _ = await self._profiles.get(call, given["InstanceProfileName"])
        return listed(call, given, "Tags", answers.tag_list(profile.tags))

    async def delete_instance_profile(
        self, call: Call, given: iam.DeleteInstanceProfileRequest
    ) -> None:
        await self._profiles.delete(call, given["InstanceProfileName"])
