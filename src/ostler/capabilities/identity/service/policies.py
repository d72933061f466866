"""Policies: managed and inline, and whom they are attached to."""

from collections.abc import Sequence
from dataclasses import replace

from ostler.capabilities.identity.errors import (
    DeleteConflict,
    EntityAlreadyExists,
    InvalidInput,
    NoSuchEntity,
)
from ostler.capabilities.identity.model.entities import (
    Kind,
    ManagedPolicy,
    check_path,
    check_policy_name,
    new_policy_id,
)
from ostler.capabilities.identity.model.shipped import SHIPPED
from ostler.capabilities.identity.service.ledger import (
    Ledger,
    check_account_exists,
    checked_policy,
    the_entity,
)
from ostler.capabilities.identity.store import policies
from ostler.foundation.clock import Clock
from ostler.foundation.ids import AccountId, Ids
from ostler.foundation.storage import Transaction

MANAGED_SIZE = 6_144
INLINE_SIZE = 10_240


class Policies:
    """The policies of accounts. One is named by its ARN, or by its name alone."""

    def __init__(self, ledger: Ledger, clock: Clock, ids: Ids) -> None:
        self._ledger = ledger
        self._clock = clock
        self._ids = ids

    async def create(
        self,
        account: AccountId,
        name: str,
        document: str,
        *,
        path: str = "/",
        description: str = "",
    ) -> ManagedPolicy:
        """A new managed policy."""
        check_policy_name(name)
        check_path(path)
        checked_policy(document, most=MANAGED_SIZE)
        policy = ManagedPolicy(
            account,
            name,
            document,
            path,
            description,
            new_policy_id(self._ids),
            self._clock.now(),
        )

        def create(tx: Transaction) -> ManagedPolicy:
            check_account_exists(tx, account)
            if policies.name_is_taken(tx, account, name):
                raise EntityAlreadyExists(f"A policy called {name} already exists.")
            policies.put(tx, policy)
            return policy

        return await self._ledger.write(create)

    async def change(self, account: AccountId, name: str, document: str) -> ManagedPolicy:
        """Give one of the account's policies another document."""
        checked_policy(document, most=MANAGED_SIZE)

        def change(tx: Transaction) -> ManagedPolicy:
            policy = replace(_own(tx, account, name), document=document)
            policies.put(tx, policy)
            return policy

        return await self._ledger.write(change)

    async def get(self, account: AccountId, name: str) -> ManagedPolicy:
        """One of the account's policies or a shipped one."""
        return await self._ledger.read(lambda tx: the_policy(tx, account, name))

    async def list(self, account: AccountId) -> Sequence[ManagedPolicy]:
        """The account's own policies, then those that are shipped."""
        own = await self._ledger.read(lambda tx: policies.every(tx, account))
        return [*own, *SHIPPED.values()]

    async def delete(self, account: AccountId, name: str) -> None:
        """Delete one of the account's policies that is attached to nothing."""

        def delete(tx: Transaction) -> None:
            policy = _own(tx, account, name)
            if policies.uses_of(tx, account, policy.arn):
                raise DeleteConflict(f"Cannot delete a policy attached to entities: {policy.arn}")
            policies.drop(tx, policy)

        await self._ledger.write(delete)

    async def attach(self, kind: Kind, account: AccountId, name: str, policy: str) -> str:
        """Attach a managed policy; its ARN."""

        def attach(tx: Transaction) -> str:
            entity, found = the_entity(tx, kind, account, name), the_policy(tx, account, policy)
            policies.attach(tx, entity, found.arn)
            return found.arn

        return await self._ledger.write(attach)

    async def detach(self, kind: Kind, account: AccountId, name: str, policy: str) -> None:
        """Detach a managed policy."""

        def detach(tx: Transaction) -> None:
            entity, found = the_entity(tx, kind, account, name), the_policy(tx, account, policy)
            if not policies.detach(tx, entity, found.arn):
                raise NoSuchEntity(f"Policy {found.arn} was not found on {kind} {name}.")

        await self._ledger.write(detach)

    async def put_inline(
        self, kind: Kind, account: AccountId, name: str, policy: str, document: str
    ) -> None:
        """Give an entity a policy of its own, or another document to the one it has."""
        check_policy_name(policy)
        checked_policy(document, most=INLINE_SIZE)

        def put(tx: Transaction) -> None:
            policies.put_inline(tx, the_entity(tx, kind, account, name), policy, document)

        await self._ledger.write(put)

    async def drop_inline(self, kind: Kind, account: AccountId, name: str, policy: str) -> None:
        """Take a policy of its own from an entity."""

        def drop(tx: Transaction) -> None:
            if not policies.drop_inline(tx, the_entity(tx, kind, account, name), policy):
                raise NoSuchEntity(f"The {kind} policy with name {policy} cannot be found.")

        await self._ledger.write(drop)


def the_policy(tx: Transaction, account: AccountId, name: str) -> ManagedPolicy:
    """By ARN, else by name, the account's own before a shipped one; else NoSuchEntity."""
    if name.startswith("arn:"):
        arns = [name]
    else:
        arns = [policy.arn for policy in policies.every(tx, account) if policy.name == name]
        arns += [arn for arn, policy in SHIPPED.items() if policy.name == name]
    for arn in arns:
        policy = policies.get(tx, arn)
        if policy is not None and policy.account in (None, account):
            return policy
    raise NoSuchEntity(f"Policy {name} does not exist or is not attachable.")


def _own(tx: Transaction, account: AccountId, name: str) -> ManagedPolicy:
    policy = the_policy(tx, account, name)
    if policy.account is None:
        raise InvalidInput(f"{policy.arn} is shipped and stays as it is.")
    return policy
