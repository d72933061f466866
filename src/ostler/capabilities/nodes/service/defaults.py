"""Default Host Management Configuration: the role that nodes fall back on."""

from dataclasses import replace

from ostler.capabilities.nodes.model.defaults import (
    SERVICE_POLICY,
    SERVICE_ROLE,
    SERVICE_ROLE_PATH,
    SETTING,
    DefaultRole,
    DefaultRoleOrder,
    PermissionModel,
)
from ostler.capabilities.nodes.service.roles import Roles, check_role, give_role
from ostler.capabilities.nodes.store import defaults as store
from ostler.capabilities.settings import DEFAULT_ROLE, Setting
from ostler.foundation.call import Call
from ostler.foundation.clock import Clock
from ostler.foundation.storage import Storage, Transaction


class DefaultRoles:
    """Registers the default role of an account in a region, and takes it back."""

    def __init__(self, storage: Storage, clock: Clock, roles: Roles) -> None:
        self._storage = storage
        self._clock = clock
        self._roles = roles

    async def register(self, call: Call, order: DefaultRoleOrder) -> DefaultRole:
        """From now on nodes are lent this role while theirs cannot be lent."""
        await call.allow(_setting(call))
        order.check()
        if order.model is PermissionModel.SERVICE_MANAGED:
            await self._may_provide(call)
        else:
            await give_role(call, self._roles, order.role)
        order.check_replaces(await self._storage.read(call.scope, store.find))
        if order.model is PermissionModel.SERVICE_MANAGED:
            order = replace(order, role=await self._provide(call))
        role = DefaultRole(order.role, order.model, self._clock.now())

        def put(tx: Transaction) -> None:
            order.check_replaces(store.find(tx))
            store.put(tx, role)

        await self._storage.write(call.scope, put)
        return role

    async def deregister(self, call: Call) -> None:
        """From now on nodes have their own roles only; the role itself stays as it is."""
        await call.allow(_setting(call))
        await self._storage.write(call.scope, store.remove)

    async def _may_provide(self, call: Call) -> None:
        """Refuse unless the caller may hand on the service's role, and make it if need be."""
        arn = _service_role(call)
        await self._roles.pass_role(call, arn)
        if not await self._roles.role_exists(call.scope, arn):
            await call.allow(arn, action="iam:CreateRole")
            policy = {"iam:PolicyARN": [SERVICE_POLICY]}
            await call.allow(arn, action="iam:AttachRolePolicy", context=policy)

    async def _provide(self, call: Call) -> str:
        arn = await self._roles.provide_role(
            call.scope,
            SERVICE_ROLE,
            path=SERVICE_ROLE_PATH,
            policy=SERVICE_POLICY,
            description="What nodes may do whose own role cannot be lent.",
        )
        await check_role(call, self._roles, arn)
        return arn


class DefaultRoleSetting:
    """The same as a service setting, whose value is the role's name with its path."""

    def __init__(self, storage: Storage, roles: DefaultRoles) -> None:
        self._storage = storage
        self._roles = roles

    async def chosen(self, call: Call) -> Setting | None:
        """The role that is registered."""
        role = await self._storage.read(call.scope, store.find)
        if role is None:
            return None
        return Setting(DEFAULT_ROLE, role.arn.partition(":role/")[2], role.registered)

    async def choose(self, call: Call, value: str) -> None:
        """Register the role in place of the one before."""
        arn = f"arn:aws:iam::{call.account}:role/{value.removeprefix('/')}"
        order = DefaultRoleOrder(PermissionModel.SELF_MANAGED, role=arn, overwrite=True)
        await self._roles.register(call, order)

    async def forget(self, call: Call) -> None:
        """Take it back."""
        await self._roles.deregister(call)


def _setting(call: Call) -> str:
    return call.arn("servicesetting", SETTING)


def _service_role(call: Call) -> str:
    return f"arn:aws:iam::{call.account}:role{SERVICE_ROLE_PATH}{SERVICE_ROLE}"
