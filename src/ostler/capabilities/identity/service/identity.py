"""Identity: who calls, what they may do, and the roles that are lent to them."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from ostler.capabilities.identity.errors import InvalidInput
from ostler.capabilities.identity.model.entities import (
    USUAL_SESSION,
    Account,
    KeyPair,
    account_in,
    check_account,
    check_key_pair,
    name_in,
    new_account_id,
)
from ostler.capabilities.identity.model.sessions import TemporaryCredentials
from ostler.capabilities.identity.service.directory import ADMINISTRATOR_NAME, Directory
from ostler.capabilities.identity.service.sessions import Sessions
from ostler.capabilities.identity.store import entities, keys
from ostler.foundation.authentication import Credential
from ostler.foundation.call import Call, Caller
from ostler.foundation.clock import Clock
from ostler.foundation.errors import AccessDeniedException
from ostler.foundation.ids import AccountId, Ids, NodeId
from ostler.foundation.secrets import Secrets
from ostler.foundation.storage import Scope, Storage, Transaction

NODE_SERVICE = "ssm.amazonaws.com"


@dataclass(frozen=True, slots=True)
class Beginning:
    """What whoever runs the server wants the first account and its key to be; empty: made up."""

    account: str = ""
    access_key: str = ""
    secret_key: str = field(default="", repr=False)


class Identity:
    """What the rest of the house asks about accounts, keys and roles.

    It is the authentication's port for credentials and for spent signatures, too.
    """

    def __init__(
        self,
        storage: Storage,
        clock: Clock,
        ids: Ids,
        secrets: Secrets,
        beginning: Beginning | None = None,
    ) -> None:
        self._storage = storage
        self._clock = clock
        self._ids = ids
        self._beginning = beginning or Beginning()
        self._administrator: KeyPair | None = None
        self.directory = Directory(storage, clock, ids, secrets, self.forget)
        self._sessions = Sessions(storage, clock, ids, secrets, self.directory.keys)

    # The beginning

    async def start(self) -> None:
        """See to it that there is an account, and an administrator's key that can be told."""
        wanted, own_keys = self._beginning, self.directory.keys
        if wanted.access_key:
            check_key_pair(wanted.access_key, wanted.secret_key)
        given = check_account(wanted.account) if wanted.account else None
        made_up = new_account_id(self._ids)
        pair = own_keys.new_pair(made_up)

        def begin(tx: Transaction) -> KeyPair:
            tx.after_commit(self.forget)
            there = entities.accounts(tx)
            account = given or (there[0].id if there else made_up)
            if account not in [known.id for known in there]:
                self.directory.open_account(tx, account, "")
            kept = keys.first_key(tx, account)
            if not wanted.access_key:
                if kept is not None:
                    return KeyPair(account, kept.key.access_key, own_keys.opened(kept))
                fresh = KeyPair(account, pair.access_key, pair.secret_key)
                own_keys.add(tx, fresh, ADMINISTRATOR_NAME, first=True)
                return fresh
            chosen = KeyPair(account, wanted.access_key, wanted.secret_key)
            taken = keys.key(tx, chosen.access_key)
            if taken is not None and (
                (taken.key.account, taken.key.user) != (account, ADMINISTRATOR_NAME)
            ):
                raise InvalidInput(f"The access key {chosen.access_key} is somebody else's.")
            if taken is not None and taken.first and own_keys.opened(taken) == chosen.secret_key:
                return chosen
            for old in (taken, kept):
                if old is not None:
                    keys.drop_key(tx, old.key.access_key)
            own_keys.add(tx, chosen, ADMINISTRATOR_NAME, first=True)
            return chosen

        self._administrator = await self._storage.write(None, begin)

    @property
    def administrator(self) -> KeyPair:
        """The key of the first account's administrator; known once the server has started."""
        assert self._administrator is not None, "identity has not started"
        return self._administrator

    async def accounts(self) -> Sequence[Account]:
        """Every account, the oldest first."""
        return await self.directory.accounts()

    # Who calls

    async def find(self, access_key: str, session_token: str | None) -> Credential | None:
        """The credential of an access key; of a temporary one only with its session token."""
        return await self._sessions.find(access_key, session_token)

    async def spend(self, digest: str, until: datetime) -> bool:
        """Remember, across processes and restarts, what may be used once; False the second time."""
        now = self._clock.now()
        return await self._storage.write(None, lambda tx: keys.spend(tx, digest, until, now))

    def forget(self) -> None:
        """Look up anew whatever was remembered for speed."""
        self._sessions.forget()

    # Roles

    async def role_exists(
        self, scope: Scope, role: str, service_principal: str = NODE_SERVICE
    ) -> bool:
        """Whether the account has this role (a name, a path with a name, an ARN) and its trust
        policy lets the service take it."""
        return _is_of(scope.account, role) and await self._sessions.is_trusting(
            scope.account, role, service_principal
        )

    async def pass_role(self, call: Call, role: str, service: str = NODE_SERVICE) -> str:
        """Whether the caller may hand the role on to a service; the role's name.

        Whether there is such a role is asked apart, with `role_exists`.
        """
        if not _is_of(call.account, role):
            raise AccessDeniedException("Cross-account pass role is not allowed.")
        found = await self._sessions.role(call.account, role)
        name = name_in(role)
        arn = found.entity.arn if found else f"arn:aws:iam::{call.account}:role/{name}"
        await call.allow(
            arn,
            action="iam:PassRole",
            context={"iam:PassedToService": [service]},
        )
        return name

    async def role_caller(
        self, account: AccountId, role: str, session_name: str = "ostler"
    ) -> Caller:
        """Somebody who acts in the role inside the server; NoSuchEntity when there is none."""
        return await self._sessions.role_caller(account, role, session_name)

    async def assume_role(
        self,
        call: Call,
        role_arn: str,
        session_name: str,
        *,
        duration: timedelta = USUAL_SESSION,
        session_policy: str | None = None,
        external_id: str | None = None,
    ) -> TemporaryCredentials:
        """Lend a role to the caller, if their policies and the role's trust policy agree."""
        return await self._sessions.assume(
            call,
            role_arn,
            session_name,
            duration=duration,
            session_policy=session_policy,
            external_id=external_id,
        )

    async def issue(
        self,
        scope: Scope,
        role: str,
        session_name: str,
        duration: timedelta = USUAL_SESSION,
        *,
        session_policy: str | None = None,
        node: NodeId | None = None,
    ) -> TemporaryCredentials:
        """Keys of a role for one whom the house itself has let in.

        With `node` they are that node's: good in its region only, for what a node does and for
        itself, whatever the role grants. The role must trust Systems Manager then.
        """
        if node is not None and not await self.role_exists(scope, role):
            raise AccessDeniedException(
                f"The role {role} does not exist or does not trust {NODE_SERVICE}."
            )
        return await self._sessions.issue(
            scope.account,
            role,
            session_name,
            duration,
            session_policy=session_policy,
            node=None if node is None else (node, scope.region),
        )

    def revoke(self, tx: Transaction, account: AccountId, subject: str) -> None:
        """End all sessions that a node (by its id) or a role (by its unique id) has had so far.

        It is part of the transaction that has a reason for it, such as deregistering the node.
        """
        self._sessions.revoke(tx, account, subject)


def _is_of(account: AccountId, role: str) -> bool:
    return not role.startswith("arn:") or account_in(role) == account
