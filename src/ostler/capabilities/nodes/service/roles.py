"""What the fleet needs of whoever keeps roles."""

from datetime import datetime, timedelta
from typing import Protocol

from ostler.foundation.call import Call
from ostler.foundation.errors import ValidationException
from ostler.foundation.ids import AccountId, NodeId
from ostler.foundation.storage import Scope, Transaction


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
    """Knows roles and whether Systems Manager may take them, and lends them to nodes."""

    async def role_exists(self, scope: Scope, role: str) -> bool:
        """Whether the account has the role, and it trusts Systems Manager."""
        ...

    async def pass_role(self, call: Call, role: str, /) -> None:
        """Refuse unless the caller may hand the role on."""
        ...

    async def provide_role(
        self, scope: Scope, name: str, *, path: str, policy: str, description: str
    ) -> str:
        """The ARN of the account's role of this name; if there is none, a new one that trusts
        Systems Manager and has the policy."""
        ...

    async def issue(
        self,
        scope: Scope,
        role: str,
        session_name: str,
        duration: timedelta,
        *,
        node: NodeId | None = None,
    ) -> TemporaryCredentials:
        """Credentials of the role that are the node's: for what a node does, for itself only."""
        ...

    def revoke(self, tx: Transaction, account: AccountId, subject: str) -> None:
        """End what credentials the node has."""
        ...


async def give_role(call: Call, roles: Roles, name: str) -> None:
    """Refuse unless the caller may pass the role on, and the role trusts Systems Manager."""
    await roles.pass_role(call, name)
    await check_role(call, roles, name)


async def check_role(call: Call, roles: Roles, name: str) -> None:
    """Refuse unless there is the role, and it trusts Systems Manager."""
    if not await roles.role_exists(call.scope, name):
        arn = name if name.startswith("arn:") else f"arn:aws:iam::{call.account}:role/{name}"
        raise ValidationException(
            f"Nonexistent role or missing ssm service principal in trust policy: {arn}"
        )
