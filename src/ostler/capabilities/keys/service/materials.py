"""Materials: what keys seal with; the master key seals it, and memory has some of it open."""

import secrets as chance
from functools import partial

from ostler.capabilities.keys.errors import KMSInvalidStateException
from ostler.capabilities.keys.model.ciphertexts import MATERIAL
from ostler.capabilities.keys.model.keys import Key
from ostler.capabilities.keys.store import keys as store
from ostler.foundation.secrets import SealBroken, Sealed, Secrets
from ostler.foundation.storage import Storage

_MOST_OPEN = 1_000


class Materials:
    """Makes materials, and opens them for whoever has found that the key may be used."""

    def __init__(self, storage: Storage, secrets: Secrets) -> None:
        self._storage = storage
        self._secrets = secrets
        self._open: dict[tuple[str, int], bytes] = {}

    def made(self, arn: str, number: int) -> Sealed:
        """New material for a key; its number binds it to its place."""
        return self._secrets.seal(chance.token_bytes(MATERIAL), _bound(arn, number))

    async def of(self, key: Key, number: int) -> bytes:
        """What the key seals with, or sealed with at the time of that number."""
        known = (key.arn, number)
        found = self._open.get(known)
        if found is None:
            found = await self._opened(key, number)
            if len(self._open) >= _MOST_OPEN:
                del self._open[next(iter(self._open))]
            self._open[known] = found
        return found

    async def _opened(self, key: Key, number: int) -> bytes:
        sealed = await self._storage.read(
            key.scope, partial(store.material, key=key.id, number=number)
        )
        if sealed is None:
            raise KMSInvalidStateException(f"{key.arn} has no material {number}.")
        try:
            return self._secrets.open(sealed, _bound(key.arn, number))
        except SealBroken as fault:
            raise KMSInvalidStateException(
                f"{key.arn} cannot be used: {fault}. Has the master key been lost or replaced?"
            ) from fault


def _bound(arn: str, number: int) -> str:
    return f"{arn}:{number}"
