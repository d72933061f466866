"""What the tests of keys may ask for."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from ostler.capabilities import keys
from ostler.capabilities.keys.migrations import MIGRATIONS
from ostler.foundation.blobs import Blobs
from ostler.foundation.capability import Capability, Foundation
from ostler.foundation.clock import ManualClock
from ostler.foundation.ids import SequentialIds
from ostler.foundation.secrets import Secrets
from ostler.foundation.storage import Migration, Scope
from ostler.foundation.timers import Timers
from tests.support.calls import ADMIN, Customer
from tests.support.databases import ENGINES, FOUNDATION, House

on_both_engines = pytest.mark.parametrize("engine", ENGINES)


@dataclass
class Ring:
    """Keys, put together with what they need."""

    capability: Capability
    house: House
    clock: ManualClock
    timers: Timers
    foundation: Foundation

    def customer(self, scope: Scope, policies: Any = ADMIN) -> Customer:
        """Somebody of the account."""
        operations = self.capability.operations
        return Customer(operations, scope, self.clock, policies=policies, service="kms")

    def under(self, master_key: bytes) -> "Ring":
        """The same house, started again with another master key."""
        foundation = replace(self.foundation, secrets=Secrets(master_key))
        made = keys.build(foundation)
        return Ring(made, self.house, self.clock, self.timers, foundation)


@pytest.fixture
def engine() -> str:
    """SQLite, save for the tests that ask for `on_both_engines`: those with SQL of their own."""
    return "sqlite"


@pytest.fixture
def migrations() -> Sequence[Migration]:
    return (*FOUNDATION, *MIGRATIONS)


@pytest.fixture
def ring(house: House, clock: ManualClock, tmp_path: Path) -> Ring:
    ids = SequentialIds()
    blobs = Blobs(str(tmp_path / "blobs"))
    foundation = Foundation(house.storage, clock, ids, blobs, Secrets(b"k" * 32))
    made = keys.build(foundation)
    timers = Timers(house.storage, clock, ids, house.schedule, dict(made.jobs))
    return Ring(made, house, clock, timers, foundation)


@pytest.fixture
def customer(ring: Ring, scope: Scope) -> Customer:
    return ring.customer(scope)


async def a_key(customer: Customer, **given: Any) -> str:
    """A new key's id."""
    return str((await customer.ask("CreateKey", **given))["KeyMetadata"]["KeyId"])


async def encrypt(customer: Customer, key: str, plain: bytes, **context: str) -> bytes:
    """A ciphertext under the key."""
    told = {"EncryptionContext": context} if context else {}
    answer = await customer.ask("Encrypt", KeyId=key, Plaintext=plain, **told)
    return bytes(answer["CiphertextBlob"])


async def decrypt(customer: Customer, ciphertext: bytes, **context: str) -> bytes:
    """What the ciphertext holds."""
    told = {"EncryptionContext": context} if context else {}
    answer = await customer.ask("Decrypt", CiphertextBlob=ciphertext, **told)
    return bytes(answer["Plaintext"])
