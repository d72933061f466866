"""Putting: events that customers tell of, patterns they try, and deliveries they watch."""

from collections.abc import Sequence
from functools import partial

from ostler.capabilities.events.events import EventPut
from ostler.capabilities.events.model.envelopes import (
    Entry,
    EntryFault,
    check_size,
    detail_of,
    trial_event,
)
from ostler.capabilities.events.model.names import bus_arn
from ostler.capabilities.events.model.rules import pattern_of
from ostler.capabilities.events.store import rules as store
from ostler.foundation import deliveries
from ostler.foundation.call import Call
from ostler.foundation.clock import Clock
from ostler.foundation.deliveries import Parcel
from ostler.foundation.errors import ValidationException
from ostler.foundation.ids import Ids
from ostler.foundation.paging import Page, PageRequest
from ostler.foundation.storage import Storage, Transaction
from ostler.grammar.eventpatterns import TooCostly

Outcome = str | EntryFault
"""The id of an event that was taken, or why it was not."""


class Putting:
    """Takes in events from customers."""

    def __init__(self, storage: Storage, clock: Clock, ids: Ids) -> None:
        self._storage = storage
        self._clock = clock
        self._ids = ids

    async def put(self, call: Call, entries: Sequence[Entry]) -> Sequence[Outcome]:
        """Take the events in; for each its id, or why it is not taken."""
        await call.allow(
            *(bus_arn(call.scope, bus) for bus in sorted({entry.bus for entry in entries})),
            context={
                "events:source": sorted({entry.source for entry in entries}),
                "events:detail-type": sorted({entry.detail_type for entry in entries}),
            },
        )
        check_size(entries)
        ids = [self._ids.uuid() for _ in entries]
        now = self._clock.now()

        def tell(tx: Transaction) -> Sequence[Outcome]:
            outcomes: list[Outcome] = []
            for entry, event_id in zip(entries, ids, strict=True):
                try:
                    detail = detail_of(entry)
                    if store.bus(tx, entry.bus) is None:
                        # AWS says nothing and drops it.
                        raise EntryFault(
                            "ResourceNotFoundException", f"Event bus {entry.bus} does not exist."
                        )
                    tx.tell(
                        EventPut(
                            source=entry.source,
                            detail_type=entry.detail_type,
                            detail=detail,
                            resources=entry.resources,
                            id=event_id,
                            bus=entry.bus,
                            time=entry.time or now,
                        )
                    )
                    outcomes.append(event_id)
                except EntryFault as fault:
                    outcomes.append(fault)
            return outcomes

        return await self._storage.write(call.scope, tell)

    async def test(self, call: Call, pattern: str, event: str) -> bool:
        """Whether an event fits a pattern."""
        await call.allow()
        try:
            return pattern_of(pattern).matches(trial_event(event))
        except TooCostly as fault:
            raise ValidationException(f"The pattern cannot be tried: {fault}.") from fault

    async def deliveries(
        self, call: Call, asked: PageRequest, *, failed: bool | None, subject: str
    ) -> Page[Parcel]:
        """What is on its way, and what was given up."""
        await call.allow()
        look = partial(deliveries.page, asked=asked, failed=failed, subject=subject)
        return await self._storage.read(call.scope, look)

    async def retry(self, call: Call, ids: Sequence[str]) -> Sequence[str]:
        """Have deliveries tried anew; the ids of those that there are."""
        await call.allow()
        again = partial(deliveries.again, ids=list(ids), at=self._clock.now())
        return await self._storage.write(call.scope, again)
