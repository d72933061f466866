"""The directory: users, groups and roles, and what hangs on them."""

from collections.abc import Callable, Mapping, Sequence
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
    Entity,
    Kind,
    check_name,
    check_path,
    check_tags,
    entity_arn,
    new_entity_id,
)
from ostler.capabilities.identity.service.accounts import NODE_TRUST, Accounts
from ostler.capabilities.identity.service.keys import Keys
from ostler.capabilities.identity.service.ledger import (
    Ledger,
    check_account_exists,
    checked_policy,
    tags_asked,
    the_entity,
)
from ostler.capabilities.identity.service.policies import Policies, the_policy
from ostler.capabilities.identity.service.profiles import Profiles
from ostler.capabilities.identity.store import entities, keys, policies, profiles
from ostler.foundation.call import Call
from ostler.foundation.clock import Clock
from ostler.foundation.ids import AccountId, Ids
from ostler.foundation.paging import Page, PageRequest
from ostler.foundation.policy import Kind as PolicyKind
from ostler.foundation.secrets import Secrets
from ostler.foundation.storage import Storage, Transaction

TRUST_SIZE = 4_096
ALL = PageRequest(1_000_000)
"""A page with everything that there is."""

# What has to go before something can be deleted, in AWS's words.
_BEFORE_DELETING = {
    "policies": "must delete policies first",
    "attached": "must detach all policies first",
    "keys": "must delete access keys first",
    "groups": "must remove user from all groups first",
    "users": "must remove users from group first",
    "profiles": "must remove roles from instance profile first",
}


@dataclass(frozen=True, slots=True)
class Described:
    """An entity with what hangs on it."""

    entity: Entity
    attached: Sequence[str]
    inline: Sequence[str]
    groups: Sequence[str] = ()
    users: Sequence[str] = ()
    keys: Sequence[AccessKey] = ()
    profiles: Sequence[str] = ()


