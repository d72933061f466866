"""Policies: managed and inline, and whom they are attached to."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum

from ostler.capabilities.identity.errors import (
    DeleteConflict,
    EntityAlreadyExists,
    InvalidInput,
    LimitExceeded,
    NoSuchEntity,
)
from ostler.capabilities.identity.model.entities import (
    MOST_VERSIONS,
    Entity,
    Kind,
    ManagedPolicy,
    PolicyVersion,
    check_path,
    check_policy_name,
    check_tags,
    new_policy_id,
    policy_arn,
)
from ostler.capabilities.identity.model.shipped import SHIPPED
from ostler.capabilities.identity.service.ledger import (
    Ledger,
    check_account_exists,
    checked_policy,
    tags_asked,
    the_entity,
)
from ostler.capabilities.identity.store import policies
from ostler.foundation.call import Call
from ostler.foundation.clock import Clock
from ostler.foundation.ids import AccountId, Ids
from ostler.foundation.storage import Transaction

MANAGED_SIZE = 6_144
INLINE_SIZE = 10_240


class Shelf(Enum):
    """Where managed policies come from."""

    OWN = "Local"
    SHIPPED = "AWS"
    EVERY = "All"


@dataclass(frozen=True, slots=True)
class Used:
    """A managed policy, to how many it is attached, and how many it bounds."""

    policy: ManagedPolicy
    attachments: int
    boundaries: int


class Policies:
    """The policies of accounts. One is named by its ARN, or by its name alone.

    Every verb asks whether its caller may do what the call is for.
    """

    def __init__(self, ledger: Ledger, clock: Clock, ids: Ids) -> None:
        self._ledger = ledger
        self._clock = clock
        self._ids = ids

    async def create(
        self,
        call: Call,
        name: str,
        document: str,
        *,
        path: str = "/",
        description: str = "",
        tags: Mapping[str, str] | None = None,
    ) -> ManagedPolicy:
        """A new managed policy."""
        check_policy_name(name)
        arn = policy_arn(call.account, check_path(path), name)
        await call.allow(arn, context=tags_asked(tags or {}))
        checked_policy(document, most=MANAGED_SIZE)
        now = self._clock.now()
        policy = ManagedPolicy(
            call.account,
            name,
            document,
            now,
            new_policy_id(self._ids),
            path,
            description,
            check_tags(tags or {}),
            updated=now,
        )

        def create(tx: Transaction) -> ManagedPolicy:
            check_account_exists(tx, call.account)
            if policies.name_is_taken(tx, call.account, name):
                raise EntityAlreadyExists(
                    f"A policy called {name} already exists. Duplicate names are not allowed."
                )
            policies.put(tx, policy)
            policies.put_version(tx, policy, PolicyVersion(1, document, now))
            return policy

        return await self._ledger.write(call.scope, create)

    async def get(self, call: Call, name: str) -> Used:
        """One of the account's policies or a shipped one."""
        policy = await self._policy(call, name)
        [used] = await self._with_uses(call, [policy])
        return used

    async def list(
        self,
        call: Call,
        shelf: Shelf = Shelf.EVERY,
        *,
        prefix: str = "/",
        used_only: bool = False,
        bounding: bool | None = None,
    ) -> Sequence[Used]:
        """The account's own policies, then those that are shipped.

        `bounding` keeps those that bound somebody, or that are attached, if `used_only`.
        """
        await call.allow(policy_arn(call.account, prefix, ""))
        own: Sequence[ManagedPolicy] = []
        if shelf is not Shelf.SHIPPED:
            own = await self._ledger.read(lambda tx: policies.every(tx, call.account))
        shipped = [] if shelf is Shelf.OWN else list(SHIPPED.values())
        wanted = [each for each in [*own, *shipped] if each.path.startswith(prefix)]
        found = await self._with_uses(call, wanted)
        if not used_only:
            return found
        return [
            each
            for each in found
            if (each.boundaries if bounding else each.attachments)
            or (bounding is None and each.boundaries)
        ]

    async def tag(self, call: Call, name: str, tags: Mapping[str, str]) -> None:
        """Give one of the account's policies tags, or other values to those it has."""
        await self._policy(call, name, tags_asked(tags))

        def tag(tx: Transaction) -> None:
            policy = _own(tx, call.account, name)
            policies.put(tx, replace(policy, tags=check_tags({**policy.tags, **tags})))

        await self._ledger.write(call.scope, tag)

    async def untag(self, call: Call, name: str, keys: Sequence[str]) -> None:
        """Take tags from one of the account's policies."""
        await self._policy(call, name, {"aws:TagKeys": list(keys)})

        def untag(tx: Transaction) -> None:
            policy = _own(tx, call.account, name)
            left = {key: value for key, value in policy.tags.items() if key not in keys}
            policies.put(tx, replace(policy, tags=left))

        await self._ledger.write(call.scope, untag)

    async def delete(self, call: Call, name: str, *, whole: bool = False) -> None:
        """Delete one of the account's policies that is in no use; with `whole` all versions."""
        await self._policy(call, name)

        def delete(tx: Transaction) -> None:
            policy = _own(tx, call.account, name)
            if policies.holders(tx, call.account, policy.arn) or policies.bounded(
                tx, call.account, policy.arn
            ):
                raise DeleteConflict("Cannot delete a policy attached to entities.")
            if len(policies.versions(tx, policy)) > 1 and not whole:
                raise DeleteConflict(
                    "This policy has more than one version. Before you delete a policy, you must "
                    "delete the policy's versions. The default version is deleted with the policy."
                )
            policies.drop(tx, policy)

        await self._ledger.write(call.scope, delete)

    # Versions

    async def versions(
        self, call: Call, name: str
    ) -> tuple[ManagedPolicy, Sequence[PolicyVersion]]:
        """A policy and its versions, the newest first."""
        policy = await self._policy(call, name)
        if policy.account is None:
            return policy, [PolicyVersion(1, policy.document, policy.created)]
        return policy, await self._ledger.read(lambda tx: policies.versions(tx, policy))

    async def version(
        self, call: Call, name: str, number: int
    ) -> tuple[ManagedPolicy, PolicyVersion]:
        """One version of a policy."""
        policy, versions = await self.versions(call, name)
        return policy, _version(policy, versions, number)

    async def change(
        self,
        call: Call,
        name: str,
        document: str,
        *,
        default: bool = True,
        dropping: bool = False,
    ) -> tuple[ManagedPolicy, PolicyVersion]:
        """A new version of one of the account's policies, which counts from now on if it is the
        default. There may be five; with `dropping` the oldest makes room."""
        await self._policy(call, name)
        checked_policy(document, most=MANAGED_SIZE)
        now = self._clock.now()

        def change(tx: Transaction) -> tuple[ManagedPolicy, PolicyVersion]:
            policy = _own(tx, call.account, name)
            there = policies.versions(tx, policy)
            if len(there) >= MOST_VERSIONS:
                if not dropping:
                    raise LimitExceeded(
                        f"A managed policy can have up to {MOST_VERSIONS} versions. Before you "
                        "create a new version, you must delete an existing version."
                    )
                oldest = [each for each in there if each.number != policy.default][-1]
                policies.drop_version(tx, policy, oldest.number)
            made = PolicyVersion(policy.newest + 1, document, now)
            policies.put_version(tx, policy, made)
            policy = replace(policy, newest=made.number, updated=now)
            if default:
                policy = replace(policy, default=made.number, document=document)
            policies.put(tx, policy)
            return policy, made

        return await self._ledger.write(call.scope, change)

    async def set_default(self, call: Call, name: str, number: int) -> None:
        """Let another version count."""
        await self._policy(call, name)
        now = self._clock.now()

        def set_default(tx: Transaction) -> None:
            policy = _own(tx, call.account, name)
            chosen = _version(policy, policies.versions(tx, policy), number)
            policies.put(tx, replace(policy, default=number, document=chosen.document, updated=now))

        await self._ledger.write(call.scope, set_default)

    async def delete_version(self, call: Call, name: str, number: int) -> None:
        """Forget a version that is not the default."""
        await self._policy(call, name)

        def delete(tx: Transaction) -> None:
            policy = _own(tx, call.account, name)
            _version(policy, policies.versions(tx, policy), number)
            if number == policy.default:
                raise DeleteConflict("Cannot delete the default version of a policy.")
            policies.drop_version(tx, policy, number)

        await self._ledger.write(call.scope, delete)

    # Attached

    async def attach(self, call: Call, kind: Kind, name: str, policy: str) -> str:
        """Attach a managed policy; its ARN."""
        await self._ledger.entity(call, kind, name, {"iam:PolicyARN": [policy]})

        def attach(tx: Transaction) -> str:
            entity = the_entity(tx, kind, call.account, name)
            found = the_policy(tx, call.account, policy)
            policies.attach(tx, entity, found.arn)
            return found.arn

        return await self._ledger.write(call.scope, attach)

    async def detach(self, call: Call, kind: Kind, name: str, policy: str) -> None:
        """Detach a managed policy."""
        await self._ledger.entity(call, kind, name, {"iam:PolicyARN": [policy]})

        def detach(tx: Transaction) -> None:
            entity = the_entity(tx, kind, call.account, name)
            arn = policy if policy.startswith("arn:") else the_policy(tx, call.account, policy).arn
            if not policies.detach(tx, entity, arn):
                raise NoSuchEntity(f"Policy {arn} was not found.")

        await self._ledger.write(call.scope, detach)

    async def attached(
        self, call: Call, kind: Kind, name: str, *, prefix: str = "/"
    ) -> Sequence[str]:
        """The ARNs of the managed policies that hang on an entity, of those below a path."""
        entity = await self._ledger.entity(call, kind, name)
        found = await self._ledger.read(lambda tx: policies.attached(tx, entity))
        return [arn for arn in found if f":policy{prefix}" in arn]

    async def holders(self, call: Call, name: str) -> tuple[Sequence[Entity], Sequence[Entity]]:
        """Whom a managed policy is attached to, and whom it bounds."""
        policy = await self._policy(call, name)

        def find(tx: Transaction) -> tuple[Sequence[Entity], Sequence[Entity]]:
            return (
                policies.holders(tx, call.account, policy.arn),
                policies.bounded(tx, call.account, policy.arn),
            )

        return await self._ledger.read(find)

    # Inline

    async def put_inline(
        self, call: Call, kind: Kind, name: str, policy: str, document: str
    ) -> None:
        """Give an entity a policy of its own, or another document to the one it has."""
        check_policy_name(policy)
        await self._ledger.entity(call, kind, name)
        checked_policy(document, most=INLINE_SIZE)

        def put(tx: Transaction) -> None:
            policies.put_inline(tx, the_entity(tx, kind, call.account, name), policy, document)

        await self._ledger.write(call.scope, put)

    async def inline(self, call: Call, kind: Kind, name: str) -> Mapping[str, str]:
        """An entity's inline policies: documents by name."""
        entity = await self._ledger.entity(call, kind, name)
        return await self._ledger.read(lambda tx: policies.inline(tx, entity))

    async def get_inline(self, call: Call, kind: Kind, name: str, policy: str) -> str:
        """The document of one of an entity's inline policies."""
        document = (await self.inline(call, kind, name)).get(policy)
        if document is None:
            raise _no_inline(kind, policy)
        return document

    async def drop_inline(self, call: Call, kind: Kind, name: str, policy: str) -> None:
        """Take a policy of its own from an entity."""
        await self._ledger.entity(call, kind, name)

        def drop(tx: Transaction) -> None:
            if not policies.drop_inline(tx, the_entity(tx, kind, call.account, name), policy):
                raise _no_inline(kind, policy)

        await self._ledger.write(call.scope, drop)

    async def _policy(
        self, call: Call, name: str, conditions: Mapping[str, Sequence[str]] | None = None
    ) -> ManagedPolicy:
        """The policy, if the caller may do to it what the call is for."""
        found = await self._ledger.read(lambda tx: _find(tx, call.account, name))
        arn = name if name.startswith("arn:") else policy_arn(call.account, "/", name)
        await call.allow(found.arn if found else arn, context=conditions)
        if found is None:
            raise _no_policy(name)
        return found

    async def _with_uses(self, call: Call, found: Sequence[ManagedPolicy]) -> Sequence[Used]:
        def count(tx: Transaction) -> tuple[Mapping[str, int], Mapping[str, int]]:
            return policies.attachments(tx, call.account), policies.boundaries(tx, call.account)

        attached, bounding = await self._ledger.read(count)
        return [
            Used(policy, attached.get(policy.arn, 0), bounding.get(policy.arn, 0))
            for policy in found
        ]


