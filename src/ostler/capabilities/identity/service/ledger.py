"""The ledger: reads and writes identity's tables; finds what must be there, for who may know it."""

from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

from ostler.capabilities.identity.errors import MalformedPolicyDocument, NoSuchEntity
from ostler.capabilities.identity.model.entities import Entity, Kind, entity_arn
from ostler.capabilities.identity.store import entities
from ostler.foundation.call import Call
from ostler.foundation.ids import AccountId
from ostler.foundation.policy import Kind as PolicyKind
from ostler.foundation.policy import Policy, PolicyFault
from ostler.foundation.storage import Scope, Storage, Transaction

R = TypeVar("R")
Conditions = Mapping[str, Sequence[str]]


class Ledger:
    """Runs functions of a transaction; after a change, what was remembered is looked up anew."""

    def __init__(self, storage: Storage, changed: Callable[[], None]) -> None:
        self._storage = storage
        self._changed = changed

    async def read(self, function: Callable[[Transaction], R]) -> R:
        return await self._storage.read(None, function)

    async def write(self, scope: Scope | None, function: Callable[[Transaction], R]) -> R:
        """`scope` is the call's, whose audit record becomes part of the transaction."""

        def write(tx: Transaction) -> R:
            tx.after_commit(self._changed)
            return function(tx)

        return await self._storage.write(scope, write)

    async def entity(
        self, call: Call, kind: Kind, name: str, conditions: Conditions | None = None
    ) -> Entity:
        """The user, group or role, if the caller may do to it what the call is for."""
        found = await self.read(lambda tx: entities.entity(tx, call.account, kind, name))
        arn = found.arn if found else entity_arn(kind, call.account, "/", name)
        # Whoever may look after people within a boundary only is told by it which they are.
        bounds: Conditions = (
            {"iam:PermissionsBoundary": [found.boundary]}
            if (found is not None and found.boundary)
            else {}
        )
        await call.allow(arn, context={**bounds, **(conditions or {})})
        if found is None:
            raise _missing(kind, name)
        return found


def check_account_exists(tx: Transaction, account: AccountId) -> None:
    if entities.account(tx, account) is None:
        raise NoSuchEntity(f"There is no account {account}.")


def the_entity(tx: Transaction, kind: Kind, account: AccountId, name: str) -> Entity:
    """The user, group or role; NoSuchEntity when there is none."""
    found = entities.entity(tx, account, kind, name)
    if found is None:
        raise _missing(kind, name)
    return found


def checked_policy(document: str, *, kind: PolicyKind = PolicyKind.IDENTITY, most: int) -> Policy:
    """The policy in `document`; MalformedPolicyDocument says what is wrong with it."""
    try:
        return Policy.parse(document, kind=kind, most=most)
    except PolicyFault as fault:
        raise MalformedPolicyDocument(str(fault)) from fault


def tags_asked(tags: Mapping[str, str]) -> Conditions:
    """What policies may ask about the tags of a request."""
    if not tags:
        return {}
    asked = {f"aws:RequestTag/{key}": [value] for key, value in tags.items()}
    return {**asked, "aws:TagKeys": list(tags)}


def _missing(kind: Kind, name: str) -> NoSuchEntity:
    return NoSuchEntity(f"The {kind} with name {name} cannot be found.")
