"""Deliveries: tried until they are taken or given up, and no receiver holds up another."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from functools import partial

import pytest

from ostler.foundation import deliveries
from ostler.foundation.clock import ManualClock
from ostler.foundation.deliveries import (
    AT_ONCE,
    LONGEST_PAUSE,
    TIMER,
    Deliveries,
    NotNow,
    Parcel,
    Undeliverable,
)
from ostler.foundation.ids import SequentialIds
from ostler.foundation.paging import PageRequest
from ostler.foundation.storage import Scope
from ostler.foundation.timers import Timers
from tests.support.databases import House, assert_schema_matches

HOUR = timedelta(hours=1)


class Receiver:
    """Takes parcels, unless it is away; it remembers every attempt."""

    def __init__(self) -> None:
        self.refusal: Exception | None = None
        self.came: list[str] = []

    async def take(self, scope: Scope, parcel: Parcel) -> None:
        self.came.append(parcel.id)
        if self.refusal is not None:
            raise self.refusal


class Post:
    """Deliveries over a database, with a receiver."""

    def __init__(self, house: House, scope: Scope, clock: ManualClock, ids: SequentialIds) -> None:
        self.storage, self.scope, self.clock = house.storage, scope, clock
        self.receiver = Receiver()
        self.carrying = Deliveries(house.storage, clock, chance=lambda: 1.0)
        self.carrying.serve("test", self.receiver.take)
        handlers = {TIMER: self.carrying.carry}
        self.timers = Timers(house.storage, clock, ids, house.schedule, handlers)

    def parcel(self, name: str, **changed: object) -> Parcel:
        now = self.clock.now()
        plain = Parcel(
            id=name,
            channel="test",
            destination="arn:a",
            subject="arn:s",
            content={"text": name},
            created=now,
            expires=now + 24 * HOUR,
            most_attempts=100,
        )
        return replace(plain, **changed)  # type: ignore[arg-type]

    async def hand_over(self, *parcels: Parcel) -> None:
        await self.storage.write(self.scope, partial(deliveries.hand_over, parcels=parcels))

    async def kept(self, *, failed: bool | None = None, subject: str = "") -> list[Parcel]:
        look = partial(deliveries.page, asked=PageRequest(100), failed=failed, subject=subject)
        return list((await self.storage.read(self.scope, look)).items)

    async def pass_time(self, time: timedelta) -> None:
        """Let time pass, and what is due on the way happen at its time."""
        end = self.clock.now() + time
        while True:
            await self.timers.run_due()
            due = [each.due_at for each in await self.kept(failed=False) if each.due_at]
            following = min([*due, end])
            if following >= end:
                break
            await self.clock.advance(max(following - self.clock.now(), timedelta(seconds=1)))
        await self.clock.advance(end - self.clock.now())
        await self.timers.run_due()


@pytest.fixture
def post(house: House, scope: Scope, clock: ManualClock, ids: SequentialIds) -> Post:
    return Post(house, scope, clock, ids)


def test_the_migrations_make_the_table() -> None:
    assert_schema_matches(deliveries.MIGRATIONS, deliveries.metadata)


async def test_what_is_taken_is_forgotten(post: Post) -> None:
    await post.hand_over(post.parcel("one"), post.parcel("two", destination="arn:b"))

    await post.timers.run_due()

    assert ["one", "two"] == sorted(post.receiver.came)
    assert [] == await post.kept()


async def test_a_receiver_that_is_away_for_an_hour_gets_it_afterwards(post: Post) -> None:
    post.receiver.refusal = NotNow("away")
    await post.hand_over(post.parcel("one"))

    await post.pass_time(HOUR)
    post.receiver.refusal = None
    tried = len(post.receiver.came)
    await post.pass_time(LONGEST_PAUSE)

    assert 10 < tried < 20
    assert tried + 1 == len(post.receiver.came)
    assert [] == await post.kept()


async def test_attempts_are_limited(post: Post) -> None:
    post.receiver.refusal = NotNow("away")
    await post.hand_over(post.parcel("one", most_attempts=3))

    await post.pass_time(HOUR)

    [left] = await post.kept(failed=True)
    assert ["one"] * 3 == post.receiver.came
    assert (3, "away") == (left.attempts, left.fault)


async def test_age_is_limited(post: Post) -> None:
    post.receiver.refusal = NotNow("away")
    await post.hand_over(post.parcel("one", expires=post.clock.now() + timedelta(minutes=1)))

    await post.pass_time(HOUR)

    assert [6] == [left.attempts for left in await post.kept(failed=True)]


async def test_what_waited_through_a_long_stop_of_the_server_is_tried_once(post: Post) -> None:
    await post.hand_over(post.parcel("one", expires=post.clock.now() + HOUR))
    await post.clock.advance(48 * HOUR)

    await post.timers.run_due()

    assert ["one"] == post.receiver.came


async def test_what_will_never_be_taken_is_not_tried_again(post: Post) -> None:
    post.receiver.refusal = Undeliverable("no such thing")
    await post.hand_over(post.parcel("one"))

    await post.pass_time(HOUR)

    assert ["one"] == post.receiver.came
    assert ["no such thing"] == [left.fault for left in await post.kept(failed=True)]


async def test_a_receiver_says_when_to_come_again(post: Post) -> None:
    post.receiver.refusal = NotNow("busy", timedelta(minutes=5))
    await post.hand_over(post.parcel("one"))

    await post.timers.run_due()

    [waiting] = await post.kept()
    assert post.clock.now() + timedelta(minutes=5) == waiting.due_at


async def test_our_own_fault_holds_up_no_other(post: Post) -> None:
    async def stumble(scope: Scope, parcel: Parcel) -> None:
        if parcel.id == "bad":
            raise RuntimeError("a bug")
        await post.receiver.take(scope, parcel)

    post.carrying.serve("test", stumble)
    await post.hand_over(post.parcel("bad"), post.parcel("good"))

    await post.timers.run_due()

    assert ["good"] == post.receiver.came
    assert ["bad"] == [left.id for left in await post.kept()]


async def test_a_queue_brings_only_some_at_once(post: Post) -> None:
    on_the_way, most = 0, 0

    async def count(scope: Scope, parcel: Parcel) -> None:
        nonlocal on_the_way, most
        on_the_way += 1
        most = max(most, on_the_way)
        await post.clock.sleep(timedelta(0))
        on_the_way -= 1

    post.carrying.serve("test", count)
    await post.hand_over(*(post.parcel(f"{number:03}") for number in range(3 * AT_ONCE)))

    await post.pass_time(timedelta(seconds=5))

    assert AT_ONCE == most
    assert [] == await post.kept()


async def test_a_slow_destination_is_given_its_pace(post: Post) -> None:
    await post.hand_over(*(post.parcel(f"{number}", pace=2) for number in range(6)))

    await post.timers.run_due()
    at_once = len(post.receiver.came)
    await post.clock.advance(timedelta(seconds=1))
    await post.timers.run_due()

    assert (2, 4) == (at_once, len(post.receiver.came))


async def test_one_that_hangs_does_not_hold_up_another(post: Post) -> None:
    hanging, came = asyncio.Event(), asyncio.Event()

    async def take(scope: Scope, parcel: Parcel) -> None:
        if parcel.destination == "arn:slow":
            await hanging.wait()
        else:
            came.set()

    post.carrying.serve("test", take)
    slow = [post.parcel(f"slow{number:03}", destination="arn:slow") for number in range(200)]
    await post.hand_over(*slow)
    await post.hand_over(post.parcel("quick", destination="arn:quick"))
    running = asyncio.create_task(post.timers.run_due())

    await asyncio.wait_for(came.wait(), 20)

    assert not running.done()
    hanging.set()
    await running


async def test_what_was_given_up_is_tried_again_when_somebody_says_so(post: Post) -> None:
    post.receiver.refusal = Undeliverable("closed")
    await post.hand_over(post.parcel("one"))
    await post.timers.run_due()
    post.receiver.refusal = None

    again = partial(deliveries.again, ids=["one", "none"], at=post.clock.now())
    assert ["one"] == await post.storage.write(post.scope, again)
    await post.timers.run_due()

    assert [] == await post.kept()


async def test_the_list_has_pages_and_subjects(post: Post) -> None:
    for number in range(5):
        await post.hand_over(post.parcel(str(number), subject=f"arn:{number % 2}"))
        await post.clock.advance(timedelta(seconds=1))
    first = await post.storage.read(post.scope, partial(deliveries.page, asked=PageRequest(3)))
    rest = await post.storage.read(
        post.scope, partial(deliveries.page, asked=PageRequest(3, first.last))
    )

    assert ["0", "1", "2"] == [each.id for each in first.items]
    assert ["3", "4"] == [each.id for each in rest.items]
    assert ["1", "3"] == [each.id for each in await post.kept(subject="arn:1")]


async def test_what_was_given_up_long_ago_is_dropped(post: Post) -> None:
    post.receiver.refusal = Undeliverable("closed")
    await post.hand_over(post.parcel("one"))
    await post.timers.run_due()
    await post.clock.advance(HOUR)

    drop = partial(deliveries.forget, before=post.clock.now())

    assert 1 == await post.storage.write(None, drop)