def the_policy(tx: Transaction, account: AccountId, name: str) -> ManagedPolicy:
    """By ARN, else by name, the account's own before a shipped one; else NoSuchEntity."""
    found = _find(tx, account, name)
    if found is None:
        raise _no_policy(name)
    return found


def _find(tx: Transaction, account: AccountId, name: str) -> ManagedPolicy | None:
    if name.startswith("arn:"):
        arns = [name]
    else:
        arns = [policy.arn for policy in policies.every(tx, account) if policy.name == name]
        arns += [arn for arn, policy in SHIPPED.items() if policy.name == name]
    for arn in arns:
        policy = policies.get(tx, arn)
        if policy is not None and policy.account in (None, account):
            return policy
    return None


def _own(tx: Transaction, account: AccountId, name: str) -> ManagedPolicy:
    policy = the_policy(tx, account, name)
    if policy.account is None:
        raise InvalidInput(f"{policy.arn} is shipped and stays as it is.")
    return policy


def _version(
    policy: ManagedPolicy, versions: Sequence[PolicyVersion], number: int
) -> PolicyVersion:
    for version in versions:
        if version.number == number:
            return version
    raise NoSuchEntity(
        f"Policy {policy.arn} version v{number} does not exist or is not attachable."
    )


def _no_policy(name: str) -> NoSuchEntity:
    return NoSuchEntity(f"Policy {name} does not exist or is not attachable.")


def _no_inline(kind: Kind, policy: str) -> NoSuchEntity:
    return NoSuchEntity(f"The {kind} policy with name {policy} cannot be found.")