class Directory:
    """Keeps users, groups and roles; with `policies`, `keys` and `profiles` of theirs.

    Every verb asks whether its caller may do what the call is for.
    """

    def __init__(
        self,
        storage: Storage,
        clock: Clock,
        ids: Ids,
        secrets: Secrets,
        changed: Callable[[], None] = lambda: None,
    ) -> None:
        self._ledger = ledger = Ledger(storage, changed)
        self._clock = clock
        self._ids = ids
        self.policies = Policies(ledger, clock, ids)
        self.keys = Keys(ledger, clock, ids, secrets)
        self.profiles = Profiles(ledger, clock, ids)
        self.accounts = Accounts(ledger, clock, ids, self.keys)

    async def create(
        self,
        call: Call,
        kind: Kind,
        name: str,
        *,
        path: str = "/",
        description: str = "",
        trust: str = "",
        longest_session: timedelta = USUAL_SESSION,
        boundary: str = "",
        tags: Mapping[str, str] | None = None,
    ) -> Entity:
        """A new user, group or role; a role needs its trust policy."""
        arn = entity_arn(kind, call.account, check_path(path), check_name(name))
        await call.allow(arn, context={**tags_asked(tags or {}), **_bounding(boundary)})
        if kind is Kind.ROLE:
            checked_policy(trust, kind=PolicyKind.TRUST, most=TRUST_SIZE)
            _check_longest(longest_session)
        entity = replace(
            self._new(kind, call.account, name),
            path=path,
            description=description,
            trust=trust,
            longest_session=longest_session,
            tags=check_tags(tags or {}),
        )

        def create(tx: Transaction) -> Entity:
            check_account_exists(tx, call.account)
            _check_free(tx, call.account, kind, name)
            bound = replace(entity, boundary=_boundary(tx, call.account, boundary))
            entities.put_entity(tx, bound)
            return bound

        return await self._ledger.write(call.scope, create)

    async def provide_role(
        self, account: AccountId, name: str, *, path: str, policy: str, description: str = ""
    ) -> Entity:
        """The role of this name; if there is none, a new one for nodes, with the policy.

        The house does it for itself; who may have it done was asked before.
        """
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

        return await self._ledger.write(None, provide)

    async def get(self, call: Call, kind: Kind, name: str) -> Entity:
        """One user, group or role."""
        return await self._ledger.entity(call, kind, name)

    async def list(
        self, call: Call, kind: Kind, *, prefix: str = "/", page: PageRequest = ALL
    ) -> Page[Entity]:
        """All of a kind whose path begins with `prefix`, by name."""
        await call.allow(entity_arn(kind, call.account, prefix, ""))
        after = None if page.after is None else str(page.after[0])
        found = await self._ledger.read(
            lambda tx: entities.entities(
                tx, call.account, kind, prefix=prefix, after=after, limit=page.limit + 1
            )
        )
        return Page.cut(found, page.limit, lambda entity: (entity.name.lower(),))

    async def count(self, call: Call) -> Mapping[str, int]:
        """How many there are of each kind of thing, by the plurals of their names."""
        await call.allow("*")

        def count(tx: Transaction) -> dict[str, int]:
            kinds = entities.counts(tx, call.account)
            return {
                **{f"{kind}s": number for kind, number in kinds.items()},
                "profiles": profiles.count(tx, call.account),
                "policies": len(policies.every(tx, call.account)),
            }

        return await self._ledger.read(count)

    async def describe(self, call: Call, kind: Kind, name: str) -> Described:
        """An entity and what hangs on it."""
        entity = await self._ledger.entity(call, kind, name)
        return await self._ledger.read(lambda tx: _described(tx, entity))

    async def members(self, call: Call, group: str) -> tuple[Entity, Sequence[Entity]]:
        """A group and the users in it, by name."""
        found = await self._ledger.entity(call, Kind.GROUP, group)
        return found, await self._ledger.read(lambda tx: entities.members_of(tx, found))

    async def groups_of(self, call: Call, user: str) -> Sequence[Entity]:
        """The groups that a user is in, by name."""
        found = await self._ledger.entity(call, Kind.USER, user)
        return await self._ledger.read(lambda tx: entities.members_of(tx, found))

    async def change(
        self,
        call: Call,
        kind: Kind,
        name: str,
        *,
        trust: str | None = None,
        boundary: str | None = None,
        description: str | None = None,
        longest_session: timedelta | None = None,
    ) -> Entity:
        """Change what is given; an empty boundary is none."""
        await self._ledger.entity(call, kind, name, _bounding(boundary or ""))
        if trust is not None:
            checked_policy(trust, kind=PolicyKind.TRUST, most=TRUST_SIZE)
        if longest_session is not None:
            _check_longest(longest_session)

        def change(tx: Transaction) -> Entity:
            entity = the_entity(tx, kind, call.account, name)
            if trust is not None:
                entity = replace(entity, trust=trust)
            if boundary is not None:
                entity = replace(entity, boundary=_boundary(tx, call.account, boundary))
            if description is not None:
                entity = replace(entity, description=description)
            if longest_session is not None:
                entity = replace(entity, longest_session=longest_session)
            entities.put_entity(tx, entity)
            return entity

        return await self._ledger.write(call.scope, change)

    async def move(
        self, call: Call, kind: Kind, name: str, *, new_name: str = "", new_path: str = ""
    ) -> Entity:
        """Give a user or a group another name or path; what hangs on it stays."""
        entity = await self._ledger.entity(call, kind, name)
        moved = replace(
            entity, name=check_name(new_name or name), path=check_path(new_path or entity.path)
        )
        await call.allow(moved.arn)

        def move(tx: Transaction) -> Entity:
            there = the_entity(tx, kind, call.account, name)
            if moved.name.lower() != name.lower():
                _check_free(tx, call.account, kind, moved.name)
            if moved.name != name:
                entities.rename(tx, there, moved.name)
            result = replace(there, name=moved.name, path=moved.path)
            entities.put_entity(tx, result)
            return result

        return await self._ledger.write(call.scope, move)

    async def tag(self, call: Call, kind: Kind, name: str, tags: Mapping[str, str]) -> None:
        """Give a user or a role tags, or other values to those it has."""
        await self._ledger.entity(call, kind, name, tags_asked(tags))

        def tag(tx: Transaction) -> None:
            entity = the_entity(tx, kind, call.account, name)
            entities.put_entity(tx, replace(entity, tags=check_tags({**entity.tags, **tags})))

        await self._ledger.write(call.scope, tag)

    async def untag(self, call: Call, kind: Kind, name: str, keys: Sequence[str]) -> None:
        """Take tags from a user or a role; what it does not have is no fault."""
        await self._ledger.entity(call, kind, name, {"aws:TagKeys": list(keys)})

        def untag(tx: Transaction) -> None:
            entity = the_entity(tx, kind, call.account, name)
            left = {key: value for key, value in entity.tags.items() if key not in keys}
            entities.put_entity(tx, replace(entity, tags=left))

        await self._ledger.write(call.scope, untag)

    async def delete(self, call: Call, kind: Kind, name: str, *, whole: bool = False) -> None:
        """Delete an entity; with `whole` also while policies, keys or members hang on it."""
        await self._ledger.entity(call, kind, name)

        def delete(tx: Transaction) -> None:
            found = _described(tx, the_entity(tx, kind, call.account, name))
            left = {
                "attached": found.attached,
                "policies": found.inline,
                "keys": found.keys,
                "groups": found.groups,
                "users": found.users,
                "profiles": found.profiles,
            }
            first = next((word for word, things in left.items() if things), None)
            if first is not None and not whole:
                raise DeleteConflict(f"Cannot delete entity, {_BEFORE_DELETING[first]}.")
            entities.drop_entity(tx, found.entity)

        await self._ledger.write(call.scope, delete)

    async def check_password(self, call: Call, user: str) -> None:
        """Nobody has a password here, which is what NoSuchEntity says."""
        await self._ledger.entity(call, Kind.USER, user)
        raise NoSuchEntity(f"Login Profile for User {user} cannot be found.")

    async def join(self, call: Call, user: str, group: str) -> None:
        """Put a user into a group."""
        await self._ledger.entity(call, Kind.GROUP, group)

        def join(tx: Transaction) -> None:
            the_entity(tx, Kind.USER, call.account, user)
            the_entity(tx, Kind.GROUP, call.account, group)
            entities.join(tx, call.account, user, group)

        await self._ledger.write(call.scope, join)

    async def leave(self, call: Call, user: str, group: str) -> None:
        """Take a user out of a group."""
        await self._ledger.entity(call, Kind.GROUP, group)

        def leave(tx: Transaction) -> None:
            if not entities.leave(tx, call.account, user, group):
                raise NoSuchEntity(f"The user {user} is not in the group {group}.")

        await self._ledger.write(call.scope, leave)

    def _new(self, kind: Kind, account: AccountId, name: str) -> Entity:
        return Entity(kind, account, name, new_entity_id(kind, self._ids), self._clock.now())


