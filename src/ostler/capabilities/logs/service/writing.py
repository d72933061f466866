"""Writing: events put into streams."""

from collections.abc import Sequence

from ostler.capabilities.logs.errors import InvalidParameterException
from ostler.capabilities.logs.model.logs import Event, Sorted, check_batch, sort_out
from ostler.capabilities.logs.service.access import allow, the_group, the_stream
from ostler.capabilities.logs.store import events as store
from ostler.capabilities.logs.store import groups as group_store
from ostler.foundation.call import Call
from ostler.foundation.clock import Clock
from ostler.foundation.storage import Storage, Transaction

PUT = "logs:PutLogEvents"


class Writing:
    """The logs as those see them who write."""

    def __init__(self, storage: Storage, clock: Clock) -> None:
        self._storage = storage
        self._clock = clock

    async def put(self, call: Call, group: str, stream: str, events: Sequence[Event]) -> Sorted:
        """Keep events, in the order of their times; which of them were taken."""
        await allow(call, group, stream, action=PUT)
        if not events:
            raise InvalidParameterException("A batch has at least one event.")
        check_batch(events)

        def write(tx: Transaction) -> Sorted:
            where = the_group(tx, group)
            into = the_stream(tx, where, stream)
            now = self._clock.now()
            taken = sort_out(events, now, where.keeps_from(now))
            chosen = events[taken.start : taken.end]
            if chosen:
                store.add(tx, where.number, into.number, chosen, now)
                group_store.extended(tx, into, chosen[0].at, chosen[-1].at, now)
            return taken

        return await self._storage.write(call.scope, write)
