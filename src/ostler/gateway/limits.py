"""Limits: how often a caller may call, and how often an address may knock without a good key."""

import ipaddress
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta

from ostler.foundation.call import Caller
from ostler.foundation.clock import Clock
from ostler.foundation.errors import ThrottlingException

MOST_REMEMBERED = 50_000
"""Callers, and as many addresses; whoever called longest ago is forgotten first."""

_REFUSAL = "Rate exceeded"


@dataclass(frozen=True, slots=True)
class Rate:
    """So many calls a second in the long run, and so many at once after a rest; 0: no limit."""

    per_second: float
    burst: int


class Buckets:
    """A bucket of tokens for each name, full at first; each call takes one.

    Of a bucket only the instant is kept at which it will be full again.
    """

    def __init__(self, rate: Rate, clock: Clock, *, most: int = MOST_REMEMBERED) -> None:
        self._clock = clock
        self._most = most
        self._limited = rate.per_second > 0
        if self._limited:
            self._token = timedelta(seconds=1 / rate.per_second)
            self._whole = self._token * max(rate.burst, 1)
        self._full_at: dict[str, datetime] = {}

    def take(self, name: str) -> bool:
        """Take a token; False when there is none."""
        if not self._limited:
            return True
        now = self._clock.now()
        full_at = self._filling(name, now)
        if full_at + self._token - now > self._whole:
            self._full_at[name] = full_at
            return False
        # Whoever called last stands last.
        self._full_at.pop(name, None)
        self._full_at[name] = full_at + self._token
        if len(self._full_at) > self._most:
            del self._full_at[next(iter(self._full_at))]
        return True

    def empty(self, name: str) -> bool:
        """Whether nothing could be taken now."""
        if not self._limited or name not in self._full_at:
            return False
        now = self._clock.now()
        return self._filling(name, now) + self._token - now > self._whole

    def _filling(self, name: str, now: datetime) -> datetime:
        """When the bucket will be full, now being the earliest."""
        full_at = self._full_at.get(name, now)
        # No bucket takes longer: the clock was set back, and nobody waits for its old time.
        return now if full_at > now + self._whole else max(full_at, now)


class CallerLimits:
    """Token buckets: one for each user and role session, each node, and each address.

    The last is for requests without a signature or with a wrong one. An address whose bucket is
    empty is not listened to, but for those who proved lately that they have a good key.
    """

    def __init__(self, *, users: Rate, nodes: Rate, addresses: Rate, clock: Clock) -> None:
        self._users = Buckets(users, clock)
        self._nodes = Buckets(nodes, clock)
        self._outputs = Buckets(nodes, clock)
        self._addresses = Buckets(addresses, clock)
        self._proved: dict[str, None] = {}

    def admit(self, caller: Caller, action: str) -> None:
        """Raise ThrottlingException when the caller has to wait."""
        buckets = self._users if caller.node is None else self._nodes
        if not buckets.take(caller.arn):
            raise ThrottlingException(_REFUSAL)

    def admit_output(self, caller: Caller) -> None:
        """Raise ThrottlingException when a node brings output in too many pieces.

        They are counted apart, so that a node which writes much can still say that it lives.
        """
        if not self._outputs.take(caller.arn):
            raise ThrottlingException(_REFUSAL)

    def admit_unsigned(self, address: str) -> None:
        """Raise ThrottlingException when too many came from `address` without a signature."""
        if not self._addresses.take(_network(address)):
            raise ThrottlingException(_REFUSAL)

    def admit_unproved(self, address: str, access_key: str) -> None:
        """Raise ThrottlingException when it is not worth looking at the signature."""
        if access_key not in self._proved and self._addresses.empty(_network(address)):
            raise ThrottlingException(_REFUSAL)

    def proved(self, access_key: str) -> None:
        """The signature was good."""
        if access_key not in self._proved:
            self._proved[access_key] = None
            if len(self._proved) > MOST_REMEMBERED:
                del self._proved[next(iter(self._proved))]

    def failed(self, address: str) -> None:
        """The signature was not good, or the key unknown."""
        self._addresses.take(_network(address))


def _network(address: str) -> str:
    """Whose address it is: with IPv6 a house has 2**64 of them."""
    if ":" in address:
        with suppress(ValueError):
            return str(ipaddress.IPv6Network((address.partition("%")[0], 64), strict=False))
    return address
