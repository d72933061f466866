"""What the fleet needs of whoever keeps roles."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Protocol

from ostler.foundation.call import Call
from ostler.foundation.errors import ValidationException
from ostler.foundation.ids import NodeId
from ostler.foundation.storage import Scope

SERVICE = "ssm.amazonaws.com"


class TemporaryCredentials(Protocol):
    """What lets its bearer act as a role for a while."""

    @property
    def access_key(self) -> str: ...
    @property
    def secret(self) -> str: ...
    @property
    def session_token(self) -> str: ...
    @property
    def expires(self) -> datetime: ...


class Roles(Protocol):
    """Knows roles and whom they trust, and issues their credentials."""

    async def role_exists(self, scope: Scope, name: str, service_principal: str = ...) -> bool:
        """Whether the account has the role, and it trusts the service."""
        ...

    async def pass_role(self, call: Call, role_arn: str) -> None:
        """Raise AccessDeniedException unless the caller may give the role away."""
        ...

    async def issue(
        self,
        scope: Scope,
        role: str,
        session_name: str,
        duration: timedelta,
        session_policy: Mapping[str, Any] | None = None,
        node: NodeId | None = None,
    ) -> TemporaryCredentials: ...


async def give_role(call: Call, roles: Roles, name: str) -> None:
    """Refuse unless the caller may pass the role on, and the role trusts Systems Manager."""
    arn = f"arn:aws:iam::{call.account}:role/{name}"
    await roles.pass_role(call, arn)
    if not await roles.role_exists(call.scope, name, SERVICE):
        raise ValidationException(
            f"Nonexistent role or missing ssm service principal in trust policy: {arn}"
        )
