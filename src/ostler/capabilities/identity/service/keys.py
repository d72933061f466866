"""Access keys: made, switched off, deleted; their secrets are sealed."""

from collections.abc import Sequence

from ostler.capabilities.identity.errors import LimitExceeded, NoSuchEntity
from ostler.capabilities.identity.model.entities import (
    AccessKey,
    KeyPair,
    Kind,
    entity_arn,
    new_access_key,
    new_secret,
)
from ostler.capabilities.identity.service.ledger import Ledger, the_entity
from ostler.capabilities.identity.store import keys
from ostler.foundation.call import Call
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

    async def create(self, call: Call, user: str) -> KeyPair:
        """A new key of a user; this is the only time that its secret is shown."""
        await self._ledger.entity(call, Kind.USER, user)
        pair = self.new_pair(call.account)

        def create(tx: Transaction) -> KeyPair:
            the_entity(tx, Kind.USER, call.account, user)
            if len(keys.keys_of(tx, call.account, user)) >= KEYS_PER_USER:
                raise LimitExceeded(f"Cannot exceed quota for AccessKeysPerUser: {KEYS_PER_USER}")
            self.add(tx, pair, user)
            return pair

        return await self._ledger.write(call.scope, create)

    async def list(self, call: Call, user: str) -> Sequence[AccessKey]:
        """A user's keys, the oldest first."""
        await self._ledger.entity(call, Kind.USER, user)
        found = await self._ledger.read(lambda tx: keys.keys_of(tx, call.account, user))
        return [kept.key for kept in found]

    async def get(self, call: Call, access_key: str) -> AccessKey:
        """A key by its id, whosever of the account it is."""
        return await self._own(call, access_key, "")

    async def switch(self, call: Call, access_key: str, *, active: bool, user: str = "") -> None:
        """Switch a key on or off; NoSuchEntity when it is not that user's, if one is named."""
        await self._own(call, access_key, user)
        await self._ledger.write(
            call.scope, lambda tx: keys.set_active(tx, access_key, active=active)
        )

    async def delete(self, call: Call, access_key: str, *, user: str = "") -> None:
        """Delete a key, of that user if one is named; its signatures are refused from now on."""
        await self._own(call, access_key, user)
        await self._ledger.write(call.scope, lambda tx: keys.drop_key(tx, access_key))

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

    async def _own(self, call: Call, access_key: str, user: str) -> AccessKey:
        """The key, if the caller may do to its user what the call is for."""
        kept = await self._ledger.read(lambda tx: keys.key(tx, access_key))
        own = kept.key if kept is not None and kept.key.account == call.account else None
        if owner := user or (own.user if own else ""):
            await self._ledger.entity(call, Kind.USER, owner)
        else:
            await call.allow(entity_arn(Kind.USER, call.account, "/", ""))
        if own is None or own.user != owner:
            raise NoSuchEntity(f"The Access Key with id {access_key} cannot be found.")
        return own


def _context(access_key: str) -> str:
    return f"access-key:{access_key}"
