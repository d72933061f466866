"""Sharing: the policies by which resources let other accounts in."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

from ostler.capabilities.settings.errors import (
    ResourceNotFoundException,
    ResourcePolicyConflictException,
    ResourcePolicyInvalidParameterException,
    ResourcePolicyLimitExceededException,
    ResourcePolicyNotFoundException,
)
from ostler.capabilities.settings.model.sharing import (
    GROUP,
    ResourcePolicy,
    Shared,
    grantees,
    read_policy,
    shared,
    together,
)
from ostler.capabilities.settings.store import policies as store
from ostler.foundation.call import Call
from ostler.foundation.ids import Ids
from ostler.foundation.paging import Page, PageRequest
from ostler.foundation.policy import Kind, Policy
from ostler.foundation.storage import Scope, Storage, Transaction


@dataclass(frozen=True, slots=True)
class Shareable:
    """A kind of resource that may be shared.

    `kind` is the word in its ARNs; `obstacle` says why a resource cannot be shared, empty where
    it can, and None where there is no such resource.
    """

    kind: str
    obstacle: Callable[[Transaction, str], str | None]


class ResourcePolicies:
    """Which resources are open to which other accounts."""

    def __init__(self, storage: Storage, ids: Ids) -> None:
        self._storage = storage
        self._ids = ids
        self._kinds: dict[str, Shareable] = {GROUP: Shareable(GROUP, lambda tx, id_: "")}

    def serve(self, shareables: Iterable[Shareable]) -> None:
        """Let these kinds be shared; said once, when the house is put together."""
        self._kinds.update({each.kind: each for each in shareables})

    async def put(
        self, call: Call, arn: str, document: str, id_: str | None, hash_: str | None
    ) -> ResourcePolicy:
        """Give a resource a policy; with the id and hash of one that it has, in its place."""
        await call.allow(arn)
        resource = _resource(call, arn)
        if (id_ is None) != (hash_ is None):
            raise ResourcePolicyInvalidParameterException(
                "PolicyId and PolicyHash go together: name both to change a policy, neither to "
                "make one.",
                ParameterNames=["PolicyId", "PolicyHash"],
            )
        policy = read_policy(resource, document)

        def put(tx: Transaction) -> ResourcePolicy:
            self._expect(tx, resource)
            there = store.of(tx, arn)
            if id_ is not None and hash_ is not None:
                _expect_current(there, id_, hash_)
            elif resource.kind == GROUP and there:
                raise ResourcePolicyLimitExceededException(
                    "An OpsItemGroup has one policy; name its id and hash to change it.",
                    Limit=1,
                    LimitType="POLICY_COUNT",
                )
            kept = ResourcePolicy(id_ or made, arn, document)
            store.put(tx, call.scope, resource, kept, grantees(policy))
            return kept

        made = self._ids.uuid()
        return await self._storage.write(call.scope, put)

    async def list(self, call: Call, arn: str, asked: PageRequest) -> Page[ResourcePolicy]:
        """The policies of a resource."""
        await call.allow(arn)
        resource = _resource(call, arn)

        def look(tx: Transaction) -> Page[ResourcePolicy]:
            if self._kinds[resource.kind].obstacle(tx, resource.id) is None:
                raise _missing(resource)
            return store.page(tx, arn, asked)

        return await self._storage.read(call.scope, look)

    async def delete(self, call: Call, arn: str, id_: str, hash_: str) -> None:
        """Take a policy from a resource."""
        await call.allow(arn)
        _resource(call, arn)

        def delete(tx: Transaction) -> None:
            _expect_current(store.of(tx, arn), id_, hash_)
            store.remove(tx, call.scope, id_)

        await self._storage.write(call.scope, delete)

    def of(self, tx: Transaction, arn: str) -> Policy | None:
        """What the resource's policies say together, for whoever is in a transaction already."""
        return together([_compiled(each.arn, each.document) for each in store.of(tx, arn)])

    def drop(self, tx: Transaction, scope: Scope, arn: str) -> None:
        """Forget the policies of a resource that is no more."""
        store.remove_of(tx, scope, arn)

    async def opened_to(self, call: Call, kind: str) -> Sequence[tuple[str, str]]:
        """The resources of others, as owner and id, that some policy opens to the caller's
        account; what exactly it opens is for the policy to say."""
        return await self._storage.read(None, lambda tx: store.opened_to(tx, call.scope, kind))

    def _expect(self, tx: Transaction, resource: Shared) -> None:
        obstacle = self._kinds[resource.kind].obstacle(tx, resource.id)
        if obstacle is None:
            raise _missing(resource)
        if obstacle:
            raise ResourcePolicyInvalidParameterException(obstacle, ParameterNames=["ResourceArn"])


@lru_cache(maxsize=1024)
def _compiled(name: str, document: str) -> Policy:
    return Policy.parse(document, name=name, kind=Kind.RESOURCE)


def _resource(call: Call, arn: str) -> Shared:
    return shared(arn, f"arn:aws:ssm:{call.region}:{call.account}:")


def _missing(resource: Shared) -> ResourceNotFoundException:
    return ResourceNotFoundException(f"There is no resource {resource.arn}.")


def _expect_current(there: Sequence[ResourcePolicy], id_: str, hash_: str) -> None:
    found = next((policy for policy in there if policy.id == id_), None)
    if found is None:
        raise ResourcePolicyNotFoundException(f"The resource has no policy {id_}.")
    if found.hash != hash_:
        raise ResourcePolicyConflictException(
            f"The policy {id_} has another hash by now: look at it again."
        )
