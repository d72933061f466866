"""Events: what is told is kept with the change, in order, and every listener hears of it."""

import asyncio
from datetime import datetime, timedelta
from functools import partial
from itertools import pairwise
from typing import Any

import pytest

from ostler.foundation.clock import ManualClock
from ostler.foundation.events import Announcement, Event, Told, forget, newest, since
from ostler.foundation.ids import SequentialIds
from ostler.foundation.storage import Scope, Storage, Transaction
from ostler.foundation.timers import Timers
from tests.support.databases import House


class ThingMade(Event, frozen=True):
    name: str
    at: datetime | None = None


class ThingBroken(Event, frozen=True):
    name: str


class ThingAnnounced(Announcement, frozen=True):
    pass


class Ear:
    """A listener that remembers."""

    def __init__(self) -> None:
        self.heard: list[tuple[Scope, Any]] = []

    async def hear(self, scope: Scope, event: Event) -> None:
        self.heard.append((scope, event))

    async def hear_too(self, scope: Scope, event: Event) -> None:
        self.heard.append((scope, event))


@pytest.fixture
def ear() -> Ear:
    return Ear()


def timers(house: House, clock: ManualClock, ids: SequentialIds) -> Timers:
    return Timers(house.storage, clock, ids, house.schedule, house.bulletin.handlers(house.storage))


def tell(event: Event, tx: Transaction) -> None:
    tx.tell(event)


async def test_what_was_told_is_kept_in_order(
    storage: Storage, scope: Scope, other_scope: Scope, clock: ManualClock
) -> None:
    made, broken = ThingMade("cup", clock.now()), ThingBroken("cup")

    def both(tx: Transaction) -> None:
        tx.tell(made)
        tx.tell(broken)

    await storage.write(scope, both)
    await storage.write(other_scope, partial(tell, ThingMade("jug")))

    mine = await storage.read(scope, lambda tx: since(tx, 0))
    assert [
        ("foundation.ThingMade", scope, {"name": "cup", "at": "2026-01-01T00:00:00Z"}),
        ("foundation.ThingBroken", scope, {"name": "cup"}),
    ] == [(each.kind, each.scope, each.body) for each in mine]
    assert mine[1:] == await storage.read(scope, lambda tx: since(tx, mine[0].sequence))
    assert 3 == len(await storage.read(None, lambda tx: since(tx, 0)))
    assert mine[1].sequence == await storage.read(scope, newest)


async def test_what_is_undone_is_not_told(
    house: House, scope: Scope, clock: ManualClock, ids: SequentialIds, ear: Ear
) -> None:
    house.bulletin.subscribe(ThingMade, ear.hear)

    def fail(tx: Transaction) -> None:
        tx.tell(ThingMade("never"))
        raise LookupError

    outcomes = await asyncio.gather(
        house.storage.write(scope, fail),
        house.storage.write(scope, partial(tell, ThingMade("once"))),
        return_exceptions=True,
    )
    await timers(house, clock, ids).run_due()

    assert isinstance(outcomes[0], LookupError)
    assert [(scope, ThingMade("once"))] == ear.heard


async def test_each_listener_of_the_kind_hears_it(
    house: House, scope: Scope, clock: ManualClock, ids: SequentialIds, ear: Ear
) -> None:
    house.bulletin.subscribe(ThingMade, ear.hear)
    house.bulletin.subscribe(ThingMade, ear.hear_too)
    event = ThingMade("cup", clock.now())

    await house.storage.write(scope, partial(tell, event))
    await timers(house, clock, ids).run_due()

    assert [(scope, event)] * 2 == ear.heard


async def test_two_listeners_do_not_share_a_name(house: House, ear: Ear) -> None:
    house.bulletin.subscribe(ThingMade, ear.hear)
    house.bulletin.subscribe(ThingBroken, Ear().hear)

    with pytest.raises(ValueError, match=r"event:foundation\.Ear\.hear"):
        house.bulletin.handlers(house.storage)


async def test_a_listener_to_announcements_hears_every_kind_of_them(
    house: House, scope: Scope, clock: ManualClock, ids: SequentialIds, ear: Ear
) -> None:
    house.bulletin.subscribe(Announcement, ear.hear)
    house.bulletin.subscribe(ThingAnnounced, ear.hear)
    event = ThingAnnounced("aws.ssm", "Thing Made", {"size": [1, {"of": None}]}, ("arn:x",))

    await house.storage.write(scope, partial(tell, event))
    await house.storage.write(scope, partial(tell, ThingMade("not announced")))
    await timers(house, clock, ids).run_due()

    assert [(scope, event)] == ear.heard


async def test_a_listener_that_fails_is_told_again_and_keeps_no_other_from_hearing(
    house: House, scope: Scope, clock: ManualClock, ids: SequentialIds, ear: Ear
) -> None:
    failures = iter([ValueError("deaf")])

    async def deaf_at_first(scope: Scope, event: Event) -> None:
        for failure in failures:
            raise failure
        await ear.hear_too(scope, event)

    house.bulletin.subscribe(ThingMade, deaf_at_first)
    house.bulletin.subscribe(ThingMade, ear.hear)
    loop = timers(house, clock, ids)

    await house.storage.write(scope, partial(tell, ThingMade("cup")))
    with pytest.raises(ValueError, match="deaf"):
        await loop.run_due()
    assert 1 == len(ear.heard)
    await clock.advance(timedelta(seconds=1))
    await loop.run_due()
    assert 2 == len(ear.heard)


async def test_the_whole_house_tells_on_behalf_of_a_scope(
    house: House, scope: Scope, clock: ManualClock, ids: SequentialIds, ear: Ear
) -> None:
    house.bulletin.subscribe(ThingMade, ear.hear)

    await house.storage.write(None, lambda tx: tx.tell(ThingMade("cup"), scope=scope))
    await timers(house, clock, ids).run_due()

    assert [(scope, ThingMade("cup"))] == ear.heard


async def test_a_scope_does_not_tell_for_another(
    storage: Storage, scope: Scope, other_scope: Scope
) -> None:
    with pytest.raises(ValueError, match="own"):
        await storage.write(scope, lambda tx: tx.tell(ThingMade("cup"), scope=other_scope))


async def test_who_reads_on_from_a_number_misses_nothing(
    house: House, scope: Scope, clock: ManualClock
) -> None:
    """Also while two processes tell at once: no smaller number is committed later."""
    storages = [house.storage, House(house.url, clock).storage]
    read: list[Told] = []
    telling = asyncio.gather(
        *(
            each.write(scope, partial(tell, ThingMade(f"{number}")))
            for number, each in enumerate(storages * 60)
        )
    )

    while not telling.done() or read[-1].sequence < await house.storage.read(scope, newest):
        last = read[-1].sequence if read else 0
        read += await house.storage.read(scope, partial(since, sequence=last, limit=7))

    storages[1].close()
    assert {f"{number}" for number in range(120)} == {each.body["name"] for each in read}
    assert all(one.sequence < other.sequence for one, other in pairwise(read))


async def test_what_is_old_is_forgotten_and_no_number_given_twice(
    storage: Storage, scope: Scope, clock: ManualClock
) -> None:
    await storage.write(scope, partial(tell, ThingMade("old")))
    last = await storage.read(scope, newest)
    await clock.advance(timedelta(days=2))

    cut = clock.now() - timedelta(days=1)
    assert 1 == await storage.write(None, partial(forget, before=cut))
    await storage.write(scope, partial(tell, ThingMade("new")))

    assert ["new"] == [
        e.body["name"] for e in await storage.read(scope, partial(since, sequence=last))
    ]
