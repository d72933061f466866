"""What identity's nouns look like on IAM's wire."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING
from urllib.parse import quote

from ostler.capabilities.identity.model.entities import (
    AccessKey,
    Entity,
    ManagedPolicy,
    PolicyVersion,
)
from ostler.capabilities.identity.service.policies import Used
from ostler.capabilities.identity.service.profiles import WithRole

if TYPE_CHECKING:
    from ostler.wire.shapes import iam, sts


def encoded(document: str) -> str:
    """A policy's document as IAM sends it."""
    return quote(document, safe="")


def tag_list(tags: Mapping[str, str]) -> list[iam.Tag]:
    return [{"Key": key, "Value": value} for key, value in sorted(tags.items())]


def tags_of(given: Sequence[iam.Tag] | Sequence[sts.Tag] | None) -> dict[str, str]:
    """The tags of a request, by key."""
    return {tag["Key"]: tag["Value"] for tag in given or ()}


def user(entity: Entity, *, whole: bool = True) -> iam.User:
    """A user; lists leave out what costs AWS another look-up."""
    answer: iam.User = {
        "Path": entity.path,
        "UserName": entity.name,
        "UserId": entity.id,
        "Arn": entity.arn,
        "CreateDate": entity.created,
    }
    if whole:
        answer["Tags"] = tag_list(entity.tags)
        if entity.boundary is not None:
            answer["PermissionsBoundary"] = boundary(entity.boundary)
    return answer


def group(entity: Entity) -> iam.Group:
    return {
        "Path": entity.path,
        "GroupName": entity.name,
        "GroupId": entity.id,
        "Arn": entity.arn,
        "CreateDate": entity.created,
    }


def role(entity: Entity, *, whole: bool = True) -> iam.Role:
    """A role; lists leave out what costs AWS another look-up."""
    answer: iam.Role = {
        "Path": entity.path,
        "RoleName": entity.name,
        "RoleId": entity.id,
        "Arn": entity.arn,
        "CreateDate": entity.created,
        "AssumeRolePolicyDocument": encoded(entity.trust),
        "MaxSessionDuration": int(entity.longest_session.total_seconds()),
    }
    if entity.description:
        answer["Description"] = entity.description
    if whole:
        answer["Tags"] = tag_list(entity.tags)
        answer["RoleLastUsed"] = {}
        if entity.boundary is not None:
            answer["PermissionsBoundary"] = boundary(entity.boundary)
    return answer


def boundary(arn: str) -> iam.AttachedPermissionsBoundary:
    # The word is AWS's answer; its documentation promises another (PermissionsBoundaryPolicy).
    return {"PermissionsBoundaryType": "Policy", "PermissionsBoundaryArn": arn}


def policy(used: Used, *, whole: bool = True) -> iam.Policy:
    """A managed policy; lists leave out its description and tags."""
    found = used.policy
    answer: iam.Policy = {
        "PolicyName": found.name,
        "PolicyId": found.id,
        "Arn": found.arn,
        "Path": found.path,
        "DefaultVersionId": f"v{found.default}",
        "CreateDate": found.created,
        "UpdateDate": found.updated or found.created,
        "AttachmentCount": used.attachments,
        "PermissionsBoundaryUsageCount": used.boundaries,
        "IsAttachable": True,
    }
    if whole:
        answer["Description"] = found.description
        answer["Tags"] = tag_list(found.tags)
    return answer


def version(of: ManagedPolicy, found: PolicyVersion, *, whole: bool = True) -> iam.PolicyVersion:
    """A version of a policy, with its document unless it is in a list."""
    answer: iam.PolicyVersion = {
        "VersionId": f"v{found.number}",
        "IsDefaultVersion": found.number == of.default,
        "CreateDate": found.created,
    }
    return {**answer, "Document": encoded(found.document)} if whole else answer


def attached(arn: str) -> iam.AttachedPolicy:
    return {"PolicyName": arn.rpartition("/")[2], "PolicyArn": arn}


def profile(found: WithRole) -> iam.InstanceProfile:
    itself, carried = found
    return {
        "Path": itself.path,
        "InstanceProfileName": itself.name,
        "InstanceProfileId": itself.id,
        "Arn": itself.arn,
        "CreateDate": itself.created,
        "Roles": [] if carried is None else [role(carried, whole=False)],
        "Tags": tag_list(itself.tags),
    }


def access_key(key: AccessKey) -> iam.AccessKeyMetadata:
    return {
        "UserName": key.user,
        "AccessKeyId": key.access_key,
        "Status": "Active" if key.active else "Inactive",
        "CreateDate": key.created,
    }


def last_used(key: AccessKey) -> iam.AccessKeyLastUsed:
    if key.used is None:
        return {"ServiceName": "N/A", "Region": "N/A"}
    return {
        "LastUsedDate": key.used.at,
        "ServiceName": key.used.service,
        "Region": key.used.region,
    }
