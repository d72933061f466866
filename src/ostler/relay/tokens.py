"""Tokens that open a channel: for one node, once, and only for a minute.

A token is a seal over who may use it, so that no server needs to keep the tokens it gave.
"""

import hashlib
import hmac
from datetime import UTC, datetime, timedelta

from ostler.foundation.authentication import SpentSignatures
from ostler.foundation.call import Caller
from ostler.foundation.clock import Clock
from ostler.foundation.ids import Ids
from ostler.foundation.storage import Scope

LIFE = timedelta(seconds=60)


class ChannelTokens:
    """Issues tokens, and redeems each once.

    `key` is secret and the same on all servers of a house.
    """

    def __init__(self, key: bytes, *, clock: Clock, ids: Ids, spent: SpentSignatures) -> None:
        self._key = key
        self._clock = clock
        self._ids = ids
        self._spent = spent

    def issue(self, scope: Scope, caller: Caller) -> str:
        """A token for the node that `caller` is, to be used with the same credentials."""
        expires = int((self._clock.now() + LIFE).timestamp())
        claim = f"{expires}.{self._ids.token()}"
        return f"{claim}.{self._seal(claim, scope, caller)}"

    async def redeem(self, token: str, scope: Scope, caller: Caller) -> bool:
        """Whether `token` was issued to this very `caller`, is fresh, and was never used."""
        claim, _, seal = token.rpartition(".")
        if not hmac.compare_digest(seal.encode(), self._seal(claim, scope, caller).encode()):
            return False
        expires = datetime.fromtimestamp(int(claim.partition(".")[0]), UTC)
        digest = hashlib.sha256(claim.encode()).hexdigest()
        return self._clock.now() < expires and await self._spent.spend(digest, expires)

    def _seal(self, claim: str, scope: Scope, caller: Caller) -> str:
        bound_to = (scope.account, scope.region, caller.node or "", caller.access_key, claim)
        return hmac.new(self._key, "\n".join(bound_to).encode(), hashlib.sha256).hexdigest()
