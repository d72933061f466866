"""Reading: a stream page by page, in both directions, and what fits of a whole group."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from ostler.capabilities.logs.errors import (
    InvalidParameterException,
    ResourceNotFoundException,
)
from ostler.capabilities.logs.model.logs import Group, Kept
from ostler.capabilities.logs.service.access import allow, the_group, the_stream
from ostler.capabilities.logs.store import events as store
from ostler.capabilities.logs.store import groups as group_store
from ostler.capabilities.logs.store.events import Looked, Place, Window
from ostler.foundation.call import Call
from ostler.foundation.clock import Clock
from ostler.foundation.storage import Storage, Transaction
from ostler.grammar.logs import PatternFault, pattern_of

MOST_LOOKED_AT = 10_000
"""Events of which one request to filter looks at no more, however few of them fit."""
MOST_BYTES = 1_048_576


@dataclass(frozen=True, slots=True)
class Asked:
    """What of a stream is asked for: the oldest events first, or the newest; a place to go on
    behind, or before."""

    window: Window
    oldest_first: bool = False
    limit: int = MOST_LOOKED_AT
    after: Place | None = None
    before: Place | None = None


@dataclass(frozen=True, slots=True)
class Filter:
    """What of a group is asked for."""

    window: Window
    pattern: str = ""
    streams: Sequence[str] = ()
    prefix: str = ""
    limit: int = MOST_LOOKED_AT
    after: Place | None = field(default=None)


class Reading:
    """The logs as those see them who read."""

    def __init__(self, storage: Storage, clock: Clock) -> None:
        self._storage = storage
        self._clock = clock

    async def stream(self, call: Call, group: str, stream: str, asked: Asked) -> Sequence[Kept]:
        """Some events of a stream, in the order of their times."""
        await allow(call, group, stream)

        def look(tx: Transaction) -> list[Kept]:
            where = the_group(tx, group)
            found = the_stream(tx, where, stream)
            return _within_a_megabyte(
                store.of_stream(
                    tx,
                    found.number,
                    self._kept(where, asked.window),
                    after=asked.after,
                    before=asked.before,
                    newest=asked.after is None
                    and (asked.before is not None or not asked.oldest_first),
                    limit=asked.limit,
                ),
                from_the_end=asked.after is None and not asked.oldest_first,
            )

        return await self._storage.read(call.scope, look)

    async def filter(self, call: Call, group: str, asked: Filter) -> Looked:
        """Those of a group's events that fit a pattern."""
        await allow(call, group)
        try:
            fits = pattern_of(asked.pattern)
        except PatternFault as fault:
            raise InvalidParameterException(f"Invalid filter pattern: {fault.message}") from None

        def look(tx: Transaction) -> Looked:
            where = the_group(tx, group)
            streams = None
            if asked.streams or asked.prefix:
                streams = group_store.named(tx, where.number, asked.streams, asked.prefix)
                if len(streams) < len(set(asked.streams)):
                    raise ResourceNotFoundException("The specified log stream does not exist.")
            return store.filtered(
                tx,
                where.number,
                streams,
                self._kept(where, asked.window),
                fits,
                after=asked.after,
                limit=asked.limit,
                most_looked_at=MOST_LOOKED_AT,
                most_bytes=MOST_BYTES,
            )

        return await self._storage.read(call.scope, look)

    def _kept(self, group: Group, window: Window) -> Window:
        """What is too old for the group is not shown, even if it has not been forgotten yet."""
        keeps_from = group.keeps_from(self._clock.now())
        if keeps_from is None:
            return window
        since = keeps_from if window.since is None else max(window.since, keeps_from)
        return Window(since, window.until)


def _within_a_megabyte(found: list[Kept], *, from_the_end: bool) -> list[Kept]:
    kept: list[Kept] = []
    size = 0
    for each in reversed(found) if from_the_end else found:
        size += len(each.message)
        if kept and size > MOST_BYTES:
            break
        kept.append(each)
    return kept[::-1] if from_the_end else kept
