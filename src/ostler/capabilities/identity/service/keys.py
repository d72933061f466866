"""Access keys: made, switched off, deleted; their secrets are sealed."""

from collections.abc import Sequence

from ostler.capabilities.identity.errors import LimitExceeded, NoSuchEntity
from ostler.capabilities.identity.model.entities import (
    AccessKey,
    KeyPair,
    Kind,
    new_access_key,
    new_secret,
)
from ostler.capabilities.identity.service.ledger import Ledger, the_entity
from ostler.capabilities.identity.store import keys
from ostler.foundation.clock import Clock
from ostler.foundation.ids import AccountId, Ids
from ostler.foundation.secrets import Secrets
from ostler.foundation.storage import Transaction

KEYS_PER_USER = 2


class Keys:
    """The access keys of users."""

    def __init__(self, ledger: Ledger, clock: Clock, ids: Ids, secrets: Secrets) -> None:
        self._ledger = ledger
        self._clock = clock
        self._ids = ids
        self._secrets = secrets

    async def create(self, account: AccountId, user: str) -> KeyPair:
        """A new key of a user; this is the only time that its secret is shown."""
        pair = self.new_pair(account)

        def create(tx: Transaction) -> KeyPair:
            the_entity(tx, Kind.USER, account, user)
            if len(keys.keys_of(tx, account, user)) >= KEYS_PER_USER:
                raise LimitExceeded(f"Cannot exceed quota for AccessKeysPerUser: {KEYS_PER_USER}")
            self.add(tx, pair, user)
            return pair

        return await self._ledger.write(create)

    async def list(self, account: AccountId, user: str) -> Sequence[AccessKey]:
        """A user's keys, the oldest first."""

        def find(tx: Transaction) -> Sequence[AccessKey]:
            the_entity(tx, Kind.USER, account, user)
            return [kept.key for kept in keys.keys_of(tx, account, user)]

        return await self._ledger.read(find)

    async def switch(self, account: AccountId, access_key: str, *, active: bool) -> None:
        """Switch a key on or off."""

        def switch(tx: Transaction) -> None:
            _check_own(tx, account, access_key)
            keys.set_active(tx, access_key, active=active)

        await self._ledger.write(switch)

    async def delete(self, account: AccountId, access_key: str) -> None:
        """Delete a key; what is signed with it is refused from now on."""

        def delete(tx: Transaction) -> None:
            _check_own(tx, account, access_key)
            keys.drop_key(tx, access_key)

        await self._ledger.write(delete)

    def new_pair(self, account: AccountId) -> KeyPair:
        """A key that nobody has yet."""
        return KeyPair(account, new_access_key(self._ids), new_secret(self._ids))

    def add(self, tx: Transaction, pair: KeyPair, user: str, *, first: bool = False) -> None:
        """Keep a key; `first` marks the one that the server itself gives to the administrator."""
        key = AccessKey(pair.access_key, pair.account, user, self._clock.now())
        sealed = self._secrets.seal(pair.secret_key.encode(), _context(pair.access_key))
        keys.add_key(tx, keys.KeptKey(key, sealed, first))

    def opened(self, kept: keys.KeptKey) -> str:
        """The secret of a key."""
        return self._secrets.open(kept.secret, _context(kept.key.access_key)).decode()


def _context(access_key: str) -> str:
    return f"access-key:{access_key}"


def _check_own(tx: Transaction, account: AccountId, access_key: str) -> None:
    kept = keys.key(tx, access_key)
    if kept is None or kept.key.account != account:
        raise NoSuchEntity(f"The Access Key with id {access_key} cannot be found.")
