"""Accounts: opened and given up by whoever keeps the server."""

from collections.abc import Sequence
from dataclasses import replace

from ostler.capabilities.identity.errors import DeleteConflict, EntityAlreadyExists
from ostler.capabilities.identity.model.entities import (
    Account,
    Entity,
    KeyPair,
    Kind,
    check_account,
    check_name,
    new_account_id,
    new_entity_id,
)
from ostler.capabilities.identity.model.shipped import ADMINISTRATOR, MANAGED_INSTANCE_CORE, SHIPPED
from ostler.capabilities.identity.service.keys import Keys
from ostler.capabilities.identity.service.ledger import Ledger, check_account_exists
from ostler.capabilities.identity.store import entities, policies
from ostler.foundation.call import Caller
from ostler.foundation.clock import Clock
from ostler.foundation.ids import AccountId, Ids
from ostler.foundation.policy import Policy
from ostler.foundation.storage import Scope, Transaction

ADMINISTRATOR_NAME = "administrator"
NODE_ROLE = "OstlerManagedInstance"
NODE_TRUST = (
    '{"Version": "2012-10-17", "Statement": {"Effect": "Allow", '
    '"Principal": {"Service": "ssm.amazonaws.com"}, "Action": "sts:AssumeRole"}}'
)


class Accounts:
    """Keeps accounts. No policy of any account says who may: it is the administrator at the
    machine, in whose `scope` the deed is audited."""

    def __init__(self, ledger: Ledger, clock: Clock, ids: Ids, keys: Keys) -> None:
        self._ledger = ledger
        self._clock = clock
        self._ids = ids
        self._keys = keys

    async def list(self) -> Sequence[Account]:
        """Every account, the oldest first."""
        return await self._ledger.read(entities.accounts)

    async def create(
        self, name: str = "", *, account: str = "", scope: Scope | None = None
    ) -> tuple[Account, KeyPair]:
        """A new account, and the key of its administrator."""
        new = check_account(account) if account else new_account_id(self._ids)
        pair = self._keys.new_pair(new)

        def create(tx: Transaction) -> Account:
            made = self.open(tx, new, name)
            self._keys.add(tx, pair, ADMINISTRATOR_NAME)
            return made

        return await self._ledger.write(scope, create), pair

    async def delete(self, account: AccountId, *, scope: Scope | None = None) -> None:
        """Forget the account's identities; nobody can act in it any more."""

        def delete(tx: Transaction) -> None:
            check_account_exists(tx, account)
            if len(entities.accounts(tx)) == 1:
                raise DeleteConflict("The last account cannot be deleted.")
            entities.drop_account(tx, account)

        await self._ledger.write(scope, delete)

    def open(self, tx: Transaction, account: AccountId, name: str) -> Account:
        """An account with its administrator, and with the role that its nodes get by default."""
        if entities.account(tx, account) is not None:
            raise EntityAlreadyExists(f"There is an account {account} already.")
        made = Account(account, check_name(name or "account"), self._clock.now())
        entities.add_account(tx, made)
        administrator = self._new(Kind.USER, account, ADMINISTRATOR_NAME)
        node_role = replace(
            self._new(Kind.ROLE, account, NODE_ROLE),
            trust=NODE_TRUST,
            description="What nodes may do, unless their activation names another role.",
        )
        for entity, policy in ((administrator, ADMINISTRATOR), (node_role, MANAGED_INSTANCE_CORE)):
            entities.put_entity(tx, entity)
            policies.attach(tx, entity, policy)
        return made

    def _new(self, kind: Kind, account: AccountId, name: str) -> Entity:
        return Entity(kind, account, name, new_entity_id(kind, self._ids), self._clock.now())


def root(account: AccountId) -> Caller:
    """The account itself, which may do everything in it: whoever reads the server's keys."""
    everything = Policy.parse(SHIPPED[ADMINISTRATOR].document, name="root")
    return Caller(f"arn:aws:iam::{account}:root", account, account, policies=(everything,))
