"""Identity: who calls, what they may do, and the roles that are lent to them."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from ostler.capabilities.identity.errors import InvalidInput
from ostler.capabilities.identity.model.entities import (
    USUAL_SESSION,
    USUAL_USER_SESSION,
    Account,
    KeyPair,
    account_in,
    check_account,
    check_key_pair,
    name_in,
    new_account_id,
)
from ostler.capabilities.identity.model.providers import Provider
from ostler.capabilities.identity.model.sessions import TemporaryCredentials
from ostler.capabilities.identity.service.accounts import ADMINISTRATOR_NAME
from ostler.capabilities.identity.service.directory import Directory
from ostler.capabilities.identity.service.explaining import Explaining
from ostler.capabilities.identity.service.federation import Federation
from ostler.capabilities.identity.service.ledger import Ledger
from ostler.capabilities.identity.service.lending import Lending, Wanted
from ostler.capabilities.identity.service.lending import session_policy as checked_session_policy
from ostler.capabilities.identity.service.sessions import Sessions
from ostler.capabilities.identity.service.uses import Uses
from ostler.capabilities.identity.store import entities, keys, tags
from ostler.foundation.authentication import Credential
from ostler.foundation.call import Call, Caller
from ostler.foundation.clock import Clock
from ostler.foundation.errors import AccessDeniedException
from ostler.foundation.ids import AccountId, Ids, NodeId
from ostler.foundation.outbound import Outbound
from ostler.foundation.secrets import Secrets
from ostler.foundation.storage import Scope, Storage, Transaction

NODE_SERVICE = "ssm.amazonaws.com"


class Identity:
    """What the rest of the house asks about accounts, keys and roles.

    It is the authentication's port for credentials and for spent signatures, too.
    """

    def __init__(self, storage: Storage, clock: Clock, ids: Ids, secrets: Secrets) -> None:
        self._storage = storage
        self._clock = clock
        self._ids = ids
        self.directory = Directory(storage, clock, ids, secrets, self.forget)
        self._sessions = Sessions(storage, clock, secrets, self.directory.keys)
        ledger = Ledger(storage, self.forget)
        self._lending = Lending(self._sessions, ledger, clock, ids)
        self.explaining = Explaining(ledger)
        self.uses = Uses(storage, clock)
        self._ledger = ledger

    async def first_start(
        self, *, account: str = "", access_key: str = "", secret_key: str = ""
    ) -> KeyPair:
        """See to it that there is an account; the key of its administrator, to be told to people.

        What is not given is made up at the first start and stays as it is. A key pair that is
        given takes the place of the one before, as MinIO does with its root user.
        """
        if access_key:
            check_key_pair(access_key, secret_key)
        given = check_account(account) if account else None
        made_up, own_keys = new_account_id(self._ids), self.directory.keys
        pair = own_keys.new_pair(made_up)

        def begin(tx: Transaction) -> KeyPair:
            tx.after_commit(self.forget)
            there = entities.accounts(tx)
            home = given or (there[0].id if there else made_up)
            if home not in [known.id for known in there]:
                self.directory.accounts.open(tx, home, "")
            kept = keys.first_key(tx, home)
            if not access_key and kept is not None:
                return KeyPair(home, kept.key.access_key, own_keys.opened(kept))
            wanted = (access_key, secret_key) if access_key else (pair.access_key, pair.secret_key)
            chosen = KeyPair(home, *wanted)
            taken = keys.key(tx, chosen.access_key)
            # The administrator may have another name by now.
            owner = ADMINISTRATOR_NAME if kept is None else kept.key.user
            if taken is not None:
                if (taken.key.account, taken.key.user) != (home, owner):
                    raise InvalidInput(f"The access key {access_key} is somebody else's.")
                if taken.first and taken.key.active and own_keys.opened(taken) == secret_key:
                    return chosen
            for old in filter(None, (taken, kept)):
                keys.drop_key(tx, old.key.access_key)
            own_keys.add(tx, chosen, owner, first=True)
            return chosen

        return await self._storage.write(None, begin)

    def federation(self, provider: Provider | None, outbound: Outbound | None) -> Federation:
        """What lends roles to people whom `provider` vouches for."""
        return Federation(
            provider, outbound, self._ledger, self._sessions, self._lending, self._clock
        )

    async def accounts(self) -> Sequence[Account]:
        """Every account, the oldest first."""
        return await self.directory.accounts.list()

    # Who calls

    async def find(self, access_key: str, session_token: str | None) -> Credential | None:
        """The credential of an access key; of a temporary one only with its session token."""
        return await self._sessions.find(access_key, session_token)

    async def spend(self, digest: str, until: datetime) -> bool:
        """Remember, across processes and restarts, what may be used once; False the second time."""
        now = self._clock.now()
        return await self._storage.write(None, lambda tx: keys.spend(tx, digest, until, now))

    async def tags_of(self, account: AccountId, arn: str) -> Mapping[str, str]:
        """The tags of the account's user, role, policy or instance profile of this ARN."""
        return await self._storage.read(None, lambda tx: tags.of(tx, account, arn))

    def forget(self) -> None:
        """Look up anew whatever was remembered for speed."""
        self._sessions.forget()

    # Roles

    async def role_exists(
        self, scope: Scope, name: str, service_principal: str = NODE_SERVICE
    ) -> bool:
        """Whether the account has this role (a name, a path with a name, an ARN) and its trust
        policy lets the service take it."""
        return _is_of(scope.account, name) and await self._lending.is_trusting(
            scope.account, name, service_principal
        )

    async def pass_role(self, call: Call, role_arn: str, service: str = NODE_SERVICE) -> None:
        """Raise AccessDeniedException unless the caller may hand the role on to the service.

        Whether there is such a role is asked apart, with `role_exists`.
        """
        if not _is_of(call.account, role_arn):
            raise AccessDeniedException("Cross-account pass role is not allowed.")
        found = await self._sessions.role(call.account, role_arn)
        arn = (
            role_arn
            if role_arn.startswith("arn:")
            else f"arn:aws:iam::{call.account}:role/{name_in(role_arn)}"
        )
        await call.allow(
            found.entity.arn if found else arn,
            action="iam:PassRole",
            context={"iam:PassedToService": [service]},
        )

    async def provide_role(
        self, scope: Scope, name: str, *, path: str, policy: str, description: str
    ) -> str:
        """The ARN of the account's role of this name; if there is none, a new one that trusts
        Systems Manager and has the policy."""
        role = await self.directory.provide_role(
            scope.account, name, path=path, policy=policy, description=description
        )
        return role.arn

    async def role_caller(
        self, account: AccountId, role: str, session_name: str = "ostler"
    ) -> Caller:
        """Somebody who acts in the role inside the server; NoSuchEntity when there is none."""
        return await self._sessions.role_caller(account, role, session_name)

    async def assume_role(self, call: Call, wanted: Wanted) -> TemporaryCredentials:
        """Lend a role to the caller, if their policies and the role's trust policy agree."""
        return await self._lending.assume(call, wanted)

    async def session_of_user(
        self, call: Call, duration: timedelta = USUAL_USER_SESSION
    ) -> TemporaryCredentials:
        """Keys for a while of the user who calls."""
        return await self._lending.of_user(call, duration)

    async def issue(
        self,
        scope: Scope,
        role: str,
        session_name: str,
        duration: timedelta = USUAL_SESSION,
        session_policy: str | Mapping[str, Any] | None = None,
        node: NodeId | None = None,
    ) -> TemporaryCredentials:
        """Keys of a role for one whom the house itself has let in.

        With `node` they are that node's: good in its region only, for what a node does and for
        itself, whatever the role grants; of a session policy only what it denies counts then.
        The role must trust Systems Manager.
        """
        if node is not None and not await self.role_exists(scope, role):
            raise AccessDeniedException(
                f"The role {role} does not exist or does not trust {NODE_SERVICE}."
            )
        narrowing = session_policy
        if isinstance(narrowing, Mapping):
            narrowing = json.dumps(narrowing)
        return await self._lending.issue(
            scope.account,
            role,
            session_name,
            duration,
            policies=() if narrowing is None else (checked_session_policy(narrowing),),
            node=None if node is None else (node, scope.region),
        )

    def revoke(self, tx: Transaction, account: AccountId, subject: str) -> None:
        """End all sessions that a node (by its id) or a role (by its unique id) has had so far.

        It is part of the transaction that has a reason for it, such as deregistering the node.
        """
        self._sessions.revoke(tx, account, subject)


def _is_of(account: AccountId, role: str) -> bool:
    return not role.startswith("arn:") or account_in(role) == account
