"""Logs: what is taken, what is kept for how long, and what is forgotten."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from ostler.capabilities import logs
from ostler.capabilities.logs.errors import InvalidParameterException, ResourceNotFoundException
from ostler.capabilities.logs.migrations import MIGRATIONS
from ostler.capabilities.logs.model.logs import Event, Kept
from ostler.capabilities.logs.service import Asked, Filter, Groups, Reading, Writing
from ostler.capabilities.logs.store.events import Window
from ostler.capabilities.logs.store.tables import events
from ostler.foundation.blobs import Blobs
from ostler.foundation.call import Call
from ostler.foundation.capability import Foundation
from ostler.foundation.clock import ManualClock
from ostler.foundation.errors import AccessDeniedException
from ostler.foundation.ids import SequentialIds
from ostler.foundation.secrets import Secrets
from ostler.foundation.storage import Migration, Scope
from ostler.foundation.timers import Timers
from tests.support.calls import ADMIN, a_call, allowing
from tests.support.databases import FOUNDATION, House

ALWAYS = Window()
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


@pytest.fixture
def migrations() -> Sequence[Migration]:
    return (*FOUNDATION, *MIGRATIONS)


class Archive:
    """Logs over a database, with a group and a stream in it."""

    def __init__(self, house: House, clock: ManualClock, scope: Scope, folder: Path) -> None:
        self.house, self.clock, self.scope = house, clock, scope
        ids = SequentialIds()
        foundation = Foundation(house.storage, clock, ids, Blobs(str(folder)), Secrets(bytes(32)))
        self.capability = logs.build(foundation)
        self.groups = Groups(house.storage, clock)
        self.writing = Writing(house.storage, clock)
        self.reading = Reading(house.storage, clock)
        self.timers = Timers(house.storage, clock, ids, house.schedule, dict(self.capability.jobs))

    def call(self, policies: Any = ADMIN) -> Call:
        return a_call("logs:Anything", self.scope, self.clock, policies)

    async def begin(self, *streams: str) -> None:
        await self.groups.create(self.call(), "group", {})
        for stream in streams or ("stream",):
            await self.groups.create_stream(self.call(), "group", stream)

    async def put(self, *messages: str, stream: str = "stream", at: datetime | None = None) -> Any:
        begin = at or self.clock.now()
        brought = [
            Event(begin + timedelta(milliseconds=number), message)
            for number, message in enumerate(messages)
        ]
        return await self.writing.put(self.call(), "group", stream, brought)

    async def read(self, **asked: Any) -> list[str]:
        return said(
            await self.reading.stream(
                self.call(), "group", "stream", Asked(ALWAYS, **{"oldest_first": True, **asked})
            )
        )

    async def count(self) -> int:
        counted = select(func.count()).select_from(events)
        return int(await self.house.storage.read(None, lambda tx: tx.scalar(counted)))


@pytest.fixture
def archive(house: House, clock: ManualClock, scope: Scope, tmp_path: Path) -> Archive:
    return Archive(house, clock, scope, tmp_path)


def said(found: Sequence[Kept]) -> list[str]:
    return [each.message for each in found]


async def test_events_are_read_in_the_order_of_their_times(archive: Archive) -> None:
    await archive.begin()
    now = archive.clock.now()
    await archive.put("second", "third", at=now)
    await archive.put("first", at=now - MINUTE)
    await archive.put("also second", at=now)

    assert ["first", "second", "also second", "third"] == await archive.read()
    assert ["also second", "third"] == await archive.read(oldest_first=False, limit=2)


@pytest.mark.parametrize(
    ("ages", "taken", "told"),
    [
        ([14 * DAY + 12 * HOUR, 14 * DAY + HOUR, 13 * DAY + 20 * HOUR], (2, 3), (2, None, None)),
        ([0 * HOUR, -1 * HOUR, -3 * HOUR], (0, 2), (None, None, 2)),
        ([15 * DAY], (1, 1), (1, None, None)),
    ],
)
async def test_what_is_too_old_or_too_new_is_left_out(
    archive: Archive, ages: list[timedelta], taken: tuple[int, int], told: tuple[Any, ...]
) -> None:
    await archive.begin()
    now = archive.clock.now()
    brought = [Event(now - age, str(number)) for number, age in enumerate(ages)]

    found = await archive.writing.put(archive.call(), "group", "stream", brought)

    assert taken == (found.start, found.end)
    assert told == (found.too_old, found.expired, found.too_new)


@pytest.mark.parametrize(
    ("offsets", "size"),
    [((1, 0), 1), ((0, 86_400_001), 1), ((0,), 1_048_576)],
)
async def test_a_batch_that_cannot_be_is_refused(
    archive: Archive, offsets: tuple[int, ...], size: int
) -> None:
    await archive.begin()
    now = archive.clock.now()
    brought = [Event(now + timedelta(milliseconds=offset), "x" * size) for offset in offsets]

    with pytest.raises(InvalidParameterException):
        await archive.writing.put(archive.call(), "group", "stream", brought)
    assert 0 == await archive.count()


async def test_what_a_group_does_not_keep_is_neither_shown_nor_kept(archive: Archive) -> None:
    await archive.begin()
    await archive.put("old")
    await archive.groups.retain(archive.call(), "group", 1)
    await archive.clock.advance(DAY + MINUTE)
    await archive.put("new")

    assert ["new"] == await archive.read()
    await archive.timers.run_due()
    assert 1 == await archive.count()
    expired = await archive.put("x", at=archive.clock.now() - 2 * DAY)
    assert (1, 1) == (expired.expired, await archive.count())

    await archive.clock.advance(DAY + timedelta(hours=1))
    await archive.timers.run_due()
    assert 0 == await archive.count()


async def test_a_group_that_keeps_everything_again(archive: Archive) -> None:
    await archive.begin()
    await archive.put("old")
    await archive.groups.retain(archive.call(), "group", 1)
    await archive.groups.retain(archive.call(), "group", None)
    await archive.clock.advance(2 * DAY)
    await archive.timers.run_due()

    assert ["old"] == await archive.read()


async def test_a_deleted_group_is_empty_when_it_is_made_again(archive: Archive) -> None:
    await archive.begin()
    await archive.put("before")
    await archive.groups.delete(archive.call(), "group")
    with pytest.raises(ResourceNotFoundException):
        await archive.read()
    await archive.begin()

    assert [] == await archive.read()
    await archive.timers.run_due()
    assert 0 == await archive.count()


async def test_a_deleted_stream_is_gone_from_its_group(archive: Archive) -> None:
    await archive.begin("stream", "other")
    await archive.put("gone")
    await archive.put("stays", stream="other")
    await archive.groups.delete_stream(archive.call(), "group", "stream")

    looked = await archive.reading.filter(archive.call(), "group", Filter(ALWAYS))

    assert ["stays"] == said(looked.found)


async def test_a_filter_goes_on_where_it_ended(archive: Archive) -> None:
    await archive.begin("stream", "other")
    for number in range(6):
        await archive.put(f"line {number}", stream=("stream", "other")[number % 2])
    found: list[str] = []
    after = None
    while True:
        looked = await archive.reading.filter(
            archive.call(), "group", Filter(ALWAYS, pattern="line -3", limit=2, after=after)
        )
        found += said(looked.found)
        after = looked.last
        if after is None:
            break

    assert [f"line {number}" for number in (0, 1, 2, 4, 5)] == found


async def test_a_filter_of_some_streams(archive: Archive) -> None:
    await archive.begin("stream", "other")
    await archive.put("one")
    await archive.put("two", stream="other")

    by_name = await archive.reading.filter(
        archive.call(), "group", Filter(ALWAYS, streams=["other"])
    )
    by_beginning = await archive.reading.filter(
        archive.call(), "group", Filter(ALWAYS, prefix="str")
    )

    assert (["two"], ["one"]) == (said(by_name.found), said(by_beginning.found))
    with pytest.raises(ResourceNotFoundException):
        await archive.reading.filter(archive.call(), "group", Filter(ALWAYS, streams=["none"]))


async def test_a_policy_decides_by_the_stream(archive: Archive) -> None:
    await archive.begin("mine", "theirs")
    arn = f"arn:aws:logs:{archive.scope.region}:{archive.scope.account}:log-group:group"
    writer = archive.call(allowing("logs:PutLogEvents", f"{arn}:log-stream:mine"))
    event = [Event(archive.clock.now(), "line")]

    await archive.writing.put(writer, "group", "mine", event)
    with pytest.raises(AccessDeniedException):
        await archive.writing.put(writer, "group", "theirs", event)


async def test_a_neighbour_s_lines_make_their_group_and_stream(archive: Archive) -> None:
    scribe = archive.capability.service
    for lines in (["a", "b"], ["c"]):
        await scribe.write(archive.call(), "group", "stream", lines, archive.clock.now())

    assert ["a", "b", "c"] == await archive.read()
