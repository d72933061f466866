"""IAM: which policies hang on users, groups and roles."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ostler.capabilities.identity.model.entities import Kind
from ostler.capabilities.identity.operations import answers
from ostler.capabilities.identity.operations.pages import listed
from ostler.capabilities.identity.service import Identity
from ostler.foundation.call import Call

if TYPE_CHECKING:
    from ostler.wire.shapes import iam


class AttachmentOperations:
    """Managed policies are attached, and others put in; all three kinds in the same words."""

    service = "iam"

    def __init__(self, identity: Identity) -> None:
        self._policies = identity.directory.policies

    # Users

    async def attach_user_policy(self, call: Call, given: iam.AttachUserPolicyRequest) -> None:
        await self._policies.attach(call, Kind.USER, given["UserName"], given["PolicyArn"])

    async def detach_user_policy(self, call: Call, given: iam.DetachUserPolicyRequest) -> None:
        await self._policies.detach(call, Kind.USER, given["UserName"], given["PolicyArn"])

    async def list_attached_user_policies(
        self, call: Call, given: iam.ListAttachedUserPoliciesRequest
    ) -> Any:
        found = await self._policies.attached(
            call, Kind.USER, given["UserName"], prefix=given.get("PathPrefix", "/")
        )
        return listed(call, given, "AttachedPolicies", found, answers.attached)

    async def put_user_policy(self, call: Call, given: iam.PutUserPolicyRequest) -> None:
        name, policy = given["UserName"], given["PolicyName"]
        await self._policies.put_inline(call, Kind.USER, name, policy, given["PolicyDocument"])

    async def get_user_policy(self, call: Call, given: iam.GetUserPolicyRequest) -> Any:
        name, policy = given["UserName"], given["PolicyName"]
        found = await self._policies.get_inline(call, Kind.USER, name, policy)
        return {
            "UserName": name,
            "PolicyName": policy,
            "PolicyDocument": answers.encoded(found),
        }

    async def list_user_policies(self, call: Call, given: iam.ListUserPoliciesRequest) -> Any:
        found = await self._policies.inline(call, Kind.USER, given["UserName"])
        return listed(call, given, "PolicyNames", list(found))

    async def delete_user_policy(self, call: Call, given: iam.DeleteUserPolicyRequest) -> None:
        name, policy = given["UserName"], given["PolicyName"]
        await self._policies.drop_inline(call, Kind.USER, name, policy)

    # Groups

    async def attach_group_policy(self, call: Call, given: iam.AttachGroupPolicyRequest) -> None:
        await self._policies.attach(call, Kind.GROUP, given["GroupName"], given["PolicyArn"])

    async def detach_group_policy(self, call: Call, given: iam.DetachGroupPolicyRequest) -> None:
        await self._policies.detach(call, Kind.GROUP, given["GroupName"], given["PolicyArn"])

    async def list_attached_group_policies(
        self, call: Call, given: iam.ListAttachedGroupPoliciesRequest
    ) -> Any:
        found = await self._policies.attached(
            call, Kind.GROUP, given["GroupName"], prefix=given.get("PathPrefix", "/")
        )
        return listed(call, given, "AttachedPolicies", found, answers.attached)

    async def put_group_policy(self, call: Call, given: iam.PutGroupPolicyRequest) -> None:
        name, policy = given["GroupName"], given["PolicyName"]
        await self._policies.put_inline(call, Kind.GROUP, name, policy, given["PolicyDocument"])

    async def get_group_policy(self, call: Call, given: iam.GetGroupPolicyRequest) -> Any:
        name, policy = given["GroupName"], given["PolicyName"]
        found = await self._policies.get_inline(call, Kind.GROUP, name, policy)
        return {
            "GroupName": name,
            "PolicyName": policy,
            "PolicyDocument": answers.encoded(found),
        }

    async def list_group_policies(self, call: Call, given: iam.ListGroupPoliciesRequest) -> Any:
        found = await self._policies.inline(call, Kind.GROUP, given["GroupName"])
        return listed(call, given, "PolicyNames", list(found))

    async def delete_group_policy(self, call: Call, given: iam.DeleteGroupPolicyRequest) -> None:
        name, policy = given["GroupName"], given["PolicyName"]
        await self._policies.drop_inline(call, Kind.GROUP, name, policy)

    # Roles

    async def attach_role_policy(self, call: Call, given: iam.AttachRolePolicyRequest) -> None:
        await self._policies.attach(call, Kind.ROLE, given["RoleName"], given["PolicyArn"])

    async def detach_role_policy(self, call: Call, given: iam.DetachRolePolicyRequest) -> None:
        await self._policies.detach(call, Kind.ROLE, given["RoleName"], given["PolicyArn"])

    async def list_attached_role_policies(
        self, call: Call, given: iam.ListAttachedRolePoliciesRequest
    ) -> Any:
        found = await self._policies.attached(
            call, Kind.ROLE, given["RoleName"], prefix=given.get("PathPrefix", "/")
        )
        return listed(call, given, "AttachedPolicies", found, answers.attached)

    async def put_role_policy(self, call: Call, given: iam.PutRolePolicyRequest) -> None:
        name, policy = given["RoleName"], given["PolicyName"]
        await self._policies.put_inline(call, Kind.ROLE, name, policy, given["PolicyDocument"])

    async def get_role_policy(self, call: Call, given: iam.GetRolePolicyRequest) -> Any:
        name, policy = given["RoleName"], given["PolicyName"]
        found = await self._policies.get_inline(call, Kind.ROLE, name, policy)
        return {
            "RoleName": name,
            "PolicyName": policy,
            "PolicyDocument": answers.encoded(found),
        }

    async def list_role_policies(self, call: Call, given: iam.ListRolePoliciesRequest) -> Any:
        found = await self._policies.inline(call, Kind.ROLE, given["RoleName"])
        return listed(call, given, "PolicyNames", list(found))

    async def delete_role_policy(self, call: Call, given: iam.DeleteRolePolicyRequest) -> None:
        name, policy = given["RoleName"], given["PolicyName"]
        await self._policies.drop_inline(call, Kind.ROLE, name, policy)
