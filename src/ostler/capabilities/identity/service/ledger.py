"""The ledger: reads and writes identity's tables, and finds in them what must be there."""

from collections.abc import Callable
from typing import TypeVar

from ostler.capabilities.identity.errors import MalformedPolicyDocument, NoSuchEntity
from ostler.capabilities.identity.model.entities import Entity, Kind
from ostler.capabilities.identity.store import entities
from ostler.foundation.ids import AccountId
from ostler.foundation.policy import Kind as PolicyKind
from ostler.foundation.policy import Policy, PolicyFault
from ostler.foundation.storage import Storage, Transaction

R = TypeVar("R")

Witness = Callable[[Transaction], None]


def nobody(tx: Transaction) -> None:
    """Where there is no witness."""


class Ledger:
    """Runs functions of a transaction; after a change, what was remembered is looked up anew.

    `witness` is called inside every transaction that changes anything.
    """

    def __init__(
        self, storage: Storage, changed: Callable[[], None], witness: Witness = nobody
    ) -> None:
        self._storage = storage
        self._changed = changed
        self._witness = witness

    async def read(self, function: Callable[[Transaction], R]) -> R:
        return await self._storage.read(None, function)

    async def write(self, function: Callable[[Transaction], R]) -> R:
        def write(tx: Transaction) -> R:
            tx.after_commit(self._changed)
            result = function(tx)
            self._witness(tx)
            return result

        return await self._storage.write(None, write)


def check_account_exists(tx: Transaction, account: AccountId) -> None:
    if entities.account(tx, account) is None:
        raise NoSuchEntity(f"There is no account {account}.")


def the_entity(tx: Transaction, kind: Kind, account: AccountId, name: str) -> Entity:
    """The user, group or role; NoSuchEntity when there is none."""
    found = entities.entity(tx, account, kind, name)
    if found is None:
        raise NoSuchEntity(f"The {kind} with name {name} cannot be found.")
    return found


def checked_policy(document: str, *, kind: PolicyKind = PolicyKind.IDENTITY, most: int) -> Policy:
    """The policy in `document`; MalformedPolicyDocument says what is wrong with it."""
    try:
        return Policy.parse(document, kind=kind, most=most)
    except PolicyFault as fault:
        raise MalformedPolicyDocument(str(fault)) from fault
