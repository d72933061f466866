"""What other capabilities do with logs, on behalf of whoever asked them."""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import datetime

from ostler.capabilities.logs.errors import (
    ResourceAlreadyExistsException,
    ResourceNotFoundException,
)
from ostler.capabilities.logs.model.logs import EVENT_OVERHEAD, LARGEST_BATCH, MOST_EVENTS, Event
from ostler.capabilities.logs.service.groups import Groups
from ostler.capabilities.logs.service.writing import Writing
from ostler.foundation.call import Call

CREATE_GROUP = "logs:CreateLogGroup"
CREATE_STREAM = "logs:CreateLogStream"


class Scribe:
    """Writes lines into a stream, and makes stream and group when they are missing."""

    def __init__(self, groups: Groups, writing: Writing) -> None:
        self._groups = groups
        self._writing = writing

    async def write(
        self, call: Call, group: str, stream: str, lines: Sequence[str], at: datetime
    ) -> None:
        """Put lines there, all of the same instant, as far as the caller may."""
        for batch in _batches(lines, at):
            try:
                await self._writing.put(call, group, stream, batch)
            except ResourceNotFoundException:
                await self._begin(call, group, stream)
                await self._writing.put(call, group, stream, batch)

    async def _begin(self, call: Call, group: str, stream: str) -> None:
        """Make the stream, and the group only where there is none: not all may make groups."""
        try:
            await self._begin_stream(call, group, stream)
        except ResourceNotFoundException:
            with suppress(ResourceAlreadyExistsException):
                await self._groups.create(call, group, {}, action=CREATE_GROUP)
            await self._begin_stream(call, group, stream)

    async def _begin_stream(self, call: Call, group: str, stream: str) -> None:
        with suppress(ResourceAlreadyExistsException):
            await self._groups.create_stream(call, group, stream, action=CREATE_STREAM)


def _batches(lines: Sequence[str], at: datetime) -> Iterator[list[Event]]:
    batch: list[Event] = []
    size = 0
    for line in lines:
        added = len(line.encode()) + EVENT_OVERHEAD
        if batch and (size + added > LARGEST_BATCH or len(batch) == MOST_EVENTS):
            yield batch
            batch, size = [], 0
        batch.append(Event(at, line))
        size += added
    if batch:
        yield batch
