"""Instance profiles: what carries a role to a machine."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from ostler.capabilities.identity.errors import (
    DeleteConflict,
    EntityAlreadyExists,
    LimitExceeded,
    NoSuchEntity,
)
from ostler.capabilities.identity.model.entities import (
    Entity,
    InstanceProfile,
    Kind,
    check_path,
    check_policy_name,
    check_tags,
    entity_arn,
    new_profile_id,
    profile_arn,
)
from ostler.capabilities.identity.service.ledger import (
    Conditions,
    Ledger,
    check_account_exists,
    tags_asked,
    the_entity,
)
from ostler.capabilities.identity.store import entities, profiles
from ostler.foundation.call import Call
from ostler.foundation.clock import Clock
from ostler.foundation.ids import AccountId, Ids
from ostler.foundation.paging import Page, PageRequest
from ostler.foundation.storage import Transaction

MACHINES = "ec2.amazonaws.com"
"""The service to which a role in a profile is passed."""

WithRole = tuple[InstanceProfile, Entity | None]


class Profiles:
    """The instance profiles of accounts; every verb asks whether its caller may."""

    def __init__(self, ledger: Ledger, clock: Clock, ids: Ids) -> None:
        self._ledger = ledger
        self._clock = clock
        self._ids = ids

    async def create(
        self, call: Call, name: str, *, path: str = "/", tags: Mapping[str, str] | None = None
    ) -> InstanceProfile:
        """A new profile, without a role yet."""
        arn = profile_arn(call.account, check_path(path), check_policy_name(name))
        await call.allow(arn, context=tags_asked(tags or {}))
        made = InstanceProfile(
            call.account,
            name,
            new_profile_id(self._ids),
            self._clock.now(),
            path,
            tags=check_tags(tags or {}),
        )

        def create(tx: Transaction) -> InstanceProfile:
            check_account_exists(tx, call.account)
            if profiles.name_is_taken(tx, call.account, name):
                raise EntityAlreadyExists(f"Instance Profile {name} already exists.")
            profiles.put(tx, made)
            return made

        return await self._ledger.write(call.scope, create)

    async def get(self, call: Call, name: str) -> WithRole:
        """A profile with its role."""
        profile = await self._profile(call, name)
        return await self._ledger.read(lambda tx: _with_role(tx, profile))

    async def list(self, call: Call, prefix: str, page: PageRequest) -> Page[WithRole]:
        """The profiles whose path begins with `prefix`, by name."""
        await call.allow(profile_arn(call.account, prefix, ""))
        return await self._page(call.account, page, prefix=prefix)

    async def list_of_role(self, call: Call, role: str, page: PageRequest) -> Page[WithRole]:
        """The profiles that carry a role, by name."""
        await self._ledger.entity(call, Kind.ROLE, role)
        return await self._page(call.account, page, role=role)

    async def add_role(self, call: Call, name: str, role: str) -> None:
        """Put a role into a profile, which carries one at most."""
        await self._profile(call, name)
        there = await self._ledger.read(
            lambda tx: entities.entity(tx, call.account, Kind.ROLE, role)
        )
        await call.allow(
            there.arn if there else entity_arn(Kind.ROLE, call.account, "/", role),
            action="iam:PassRole",
            context={"iam:PassedToService": [MACHINES]},
        )

        def add(tx: Transaction) -> None:
            profile = _the_profile(tx, call.account, name)
            the_entity(tx, Kind.ROLE, call.account, role)
            if profile.role is not None:
                raise LimitExceeded("Cannot exceed quota for InstanceSessionsPerInstanceProfile: 1")
            profiles.put(tx, replace(profile, role=role))

        await self._ledger.write(call.scope, add)

    async def remove_role(self, call: Call, name: str, role: str) -> None:
        """Take its role out of a profile."""
        await self._profile(call, name)

        def remove(tx: Transaction) -> None:
            profile = _the_profile(tx, call.account, name)
            if profile.role != role:
                raise NoSuchEntity(f"Role {role} is not in the instance profile {name}.")
            profiles.put(tx, replace(profile, role=None))

        await self._ledger.write(call.scope, remove)

    async def tag(self, call: Call, name: str, tags: Mapping[str, str]) -> None:
        """Give a profile tags, or other values to those it has."""
        await self._profile(call, name, tags_asked(tags))

        def tag(tx: Transaction) -> None:
            profile = _the_profile(tx, call.account, name)
            profiles.put(tx, replace(profile, tags=check_tags({**profile.tags, **tags})))

        await self._ledger.write(call.scope, tag)

    async def untag(self, call: Call, name: str, keys: Sequence[str]) -> None:
        """Take tags from a profile."""
        await self._profile(call, name, {"aws:TagKeys": list(keys)})

        def untag(tx: Transaction) -> None:
            profile = _the_profile(tx, call.account, name)
            left = {key: value for key, value in profile.tags.items() if key not in keys}
            profiles.put(tx, replace(profile, tags=left))

        await self._ledger.write(call.scope, untag)

    async def delete(self, call: Call, name: str) -> None:
        """Delete a profile that carries no role."""
        await self._profile(call, name)

        def delete(tx: Transaction) -> None:
            profile = _the_profile(tx, call.account, name)
            if profile.role is not None:
                raise DeleteConflict(
                    "Cannot delete entity, must remove roles from instance profile first."
                )
            profiles.drop(tx, profile)

        await self._ledger.write(call.scope, delete)

    async def _profile(
        self, call: Call, name: str, conditions: Conditions | None = None
    ) -> InstanceProfile:
        """The profile, if the caller may do to it what the call is for."""
        found = await self._ledger.read(lambda tx: profiles.profile(tx, call.account, name))
        arn = found.arn if found else profile_arn(call.account, "/", name)
        await call.allow(arn, context=conditions)
        if found is None:
            raise _missing(name)
        return found

    async def _page(
        self, account: AccountId, page: PageRequest, *, prefix: str = "/", role: str | None = None
    ) -> Page[WithRole]:
        after = None if page.after is None else str(page.after[0])

        def find(tx: Transaction) -> list[WithRole]:
            found = profiles.profiles(
                tx, account, prefix=prefix, role=role, after=after, limit=page.limit + 1
            )
            return [_with_role(tx, profile) for profile in found]

        found = await self._ledger.read(find)
        return Page.cut(found, page.limit, lambda each: (each[0].name.lower(),))


def _with_role(tx: Transaction, profile: InstanceProfile) -> WithRole:
    if profile.role is None:
        return profile, None
    return profile, entities.entity(tx, profile.account, Kind.ROLE, profile.role)


def _the_profile(tx: Transaction, account: AccountId, name: str) -> InstanceProfile:
    found = profiles.profile(tx, account, name)
    if found is None:
        raise _missing(name)
    return found


def _missing(name: str) -> NoSuchEntity:
    return NoSuchEntity(f"Instance Profile {name} cannot be found.")
