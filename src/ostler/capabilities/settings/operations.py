"""The AWS API of service settings and resource policies."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ostler.capabilities.settings.model.settings import Setting
from ostler.capabilities.settings.model.sharing import ResourcePolicy
from ostler.capabilities.settings.service.settings import ServiceSettings
from ostler.capabilities.settings.service.sharing import ResourcePolicies
from ostler.foundation.call import Call

if TYPE_CHECKING:
    from ostler.wire.shapes import ssm


class Operations:
    """Looks at settings and policies, and changes them."""

    service = "ssm"

    def __init__(self, settings: ServiceSettings, policies: ResourcePolicies) -> None:
        self._settings = settings
        self._policies = policies

    async def get_service_setting(
        self, call: Call, given: ssm.GetServiceSettingRequest
    ) -> ssm.GetServiceSettingResult:
        setting = await self._settings.get(call, given["SettingId"])
        return {"ServiceSetting": _setting(call, setting)}

    async def update_service_setting(
        self, call: Call, given: ssm.UpdateServiceSettingRequest
    ) -> ssm.UpdateServiceSettingResult:
        await self._settings.update(call, given["SettingId"], given["SettingValue"])
        return {}

    async def reset_service_setting(
        self, call: Call, given: ssm.ResetServiceSettingRequest
    ) -> ssm.ResetServiceSettingResult:
        setting = await self._settings.reset(call, given["SettingId"])
        return {"ServiceSetting": _setting(call, setting)}

    async def put_resource_policy(
        self, call: Call, given: ssm.PutResourcePolicyRequest
    ) -> ssm.PutResourcePolicyResponse:
        policy = await self._policies.put(
            call,
            given["ResourceArn"],
            given["Policy"],
            given.get("PolicyId"),
            given.get("PolicyHash"),
        )
        return {"PolicyId": policy.id, "PolicyHash": policy.hash}

    async def get_resource_policies(
        self, call: Call, given: ssm.GetResourcePoliciesRequest
    ) -> Mapping[str, Any]:
        asked = call.page_request(given, default=50, most=50)
        page = await self._policies.list(call, given["ResourceArn"], asked)
        return call.paged("Policies", page, _policy)

    async def delete_resource_policy(
        self, call: Call, given: ssm.DeleteResourcePolicyRequest
    ) -> ssm.DeleteResourcePolicyResponse:
        await self._policies.delete(
            call, given["ResourceArn"], given["PolicyId"], given["PolicyHash"]
        )
        return {}


def _setting(call: Call, setting: Setting) -> ssm.ServiceSetting:
    written: ssm.ServiceSetting = {
        "SettingId": setting.id,
        "SettingValue": setting.value,
        "LastModifiedUser": setting.author,
        "ARN": call.arn("servicesetting", setting.id),
        "Status": "Default" if setting.modified is None else "Customized",
    }
    if setting.modified is not None:
        written["LastModifiedDate"] = setting.modified
    return written


def _policy(policy: ResourcePolicy) -> ssm.GetResourcePoliciesResponseEntry:
    return {"PolicyId": policy.id, "PolicyHash": policy.hash, "Policy": policy.document}
