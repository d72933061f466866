"""What events need of others."""

from typing import Protocol

from ostler.foundation.call import Call, Caller
from ostler.foundation.ids import AccountId
from ostler.foundation.storage import Scope


class Roles(Protocol):
    """Knows roles, who may give them away, and who acts in one."""

    async def role_exists(self, scope: Scope, name: str, service_principal: str = ...) -> bool:
        """Whether the account has the role, and it trusts the service."""
        ...

    async def pass_role(self, call: Call, role_arn: str, service: str = ...) -> None:
        """Raise AccessDeniedException unless the caller may give the role away."""
        ...

    async def role_caller(self, account: AccountId, role: str, session_name: str = ...) -> Caller:
        """Somebody who acts in the role."""
        ...
