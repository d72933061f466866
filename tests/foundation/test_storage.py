"""Storage: what was acknowledged is there, and nobody is harmed by others' failures."""

import asyncio
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta, timezone
from functools import partial
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Column, Integer, MetaData, String, event, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from ostler.foundation.clock import ManualClock
from ostler.foundation.storage import (
    Instant,
    Json,
    Scope,
    Spoiled,
    Storage,
    Transaction,
    scoped_table,
)
from tests.support.databases import House, create_tables, fresh_database

metadata = MetaData()
things = scoped_table(
    "things",
    metadata,
    Column("id", String(20), primary_key=True),
    Column("size", Integer),
    Column("at", Instant),
    Column("notes", Json),
)


@pytest.fixture
def house(engine: str, clock: ManualClock) -> Iterator[House]:
    with fresh_database(engine) as url:
        house = House(url, clock)
        metadata.create_all(house.storage.engine)
        yield house
        house.storage.close()


@pytest.fixture
def neighbour(house: House, clock: ManualClock) -> Iterator[Storage]:
    """Another process on the same database."""
    other = House(house.url, clock).storage
    yield other
    other.close()


def add(tx: Transaction, name: str, size: int = 0) -> str:
    tx.execute(insert(things).values(id=name, size=size))
    return name


def adding(name: str) -> Callable[[Transaction], str]:
    return lambda tx: add(tx, name)


def grow(tx: Transaction, name: str) -> int:
    size: int = tx.scalar(select(things.c.size).where(things.c.id == name))
    tx.execute(update(things).where(things.c.id == name).values(size=size + 1))
    return size + 1


def names(tx: Transaction) -> list[str]:
    return [row.id for row in tx.all(select(things).order_by(things.c.id))]


async def test_a_read_sees_what_was_acknowledged_before(storage: Storage, scope: Scope) -> None:
    for number in range(50):
        await storage.write(scope, adding(f"{number:02}"))

        assert f"{number:02}" == (await storage.read(scope, names))[-1]


async def test_a_read_sees_one_moment(storage: Storage, scope: Scope) -> None:
    """What is committed while a function reads does not show in the middle of it."""
    loop = asyncio.get_running_loop()

    def twice(tx: Transaction) -> tuple[list[str], list[str]]:
        before = names(tx)
        writing = storage.write(scope, adding("meanwhile"))
        asyncio.run_coroutine_threadsafe(writing, loop).result()
        return before, names(tx)

    assert ([], []) == await storage.read(scope, twice)
    assert ["meanwhile"] == await storage.read(scope, names)


async def test_no_update_is_lost(storage: Storage, neighbour: Storage, scope: Scope) -> None:
    await storage.write(scope, adding("one"))

    sizes = await asyncio.gather(
        *(each.write(scope, lambda tx: grow(tx, "one")) for each in (storage, neighbour) * 20)
    )

    assert list(range(1, 41)) == sorted(sizes)


async def test_what_a_function_decides_on_does_not_change_under_it(
    storage: Storage, neighbour: Storage, scope: Scope
) -> None:
    """Two that each see one place left, and take it, come after one another."""

    def take(name: str, tx: Transaction) -> bool:
        if tx.scalar(select(func.count()).select_from(things)) > 0:
            return False
        add(tx, name)
        return True

    took = await asyncio.gather(
        *(
            each.write(scope, partial(take, f"{number}"))
            for number, each in enumerate((storage, neighbour) * 10)
        )
    )

    assert 1 == sum(took)
    assert 1 == len(await storage.read(scope, names))


async def test_a_function_that_fails_harms_no_other(storage: Storage, scope: Scope) -> None:
    def attempt(number: int, tx: Transaction) -> str:
        name = add(tx, f"{number:03}")
        if number % 10 == 3:
            raise LookupError(name)
        if number % 10 == 7:
            add(tx, name)
        return name

    outcomes = await asyncio.gather(
        *(storage.write(scope, partial(attempt, n)) for n in range(200)),
        return_exceptions=True,
    )

    kinds = {3: LookupError, 7: IntegrityError}
    assert [kinds.get(n % 10, str) for n in range(200)] == [type(each) for each in outcomes]
    assert [each for each in outcomes if isinstance(each, str)] == await storage.read(scope, names)


@pytest.mark.parametrize("engine", ["sqlite"])  # the lanes are the same; this driver can be heard
async def test_waiting_functions_share_a_commit(house: House, scope: Scope) -> None:
    commands: list[str] = []

    @event.listens_for(house.storage.engine, "connect")
    def listen(connection: Any, _record: Any) -> None:
        connection.set_trace_callback(commands.append)

    await asyncio.gather(*(house.storage.write(scope, adding(f"{n}")) for n in range(100)))

    assert 100 == len(await house.storage.read(scope, names))
    assert 1 <= commands.count("COMMIT") <= 10


async def test_what_is_to_follow_a_commit_follows_it(storage: Storage, scope: Scope) -> None:
    said: list[str] = []

    def change(tx: Transaction, name: str) -> None:
        tx.after_commit(lambda: said.append(name))
        add(tx, name)
        if name == "bad":
            raise LookupError

    await storage.write(scope, lambda tx: change(tx, "good"))
    assert ["good"] == said
    with pytest.raises(LookupError):
        await storage.write(scope, lambda tx: change(tx, "bad"))
    assert ["good"] == said


