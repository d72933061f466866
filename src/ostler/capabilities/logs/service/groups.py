"""Groups and streams: made, listed, tagged, kept for a while, and deleted."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from functools import partial

from ostler.capabilities.logs.errors import (
    InvalidParameterException,
    ResourceAlreadyExistsException,
)
from ostler.capabilities.logs.model.logs import Group, Stream, check_retention, check_tags
from ostler.capabilities.logs.service.access import allow, the_group, the_stream
from ostler.capabilities.logs.store import events as event_store
from ostler.capabilities.logs.store import groups as store
from ostler.foundation.call import Call
from ostler.foundation.clock import Clock
from ostler.foundation.paging import Page, PageRequest
from ostler.foundation.storage import Storage, Transaction
from ostler.foundation.timers import Due

FORGET = "logs.forget"
"""The timer that forgets the events of a group or a stream that was deleted."""
RETAIN = "logs.retain"
"""The timer that forgets the events that a group does not keep any longer."""

LOOK_AFTER = timedelta(hours=1)


class Groups:
    """The groups and streams of all accounts."""

    def __init__(self, storage: Storage, clock: Clock) -> None:
        self._storage = storage
        self._clock = clock

    async def create(
        self, call: Call, name: str, tags: Mapping[str, str], *, action: str = ""
    ) -> None:
        """Make a group."""
        await allow(call, name, action=action)
        if tags:
            await allow(call, name, action="logs:TagResource")
        check_tags(tags)

        def make(tx: Transaction) -> None:
            if store.find(tx, name) is not None:
                raise ResourceAlreadyExistsException("The specified log group already exists")
            store.add(tx, name, self._clock.now(), tags)

        await self._storage.write(call.scope, make)

    async def delete(self, call: Call, name: str) -> None:
        """Delete a group with all its streams; the name is free at once."""
        await allow(call, name)

        def remove(tx: Transaction) -> None:
            group = the_group(tx, name)
            store.remove(tx, group.number)
            tx.unschedule(RETAIN, str(group.number))
            self._forget_later(tx, "group_number", group.number)

        await self._storage.write(call.scope, remove)

    async def list(self, call: Call, prefix: str, part: str, asked: PageRequest) -> Page[Group]:
        """Some groups."""
        await allow(call)
        find = partial(store.some, prefix=prefix, part=part, asked=asked)
        return await self._storage.read(call.scope, find)

    async def create_stream(self, call: Call, group: str, name: str, *, action: str = "") -> None:
        """Make a stream in a group."""
        await allow(call, group, name, action=action)
        if not name:
            raise InvalidParameterException("A log stream needs a name.")

        def make(tx: Transaction) -> None:
            where = the_group(tx, group)
            if store.find_stream(tx, where.number, name) is not None:
                raise ResourceAlreadyExistsException("The specified log stream already exists")
            store.add_stream(tx, where.number, name, self._clock.now())

        await self._storage.write(call.scope, make)

    async def delete_stream(self, call: Call, group: str, name: str) -> None:
        """Delete a stream; its name is free at once."""
        await allow(call, group, name)

        def remove(tx: Transaction) -> None:
            stream = the_stream(tx, the_group(tx, group), name)
            store.remove_stream(tx, stream.number)
            self._forget_later(tx, "stream_number", stream.number)

        await self._storage.write(call.scope, remove)

    async def list_streams(
        self,
        call: Call,
        group: str,
        *,
        prefix: str,
        by_time: bool,
        descending: bool,
        asked: PageRequest,
    ) -> Page[Stream]:
        """Some streams of a group."""
        await allow(call, group)

        def find(tx: Transaction) -> Page[Stream]:
            return store.some_streams(
                tx,
                the_group(tx, group).number,
                prefix=prefix,
                by_time=by_time,
                descending=descending,
                asked=asked,
            )

        return await self._storage.read(call.scope, find)

    async def retain(self, call: Call, name: str, days: int | None) -> None:
        """Have a group keep its events for so many days, or for ever."""
        await allow(call, name)
        if days is not None:
            check_retention(days)

        def change(tx: Transaction) -> None:
            group = the_group(tx, name)
            store.retain(tx, group.number, days)
            if days is None:
                tx.unschedule(RETAIN, str(group.number))
            else:
                tx.schedule(RETAIN, str(group.number), self._clock.now())

        await self._storage.write(call.scope, change)

    async def tags(self, call: Call, name: str, action: str = "") -> Mapping[str, str]:
        """A group's tags."""
        await allow(call, name, action=action)
        return (await self._storage.read(call.scope, partial(the_group, name=name))).tags

    async def tag(
        self,
        call: Call,
        name: str,
        *,
        added: Mapping[str, str],
        removed: Sequence[str] = (),
    ) -> None:
        """Give a group some tags, and take others away."""
        await allow(call, name)

        def change(tx: Transaction) -> None:
            group = the_group(tx, name)
            kept = {key: text for key, text in group.tags.items() if key not in removed}
            tags = {**kept, **added}
            check_tags(tags)
            store.tag(tx, group.number, tags)

        await self._storage.write(call.scope, change)

    # What happens by itself.

    async def forget(self, due: Due) -> None:
        """Forget what belonged to something that was deleted, bit by bit."""
        forget = partial(
            event_store.forget, column=due.payload["column"], number=due.payload["number"]
        )
        while await self._storage.write(due.scope, forget):
            pass

    async def look_after(self, due: Due) -> None:
        """Forget what a group does not keep any longer, and look again later."""
        number = int(due.key)

        def forget(tx: Transaction) -> bool:
            group = store.numbered(tx, number)
            now = self._clock.now()
            before = group.keeps_from(now) if group is not None else None
            if before is None:
                return False
            more = event_store.forget(tx, "group_number", number, before=before)
            if not more:
                tx.schedule(RETAIN, due.key, now + LOOK_AFTER)
            return more

        while await self._storage.write(due.scope, forget):
            pass

    def _forget_later(self, tx: Transaction, column: str, number: int) -> None:
        what = {"column": column, "number": number}
        tx.schedule(FORGET, f"{column}/{number}", self._clock.now(), what)
