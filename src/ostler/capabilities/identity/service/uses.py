"""Uses: when an access key signed something last, as near as anybody has to know."""

from datetime import timedelta

from ostler.capabilities.identity.model.entities import Use
from ostler.capabilities.identity.store import keys
from ostler.foundation.clock import Clock
from ostler.foundation.storage import Storage, Transaction

NEWS = timedelta(minutes=15)
"""A use is worth writing down so long after the one before."""
PAUSE = timedelta(minutes=1)

_SESSIONS = "ASIA"


class Uses:
    """Notes in memory who signs, and writes it down once a minute: a request costs no write.

    What a server that is killed has not written down yet is lost, a minute of it.
    """

    def __init__(self, storage: Storage, clock: Clock) -> None:
        self._storage = storage
        self._clock = clock
        self._noted: dict[str, Use] = {}
        self._waiting: dict[str, Use] = {}

    def used(self, access_key: str, service: str, region: str) -> None:
        """The key signed a request, and the signature was good."""
        if access_key.startswith(_SESSIONS):
            return
        now = self._clock.now()
        before = self._noted.get(access_key)
        if before is not None and now < before.at + NEWS:
            return
        self._noted[access_key] = self._waiting[access_key] = Use(now, service, region)

    async def run(self) -> None:
        """Write down what is noted, now and then."""
        while True:
            await self._clock.sleep(PAUSE)
            await self.write_down()

    async def write_down(self) -> None:
        """Keep what was noted since."""
        waiting, self._waiting = self._waiting, {}
        if not waiting:
            return

        def write(tx: Transaction) -> None:
            # In one order everywhere, so that two servers do not wait for each other.
            for access_key in sorted(waiting):
                keys.note_use(tx, access_key, waiting[access_key])

        await self._storage.write(None, write)