async def test_a_witness_sees_changes_only_and_is_undone_with_them(
    storage: Storage, scope: Scope
) -> None:
    def witness(tx: Transaction) -> None:
        add(tx, f"seen {len(names(tx))}")

    witnessed = Scope(scope.account, scope.region, witness)

    def fail(tx: Transaction) -> None:
        add(tx, "never")
        raise LookupError

    await storage.read(witnessed, names)
    await storage.write(witnessed, names)
    with pytest.raises(LookupError):
        await storage.write(witnessed, fail)
    assert [] == await storage.read(scope, names)

    await storage.write(witnessed, adding("one"))
    assert ["one", "seen 1"] == await storage.read(scope, names)


async def test_a_failed_statement_spoils_the_transaction(storage: Storage, scope: Scope) -> None:
    """As it does on PostgreSQL, so that SQLite shows it, too."""

    def ignore(tx: Transaction) -> None:
        add(tx, "one")
        with pytest.raises(IntegrityError):
            add(tx, "one")
        add(tx, "two")

    with pytest.raises(Spoiled):
        await storage.write(scope, ignore)
    assert [] == await storage.read(scope, names)


async def test_a_savepoint_keeps_a_failure_in(storage: Storage, scope: Scope) -> None:
    def cautious(tx: Transaction) -> None:
        add(tx, "one")
        with pytest.raises(IntegrityError), tx.savepoint():
            add(tx, "two")
            add(tx, "one")
        with tx.savepoint():
            add(tx, "three")

    await asyncio.gather(storage.write(scope, cautious), storage.write(scope, adding("four")))

    assert ["four", "one", "three"] == await storage.read(scope, names)


async def test_one_who_stops_waiting_leaves_the_others_waiting(
    storage: Storage, scope: Scope
) -> None:
    tasks = [asyncio.create_task(storage.write(scope, adding(f"{n}"))) for n in range(9)]
    await asyncio.wait(tasks, timeout=0)
    tasks[4].cancel()

    outcomes = await asyncio.gather(*tasks, return_exceptions=True)

    assert 8 == sum(isinstance(each, str) for each in outcomes)


async def test_many_rows_and_upserts(storage: Storage, scope: Scope) -> None:
    rows = [{"id": f"{n:03}", "size": n} for n in range(100)]
    more = [{"id": f"{n:03}", "size": -n} for n in range(98, 103)]

    def change(tx: Transaction) -> None:
        tx.insert_many(things, rows)
        tx.insert_many(things, [])
        tx.upsert(things, more, key=["id"])
        tx.upsert(things, {"id": "000", "size": 9}, key=["id"], update=[])
        tx.upsert(things, {"id": "001", "size": 9}, key=["id"], update={"size": things.c.size + 1})

    await storage.write(scope, change)

    sizes = await storage.read(
        scope, lambda tx: {row.id: row.size for row in tx.all(select(things))}
    )
    assert {"000": 0, "001": 2, "097": 97, "098": -98, "102": -102} == {
        name: sizes[name] for name in ("000", "001", "097", "098", "102")
    }


async def test_a_closed_storage_says_so(storage: Storage, scope: Scope) -> None:
    storage.close()

    with pytest.raises(RuntimeError, match="closed"):
        await storage.read(scope, names)


async def test_a_storage_in_memory(scope: Scope, clock: ManualClock) -> None:
    storage = House("sqlite://", clock).storage
    await create_tables(storage, metadata)

    await storage.write(scope, adding("one"))

    assert ["one"] == await storage.read(scope, names)
    storage.close()


# Types


@settings(max_examples=50, deadline=None)
@given(
    at=st.datetimes(timezones=st.just(UTC)).map(lambda at: at.astimezone(timezone(timedelta(0)))),
    notes=st.recursive(
        st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
        max_leaves=5,
    ),
)
def test_instants_and_json_come_back(at: datetime, notes: Any) -> None:
    dialect: Any = None

    assert at == Instant().process_result_value(Instant().process_bind_param(at, dialect), dialect)
    assert notes == Json().process_result_value(Json().process_bind_param(notes, dialect), dialect)


async def test_instants_are_compared_and_moved(
    storage: Storage, scope: Scope, clock: ManualClock
) -> None:
    hour = timedelta(hours=1)

    def change(tx: Transaction) -> Any:
        tx.execute(insert(things).values(id="one", at=clock.now(), notes={"a": [1]}))
        tx.execute(update(things).where(things.c.at <= clock.now()).values(at=things.c.at + hour))
        return tx.one(select(things.c.at, things.c.notes).where(things.c.at > clock.now()))

    assert (clock.now() + hour, {"a": [1]}) == await storage.write(scope, change)


def test_an_instant_says_its_time_zone() -> None:
    dialect: Any = None

    with pytest.raises(ValueError, match="time zone"):
        Instant().process_bind_param(datetime(2026, 1, 1), dialect)  # noqa: DTZ001 - on purpose


async def test_a_fault_does_not_tell_what_the_statement_was_given(
    storage: Storage, scope: Scope
) -> None:
    """Faults end in the log, and what was given may be a script with a password in it."""
    await storage.write(scope, adding("x"))

    def add_again(tx: Transaction) -> None:
        tx.execute(insert(things).values(id="x", notes={"script": "s3cret"}))

    with pytest.raises(IntegrityError) as fault:
        await storage.write(scope, add_again)

    assert "s3cret" not in str(fault.value)