def _described(tx: Transaction, entity: Entity) -> Described:
    account, name, kind = entity.account, entity.name, entity.kind
    own_keys = keys.keys_of(tx, account, name) if kind is Kind.USER else []
    in_profiles = profiles.profiles(tx, account, role=name) if kind is Kind.ROLE else []
    return Described(
        entity,
        policies.attached(tx, entity),
        list(policies.inline(tx, entity)),
        entities.groups_of(tx, account, name) if kind is Kind.USER else (),
        entities.users_in(tx, account, name) if kind is Kind.GROUP else (),
        [kept.key for kept in own_keys],
        [profile.name for profile in in_profiles],
    )


def _check_free(tx: Transaction, account: AccountId, kind: Kind, name: str) -> None:
    if entities.name_is_taken(tx, account, kind, name):
        raise EntityAlreadyExists(f"{kind.capitalize()} with name {name} already exists.")


def _check_longest(session: timedelta) -> None:
    if not USUAL_SESSION <= session <= LONGEST_SESSION:
        raise InvalidInput("A role's longest session lasts from 1 to 12 hours.")


def _boundary(tx: Transaction, account: AccountId, policy: str) -> str | None:
    return the_policy(tx, account, policy).arn if policy else None


def _bounding(boundary: str) -> Mapping[str, Sequence[str]]:
    return {"iam:PermissionsBoundary": [boundary]} if boundary else {}
