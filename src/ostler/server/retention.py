"""Retention: once a day the house drops what it was told to keep no longer."""

from datetime import timedelta

import structlog

from ostler.foundation import audit, deliveries, events
from ostler.foundation.clock import Clock
from ostler.foundation.storage import Storage, Transaction
from ostler.foundation.timers import Due

TIMER = "server.retention"
EVERY = timedelta(days=1)
SOON = timedelta(minutes=5)
"""After a start: a server that is started anew every day drops what is old all the same."""

log = structlog.get_logger()


class Retention:
    """Drops old audit records, told events, and deliveries that were given up."""

    def __init__(
        self, storage: Storage, clock: Clock, *, audit_for: timedelta, events_for: timedelta
    ) -> None:
        self._storage = storage
        self._clock = clock
        self._audit_for = audit_for
        self._events_for = events_for

    async def start(self) -> None:
        """See to it that the first time comes."""
        now = self._clock.now()
        await self._storage.write(None, lambda tx: tx.schedule(TIMER, "daily", now + SOON))

    async def forget(self, due: Due) -> None:
        """Drop what is too old, and come again tomorrow."""
        now = self._clock.now()

        def drop(tx: Transaction) -> tuple[int, int, int]:
            dropped = (
                audit.forget(tx, now - self._audit_for),
                events.forget(tx, now - self._events_for),
                deliveries.forget(tx, now - self._events_for),
            )
            tx.finish(due)
            tx.schedule(TIMER, "daily", now + EVERY)
            return dropped

        records, told, failed = await self._storage.write(None, drop)
        log.info("history_dropped", audit_records=records, events=told, deliveries=failed)
