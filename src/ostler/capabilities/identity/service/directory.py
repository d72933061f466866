"""The directory: accounts, the users, groups and roles in them, and what hangs on those."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from ostler.capabilities.identity.errors import (
    DeleteConflict,
    EntityAlreadyExists,
    InvalidInput,
    NoSuchEntity,
)
from ostler.capabilities.identity.model.entities import (
    LONGEST_SESSION,
    USUAL_SESSION,
    AccessKey,
    Account,
    Entity,
    KeyPair,
    Kind,
    check_account,
    check_name,
    check_path,
    new_account_id,
    new_entity_id,
)
from ostler.capabilities.identity.model.shipped import ADMINISTRATOR, MANAGED_INSTANCE_CORE
from ostler.capabilities.identity.service.keys import Keys
from ostler.capabilities.identity.service.ledger import (
    Ledger,
    Witness,
    check_account_exists,
    checked_policy,
    nobody,
    the_entity,
)
from ostler.capabilities.identity.service.policies import Policies, the_policy
from ostler.capabilities.identity.store import entities, keys, policies
from ostler.foundation.clock import Clock
from ostler.foundation.ids import AccountId, Ids
from ostler.foundation.policy import Kind as PolicyKind
from ostler.foundation.secrets import Secrets
from ostler.foundation.storage import Storage, Transaction

TRUST_SIZE = 4_096

ADMINISTRATOR_NAME = "administrator"
NODE_ROLE = "OstlerManagedInstance"
NODE_TRUST = (
    '{"Version": "2012-10-17", "Statement": {"Effect": "Allow", '
    '"Principal": {"Service": "ssm.amazonaws.com"}, "Action": "sts:AssumeRole"}}'
)


@dataclass(frozen=True, slots=True)
class Described:
    """An entity with what hangs on it."""

    entity: Entity
    attached: Sequence[str]
    inline: Sequence[str]
    groups: Sequence[str] = ()
    users: Sequence[str] = ()
    keys: Sequence[AccessKey] = ()


class Directory:
    """Keeps accounts, users, groups and roles; with `policies` and `keys` of theirs.

    Who calls these verbs has been let in already: today it is the administrator at the machine.
    """

    def __init__(
        self,
        storage: Storage,
        clock: Clock,
        ids: Ids,
        secrets: Secrets,
        changed: Callable[[], None] = lambda: None,
        witness: Witness = nobody,
    ) -> None:
        self._ledger = ledger = Ledger(storage, changed, witness)
        self._clock = clock
        self._ids = ids
        self.policies = Policies(ledger, clock, ids)
        self.keys = Keys(ledger, clock, ids, secrets)

    # Accounts

    async def accounts(self) -> Sequence[Account]:
        """Every account, the oldest first."""
        return await self._ledger.read(entities.accounts)

    async def create_account(self, name: str = "", *, account: str = "") -> tuple[Account, KeyPair]:
        """A new account, and the key of its administrator."""
        new = check_account(account) if account else new_account_id(self._ids)
        pair = self.keys.new_pair(new)

        def create(tx: Transaction) -> Account:
            made = self.open_account(tx, new, name)
            self.keys.add(tx, pair, ADMINISTRATOR_NAME)
            return made

        return await self._ledger.write(create), pair

    async def delete_account(self, account: AccountId) -> None:
        """Forget the account's identities; nobody can act in it any more."""

        def delete(tx: Transaction) -> None:
            check_account_exists(tx, account)
            if len(entities.accounts(tx)) == 1:
                raise DeleteConflict("The last account cannot be deleted.")
            entities.drop_account(tx, account)

        await self._ledger.write(delete)

    def open_account(self, tx: Transaction, account: AccountId, name: str) -> Account:
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

    # Users, groups and roles

    async def create(
        self,
        kind: Kind,
        account: AccountId,
        name: str,
        *,
        path: str = "/",
        description: str = "",
        trust: str = "",
        longest_session: timedelta = USUAL_SESSION,
    ) -> Entity:
        """A new user, group or role; a role needs its trust policy."""
        check_name(name)
        check_path(path)
        if kind is Kind.ROLE:
            checked_policy(trust, kind=PolicyKind.TRUST, most=TRUST_SIZE)
            if not USUAL_SESSION <= longest_session <= LONGEST_SESSION:
                raise InvalidInput("A role's longest session lasts from 1 to 12 hours.")
        entity = replace(
            self._new(kind, account, name),
            path=path,
            description=description,
            trust=trust,
            longest_session=longest_session,
        )

        def create(tx: Transaction) -> Entity:
            check_account_exists(tx, account)
            if entities.name_is_taken(tx, account, kind, name):
                raise EntityAlreadyExists(f"{kind.capitalize()} with name {name} already exists.")
            entities.put_entity(tx, entity)
            return entity

        return await self._ledger.write(create)

    async def provide_role(
        self, account: AccountId, name: str, *, path: str, policy: str, description: str = ""
    ) -> Entity:
        """The role of this name; if there is none, a new one for nodes, with the policy."""
        new = replace(
            self._new(Kind.ROLE, account, check_name(name)),
            path=check_path(path),
            trust=NODE_TRUST,
            description=description,
        )

        def provide(tx: Transaction) -> Entity:
            check_account_exists(tx, account)
            known = entities.entity(tx, account, Kind.ROLE, name)
            if known is not None:
                return known
            if entities.name_is_taken(tx, account, Kind.ROLE, name):
                raise EntityAlreadyExists(f"Role with name {name} already exists in another case.")
            entities.put_entity(tx, new)
            policies.attach(tx, new, the_policy(tx, account, policy).arn)
            return new

        return await self._ledger.write(provide)

    async def list(self, kind: Kind, account: AccountId) -> Sequence[Entity]:
        """All of a kind, by name."""
        return await self._ledger.read(lambda tx: entities.entities(tx, account, kind))

    async def describe(self, kind: Kind, account: AccountId, name: str) -> Described:
        """An entity and what hangs on it."""
        return await self._ledger.read(
            lambda tx: _described(tx, the_entity(tx, kind, account, name))
        )

    async def change(
        self,
        kind: Kind,
        account: AccountId,
        name: str,
        *,
        trust: str | None = None,
        boundary: str | None = None,
    ) -> Entity:
        """Give a role another trust policy, or bound an entity; an empty boundary is none."""
        if trust is not None:
            checked_policy(trust, kind=PolicyKind.TRUST, most=TRUST_SIZE)

        def change(tx: Transaction) -> Entity:
            entity = the_entity(tx, kind, account, name)
            if trust is not None:
                entity = replace(entity, trust=trust)
            if boundary is not None:
                bounding = the_policy(tx, account, boundary).arn if boundary else None
                entity = replace(entity, boundary=bounding)
            entities.put_entity(tx, entity)
            return entity

        return await self._ledger.write(change)

    async def delete(
        self, kind: Kind, account: AccountId, name: str, *, whole: bool = False
    ) -> None:
        """Delete an entity; with `whole` also while policies, keys or members hang on it."""

        def delete(tx: Transaction) -> None:
            found = _described(tx, the_entity(tx, kind, account, name))
            hanging = {
                "policies": [*found.attached, *found.inline],
                "access keys": found.keys,
                "groups": found.groups,
                "users": found.users,
            }
            left = [word for word, things in hanging.items() if things]
            if left and not whole:
                raise DeleteConflict(f"The {kind} {name} still has {' and '.join(left)}.")
            entities.drop_entity(tx, found.entity)

        await self._ledger.write(delete)

    async def join(self, account: AccountId, user: str, group: str) -> None:
        """Put a user into a group."""

        def join(tx: Transaction) -> None:
            the_entity(tx, Kind.USER, account, user)
            the_entity(tx, Kind.GROUP, account, group)
            entities.join(tx, account, user, group)

        await self._ledger.write(join)

    async def leave(self, account: AccountId, user: str, group: str) -> None:
        """Take a user out of a group."""

        def leave(tx: Transaction) -> None:
            if not entities.leave(tx, account, user, group):
                raise NoSuchEntity(f"The user {user} is not in the group {group}.")

        await self._ledger.write(leave)

    def _new(self, kind: Kind, account: AccountId, name: str) -> Entity:
        return Entity(kind, account, name, new_entity_id(kind, self._ids), self._clock.now())


def _described(tx: Transaction, entity: Entity) -> Described:
    account, name, kind = entity.account, entity.name, entity.kind
    own_keys = keys.keys_of(tx, account, name) if kind is Kind.USER else []
    return Described(
        entity,
        policies.attached(tx, entity),
        list(policies.inline(tx, entity)),
        entities.groups_of(tx, account, name) if kind is Kind.USER else (),
        entities.users_in(tx, account, name) if kind is Kind.GROUP else (),
        [kept.key for kept in own_keys],
    )
