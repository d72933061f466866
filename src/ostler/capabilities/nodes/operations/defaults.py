"""The AWS API of Default Host Management Configuration."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ostler.capabilities.nodes.model.defaults import DefaultRoleOrder, PermissionModel
from ostler.capabilities.nodes.service.defaults import DefaultRoles
from ostler.foundation.call import Call

if TYPE_CHECKING:
    from ostler.wire.shapes import ssm


class DefaultRoleOperations:
    """Registers the default role of nodes, and takes it back."""

    service = "ssm"

    def __init__(self, defaults: DefaultRoles) -> None:
        self._defaults = defaults

    async def register_default_host_management_configuration(
        self, call: Call, given: ssm.RegisterDefaultHostManagementConfigurationRequest
    ) -> ssm.RegisterDefaultHostManagementConfigurationResult:
        order = DefaultRoleOrder(
            model=PermissionModel(given["PermissionModel"]),
            role=given.get("RoleArn", ""),
            overwrite=given.get("Overwrite", False),
        )
        return {"RoleArn": (await self._defaults.register(call, order)).arn}

    async def deregister_default_host_management_configuration(
        self, call: Call, given: ssm.DeregisterDefaultHostManagementConfigurationRequest
    ) -> ssm.DeregisterDefaultHostManagementConfigurationResult:
        await self._defaults.deregister(call)
        return {}
