"""IAM: managed policies and their versions."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from ostler.capabilities.identity.model.entities import Kind
from ostler.capabilities.identity.operations import answers
from ostler.capabilities.identity.operations.pages import listed
from ostler.capabilities.identity.service import Identity
from ostler.capabilities.identity.service.policies import Shelf, Used
from ostler.foundation.call import Call

if TYPE_CHECKING:
    from ostler.wire.shapes import iam

_BOUNDS = "PermissionsBoundary"


class PolicyOperations:
    """Managed policies come, change by versions, and go."""

    service = "iam"

    def __init__(self, identity: Identity) -> None:
        self._policies = identity.directory.policies

    async def create_policy(self, call: Call, given: iam.CreatePolicyRequest) -> Any:
        made = await self._policies.create(
            call,
            given["PolicyName"],
            given["PolicyDocument"],
            path=given.get("Path", "/"),
            description=given.get("Description", ""),
            tags=answers.tags_of(given.get("Tags")),
        )
        return {"Policy": answers.policy(Used(made, 0, 0))}

    async def get_policy(self, call: Call, given: iam.GetPolicyRequest) -> Any:
        return {"Policy": answers.policy(await self._policies.get(call, given["PolicyArn"]))}

    async def list_policies(self, call: Call, given: iam.ListPoliciesRequest) -> Any:
        usage = given.get("PolicyUsageFilter")
        found = await self._policies.list(
            call,
            Shelf(given.get("Scope", Shelf.EVERY.value)),
            prefix=given.get("PathPrefix", "/"),
            used_only=given.get("OnlyAttached", False) or usage is not None,
            bounding=None if usage is None else usage == _BOUNDS,
        )
        return listed(call, given, "Policies", found, partial(answers.policy, whole=False))

    async def delete_policy(self, call: Call, given: iam.DeletePolicyRequest) -> None:
        await self._policies.delete(call, given["PolicyArn"])

    async def list_entities_for_policy(
        self, call: Call, given: iam.ListEntitiesForPolicyRequest
    ) -> Any:
        attached, bounded = await self._policies.holders(call, given["PolicyArn"])
        usage = given.get("PolicyUsageFilter", "")
        found = {entity.id: entity for entity in (*attached, *bounded)}
        if usage:
            found = {entity.id: entity for entity in (bounded if usage == _BOUNDS else attached)}
        prefix, wanted = given.get("PathPrefix", "/"), given.get("EntityFilter", "")
        among = [entity for entity in found.values() if entity.path.startswith(prefix)]
        if wanted in ("User", "Group", "Role"):
            among = [entity for entity in among if entity.kind == wanted.lower()]
        page = listed(call, given, "Entities", among)
        entities = page.pop("Entities")
        for kind in Kind:
            word = kind.capitalize()
            page[f"Policy{word}s"] = [
                {f"{word}Name": entity.name, f"{word}Id": entity.id}
                for entity in entities
                if entity.kind is kind
            ]
        return page

    async def tag_policy(self, call: Call, given: iam.TagPolicyRequest) -> None:
        await self._policies.tag(call, given["PolicyArn"], answers.tags_of(given["Tags"]))

    async def untag_policy(self, call: Call, given: iam.UntagPolicyRequest) -> None:
        await self._policies.untag(call, given["PolicyArn"], given["TagKeys"])

    async def list_policy_tags(self, call: Call, given: iam.ListPolicyTagsRequest) -> Any:
        used = await self._policies.get(call, given["PolicyArn"])
        return listed(call, given, "Tags", answers.tag_list(used.policy.tags))

    # Versions

    async def create_policy_version(self, call: Call, given: iam.CreatePolicyVersionRequest) -> Any:
        policy, made = await self._policies.change(
            call,
            given["PolicyArn"],
            given["PolicyDocument"],
            default=given.get("SetAsDefault", False),
        )
        return {"PolicyVersion": answers.version(policy, made, whole=False)}

    async def get_policy_version(self, call: Call, given: iam.GetPolicyVersionRequest) -> Any:
        number = _number(given["VersionId"])
        policy, found = await self._policies.version(call, given["PolicyArn"], number)
        return {"PolicyVersion": answers.version(policy, found)}

    async def list_policy_versions(self, call: Call, given: iam.ListPolicyVersionsRequest) -> Any:
        policy, found = await self._policies.versions(call, given["PolicyArn"])
        written = partial(answers.version, policy, whole=False)
        return listed(call, given, "Versions", found, written)

    async def set_default_policy_version(
        self, call: Call, given: iam.SetDefaultPolicyVersionRequest
    ) -> None:
        await self._policies.set_default(call, given["PolicyArn"], _number(given["VersionId"]))

    async def delete_policy_version(
        self, call: Call, given: iam.DeletePolicyVersionRequest
    ) -> None:
        await self._policies.delete_version(call, given["PolicyArn"], _number(given["VersionId"]))


def _number(version: str) -> int:
    """The number in "v3", whose form the model has checked."""
    return int(version[1:].partition(".")[0])
