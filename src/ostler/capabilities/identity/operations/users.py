"""IAM: users and their access keys."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from ostler.capabilities.identity.model.entities import (
    MOST_VERSIONS,
    Entity,
    Kind,
    name_in,
)
from ostler.capabilities.identity.operations import answers
from ostler.capabilities.identity.operations.pages import listed, marked, page_of
from ostler.capabilities.identity.service import Identity
from ostler.capabilities.identity.service.keys import KEYS_PER_USER
from ostler.foundation.call import Call
from ostler.foundation.errors import ValidationException

if TYPE_CHECKING:
    from ostler.wire.shapes import iam


def own_user(call: Call) -> str:
    """The name of the user who calls: whom IAM means when nobody is named."""
    kind, _, name = call.caller.arn.rpartition(":")[2].partition("/")
    if kind != "user":
        raise ValidationException("Must specify userName when calling with non-User credentials")
    return name_in(name)


class UserOperations:
    """Users come and go, get tags, groups and keys."""

    service = "iam"

    def __init__(self, identity: Identity) -> None:
        self._directory = identity.directory

    async def create_user(self, call: Call, given: iam.CreateUserRequest) -> Any:
        made = await self._directory.create(
            call,
            Kind.USER,
            given["UserName"],
            path=given.get("Path", "/"),
            boundary=given.get("PermissionsBoundary", ""),
            tags=answers.tags_of(given.get("Tags")),
        )
        return {"User": answers.user(made)}

    async def get_user(self, call: Call, given: iam.GetUserRequest) -> Any:
        name = given.get("UserName") or own_user(call)
        return {"User": answers.user(await self._directory.get(call, Kind.USER, name))}

    async def list_users(self, call: Call, given: iam.ListUsersRequest) -> Any:
        found = await self._directory.list(
            call, Kind.USER, prefix=given.get("PathPrefix", "/"), page=page_of(call, given)
        )
        return marked(call, "Users", found, partial(answers.user, whole=False))

    async def update_user(self, call: Call, given: iam.UpdateUserRequest) -> None:
        await self._directory.move(
            call,
            Kind.USER,
            given["UserName"],
            new_name=given.get("NewUserName", ""),
            new_path=given.get("NewPath", ""),
        )

    async def delete_user(self, call: Call, given: iam.DeleteUserRequest) -> None:
        await self._directory.delete(call, Kind.USER, given["UserName"])

    async def tag_user(self, call: Call, given: iam.TagUserRequest) -> None:
        tags = answers.tags_of(given["Tags"])
        await self._directory.tag(call, Kind.USER, given["UserName"], tags)

    async def untag_user(self, call: Call, given: iam.UntagUserRequest) -> None:
        await self._directory.untag(call, Kind.USER, given["UserName"], given["TagKeys"])

    async def list_user_tags(self, call: Call, given: iam.ListUserTagsRequest) -> Any:
        user = await self._directory.get(call, Kind.USER, given["UserName"])
        return listed(call, given, "Tags", answers.tag_list(user.tags))

    async def put_user_permissions_boundary(
        self, call: Call, given: iam.PutUserPermissionsBoundaryRequest
    ) -> None:
        boundary = given["PermissionsBoundary"]
        await self._directory.change(call, Kind.USER, given["UserName"], boundary=boundary)

    async def delete_user_permissions_boundary(
        self, call: Call, given: iam.DeleteUserPermissionsBoundaryRequest
    ) -> None:
        await self._directory.change(call, Kind.USER, given["UserName"], boundary="")

    async def list_groups_for_user(self, call: Call, given: iam.ListGroupsForUserRequest) -> Any:
        found = await self._directory.groups_of(call, given["UserName"])
        return listed(call, given, "Groups", found, answers.group)

    async def get_account_summary(self, call: Call, given: iam.GetAccountSummaryRequest) -> Any:
        found = await self._directory.count(call)
        return {
            "SummaryMap": {
                "Users": found["users"],
                "Groups": found["groups"],
                "Roles": found["roles"],
                "InstanceProfiles": found["profiles"],
                "Policies": found["policies"],
                "AccessKeysPerUserQuota": KEYS_PER_USER,
                "VersionsPerPolicyQuota": MOST_VERSIONS,
                "AccountMFAEnabled": 0,
                "AccountAccessKeysPresent": 0,
                "MFADevices": 0,
                "MFADevicesInUse": 0,
            }
        }

    # Access keys

    async def create_access_key(self, call: Call, given: iam.CreateAccessKeyRequest) -> Any:
        user = given.get("UserName") or own_user(call)
        pair = await self._directory.keys.create(call, user)
        return {
            "AccessKey": {
                "UserName": user,
                "AccessKeyId": pair.access_key,
                "SecretAccessKey": pair.secret_key,
                "Status": "Active",
                "CreateDate": call.at,
            }
        }

    async def list_access_keys(self, call: Call, given: iam.ListAccessKeysRequest) -> Any:
        user = given.get("UserName") or own_user(call)
        found = await self._directory.keys.list(call, user)
        return listed(call, given, "AccessKeyMetadata", found, answers.access_key)

    async def update_access_key(self, call: Call, given: iam.UpdateAccessKeyRequest) -> None:
        user = given.get("UserName") or own_user(call)
        active = given["Status"] == "Active"
        await self._directory.keys.switch(call, given["AccessKeyId"], active=active, user=user)

    async def delete_access_key(self, call: Call, given: iam.DeleteAccessKeyRequest) -> None:
        user = given.get("UserName") or own_user(call)
        await self._directory.keys.delete(call, given["AccessKeyId"], user=user)

    async def get_access_key_last_used(
        self, call: Call, given: iam.GetAccessKeyLastUsedRequest
    ) -> Any:
        key = await self._directory.keys.get(call, given["AccessKeyId"])
        return {"UserName": key.user, "AccessKeyLastUsed": answers.last_used(key)}

    # What users have at AWS and never here; clients look for it before they delete a user.

    async def list_mfa_devices(self, call: Call, given: iam.ListMFADevicesRequest) -> Any:
        await self._user(call, given.get("UserName", ""))
        return listed(call, given, "MFADevices", [])

    async def list_ssh_public_keys(self, call: Call, given: iam.ListSSHPublicKeysRequest) -> Any:
        await self._user(call, given.get("UserName", ""))
        return listed(call, given, "SSHPublicKeys", [])

    async def list_signing_certificates(
        self, call: Call, given: iam.ListSigningCertificatesRequest
    ) -> Any:
        await self._user(call, given.get("UserName", ""))
        return listed(call, given, "Certificates", [])

    async def list_service_specific_credentials(
        self, call: Call, given: iam.ListServiceSpecificCredentialsRequest
    ) -> Any:
        await self._user(call, given.get("UserName", ""))
        return listed(call, given, "ServiceSpecificCredentials", [])

    async def list_virtual_mfa_devices(
        self, call: Call, given: iam.ListVirtualMFADevicesRequest
    ) -> Any:
        await call.allow(f"arn:aws:iam::{call.account}:mfa/")
        return listed(call, given, "VirtualMFADevices", [])

    async def get_login_profile(self, call: Call, given: iam.GetLoginProfileRequest) -> None:
        await self._directory.check_password(call, given.get("UserName") or own_user(call))

    async def delete_login_profile(self, call: Call, given: iam.DeleteLoginProfileRequest) -> None:
        await self._directory.check_password(call, given.get("UserName") or own_user(call))

    async def _user(self, call: Call, name: str) -> Entity:
        return await self._directory.get(call, Kind.USER, name or own_user(call))
