"""Scoping: whatever the statement, a scoped transaction sees and changes its own rows only."""

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import (
    Column,
    Executable,
    Integer,
    MetaData,
    String,
    Table,
    UniqueConstraint,
    column,
    delete,
    exists,
    func,
    insert,
    literal_column,
    select,
    table,
    text,
    union,
    update,
)

from ostler.foundation.clock import ManualClock
from ostler.foundation.ids import AccountId, Region
from ostler.foundation.storage import ReadOnly, Scope, Storage, Transaction, Unscoped, scoped_table
from ostler.foundation.storage.scoping import ACCOUNT, REGION
from tests.support.databases import ENGINES, House, create_tables, fresh_database

OURS = Scope(AccountId("111111111111"), Region("north"))
OTHERS = [
    Scope(AccountId("111111111111"), Region("south")),
    Scope(AccountId("222222222222"), Region("north")),
]

metadata = MetaData()
things = scoped_table(
    "things",
    metadata,
    Column("id", String(20), primary_key=True),
    Column("size", Integer),
    Column("token", String(20)),
    UniqueConstraint("token", name="things_token"),
)
parts = scoped_table(
    "parts",
    metadata,
    Column("id", String(20), primary_key=True),
    Column("size", Integer),
)
colours = Table("colours", metadata, Column("id", String(20), primary_key=True))
almost = Table("almost", metadata, Column("account", String(12)), Column("region", String(64)))


@dataclass
class Bench:
    """One database of each engine, for statements without end."""

    storage: Storage
    runner: asyncio.Runner

    def run(self, scope: Scope | None, function: Callable[[Transaction], Any]) -> Any:
        return self.runner.run(self.storage.write(scope, function))


@pytest.fixture(scope="module", params=ENGINES)
def bench(request: pytest.FixtureRequest) -> Iterator[Bench]:
    with fresh_database(request.param, ()) as url, asyncio.Runner() as runner:
        storage = House(url, ManualClock(), inline=True).storage
        runner.run(create_tables(storage, metadata))
        yield Bench(storage, runner)
        storage.close()


# What is selected from, and under which conditions

Source = Callable[[], Any]
sizes = st.integers(0, 3)


def _tables() -> st.SearchStrategy[Source]:
    return st.sampled_from([lambda: things, lambda: parts])


def _larger(sources: st.SearchStrategy[Source]) -> st.SearchStrategy[Source]:
    def picked(source: Source, size: int) -> Any:
        inner = source()
        return select(inner.c.id, inner.c.size).where(inner.c.size >= size)

    def joined(left: Source, right: Source, *, outer: bool, full: bool) -> Any:
        one, other = left().alias(), right().alias()
        both = one.join(other, one.c.size == other.c.size, isouter=outer, full=full)
        named = func.coalesce(one.c.id, other.c.id).label("id")
        return select(named, func.coalesce(other.c.size, 9).label("size")).select_from(both)

    return st.one_of(
        st.builds(lambda source: lambda: source().alias(), sources),
        st.builds(lambda source, size: lambda: picked(source, size).subquery(), sources, sizes),
        st.builds(lambda source, size: lambda: picked(source, size).cte(), sources, sizes),
        st.builds(
            lambda one, other: lambda: union(picked(one, 0), picked(other, 1)).subquery(),
            sources,
            sources,
        ),
        st.builds(
            lambda one, other, outer, full: (
                lambda: joined(one, other, outer=outer, full=full).subquery()
            ),
            sources,
            sources,
            st.booleans(),
            st.booleans(),
        ),
    )


sources = st.recursive(_tables(), _larger, max_leaves=4)


@st.composite
def conditions(draw: st.DrawFn) -> Callable[[Any], Any]:
    """A condition on rows that have an id and a size."""
    size = draw(sizes)
    other = draw(sources)

    def like_another(rows: Any) -> Any:
        inner = other().alias()
        return exists().where(inner.c.size == rows.c.size)

    def largest(rows: Any) -> Any:
        inner = other().alias()
        return rows.c.size >= select(func.max(inner.c.size)).scalar_subquery()

    chosen: Callable[[Any], Any] = draw(
        st.sampled_from(
            [
                lambda rows: rows.c.size > size,
                lambda rows: rows.c.id.in_(select(other().alias().c.id)),
                lambda rows: rows.c.id.not_in(select(other().alias().c.id)),
                like_another,
                lambda rows: ~like_another(rows),
                largest,
            ]
        )
    )
    return chosen


@st.composite
def selects(draw: st.DrawFn) -> Callable[[], Executable]:
    source, condition, other = draw(sources), draw(conditions()), draw(sources)
    shape = draw(st.sampled_from(["rows", "count", "groups", "columns"]))

    def build() -> Executable:
        rows = source()
        match shape:
            case "rows":
                return select(rows).where(condition(rows))
            case "count":
                return select(func.count()).select_from(rows).where(condition(rows))
            case "groups":
                return (
                    select(rows.c.size, func.count()).where(condition(rows)).group_by(rows.c.size)
                )
        inner = other().alias()
        fewer = select(func.count()).where(inner.c.size < rows.c.size).scalar_subquery()
        return select(rows.c.id, fewer).where(condition(rows))

    return build


@st.composite
def changes(draw: st.DrawFn) -> Callable[[dict[str, str]], tuple[Executable, Any]]:
    """A statement that changes rows; `own` is what it must say of whose rows are new."""
    target = draw(st.sampled_from([things, parts]))
    condition, source, size = draw(conditions()), draw(sources), draw(sizes)
    kind = draw(
        st.sampled_from(["update", "update from", "update to", "delete", "insert", "many", "copy"])
    )

    def build(own: dict[str, str]) -> tuple[Executable, Any]:
        rows = source().alias()
        match kind:
            case "update":
                return update(target).where(condition(target)).values(size=size), None
            case "update to":
                largest = select(func.max(rows.c.size)).scalar_subquery()
                return update(target).where(condition(target)).values(size=largest), None
            case "update from":
                joined = update(target).where(target.c.id == rows.c.id)
                return joined.values(size=target.c.size + 10), None
            case "delete":
                return delete(target).where(condition(target)), None
            case "insert":
                return insert(target).values(id="new", size=size, **own), None
            case "many":
                return insert(target), [{"id": f"new{n}", "size": n, **own} for n in range(3)]
        copied = select(("copy-" + rows.c.id).label("id"), func.max(rows.c.size))
        names = ["id", "size"]
        if own:
            copied = copied.add_columns(*(literal_column(f"'{each}'") for each in own.values()))
            names += own
        return insert(target).from_select(names, copied.group_by(rows.c.id)), None

    return build


rows_of_scopes = st.lists(
    st.tuples(
        st.sampled_from([things, parts]),
        st.sampled_from([OURS, *OTHERS]),
        st.sampled_from("abcd"),
        sizes,
    ),
    unique_by=lambda row: row[:3],
    max_size=16,
)
quick = settings(
    max_examples=50,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@quick
@given(rows=rows_of_scopes, build=selects())
def test_a_selection_is_as_if_there_were_no_other_scopes(
    bench: Bench, rows: list[Any], build: Callable[[], Executable]
) -> None:
    bench.run(None, lambda tx: _fill(tx, rows))
    seen = bench.run(OURS, lambda tx: _plain(tx, build()))

    bench.run(None, lambda tx: _fill(tx, [row for row in rows if row[1] == OURS]))
    alone = bench.run(None, lambda tx: _plain(tx, build()))

    assert alone == seen


@quick
@given(rows=rows_of_scopes, build=changes())
def test_a_change_leaves_other_scopes_as_they_were(
    bench: Bench, rows: list[Any], build: Callable[[dict[str, str]], tuple[Executable, Any]]
) -> None:
    bench.run(None, lambda tx: _fill(tx, rows))
    others = bench.run(None, lambda tx: _all(tx, ours=False))
    count = bench.run(OURS, lambda tx: tx.execute(*build({})).rowcount)

    assert others == bench.run(None, lambda tx: _all(tx, ours=False))
    changed = bench.run(None, lambda tx: _all(tx, ours=True))

    own = {"account": OURS.account, "region": OURS.region}
    bench.run(None, lambda tx: _fill(tx, [row for row in rows if row[1] == OURS]))
    assert count == bench.run(None, lambda tx: tx.execute(*build(own)).rowcount)
    assert bench.run(None, lambda tx: _all(tx, ours=True)) == changed


@pytest.mark.parametrize(
    "statement",
    [
        pytest.param(text("SELECT * FROM things"), id="text"),
        pytest.param(select(text("1")), id="text as a column"),
        pytest.param(select(things).where(text("1 = 1")), id="text as a condition"),
        pytest.param(select(things).order_by(text("id")), id="text as an order"),
        pytest.param(select(literal_column("(SELECT max(size) FROM things)")), id="literal"),
        pytest.param(select(table("things", column("id"))), id="an undeclared table"),
        pytest.param(select(almost), id="a table that looks scoped"),
        pytest.param(select(things).prefix_with("DISTINCT"), id="a prefix"),
        pytest.param(select(things).with_hint(things, "NOT INDEXED"), id="a hint"),
        pytest.param(select(things).with_statement_hint("LIMIT 1"), id="a statement's hint"),
        pytest.param(insert(things).values(id="1", account="222222222222"), id="its account"),
        pytest.param(insert(things).values([{"id": "1", "region": "south"}]), id="its region"),
        pytest.param(
            insert(things).from_select(["account", "region"], select(almost)), id="a copied account"
        ),
        pytest.param(update(things).values(account="222222222222"), id="giving away"),
        pytest.param(update(things).ordered_values(("region", "south")), id="giving away in order"),
        pytest.param(
            select(insert(things).values(id="1").returning(things.c.id).cte()),
            id="a change inside a selection",
        ),
    ],
)
def test_what_cannot_be_scoped_is_refused(bench: Bench, statement: Executable) -> None:
    with pytest.raises(Unscoped):
        bench.run(OURS, lambda tx: tx.execute(statement))


def test_parameters_cannot_give_a_row_away(bench: Bench) -> None:
    with pytest.raises(Unscoped):
        bench.run(OURS, lambda tx: tx.execute(insert(things), {"id": "1", "account": "2"}))
    with pytest.raises(Unscoped):
        bench.run(OURS, lambda tx: tx.insert_many(things, [{"id": "1", "region": "south"}]))
    with pytest.raises(Unscoped):
        bench.run(OURS, lambda tx: tx.execute(update(things), {"account": "2"}))


def test_a_conflict_with_another_scopes_row_is_not_resolved_by_changing_it(bench: Bench) -> None:
    row = {"id": "1", "size": 1, "token": "x"}

    with pytest.raises(Unscoped):
        bench.run(OURS, lambda tx: tx.upsert(things, row, key=["token", "account"]))


def test_an_upsert_meets_rows_of_its_own_scope(bench: Bench) -> None:
    bench.run(None, lambda tx: _fill(tx, [(things, scope, "a", 1) for scope in OTHERS]))

    for size in (2, 3):
        row = {"id": "a", "size": size}
        bench.run(OURS, partial(_upsert, row))

    everything = bench.run(None, lambda tx: _plain(tx, select(things.c.account, things.c.size)))
    assert [(OURS.account, 1), (OURS.account, 3), ("222222222222", 1)] == everything


def test_a_house_wide_table_is_open_to_every_scope(bench: Bench) -> None:
    bench.run(OURS, lambda tx: tx.upsert(colours, {"id": "red"}, key=["id"]))

    assert bench.run(OTHERS[0], lambda tx: "red" == tx.scalar(select(colours.c.id)))


def test_locked_rows_are_the_scopes_own(bench: Bench) -> None:
    bench.run(None, lambda tx: _fill(tx, [(things, each, "a", 1) for each in (OURS, *OTHERS)]))

    locked = select(things.c.region).with_for_update(of=things, skip_locked=True)

    assert [(OURS.region,)] == bench.run(OURS, lambda tx: _plain(tx, locked))


def test_a_reader_changes_nothing(bench: Bench) -> None:
    for function in (
        lambda tx: tx.execute(delete(things)),
        lambda tx: tx.tell(object()),
        lambda tx: tx.upsert(things, {"id": "1"}, key=["id"]),
    ):
        with pytest.raises(ReadOnly):
            bench.runner.run(bench.storage.read(OURS, function))


def test_sqlite_looks_scoped_rows_up_by_their_key(bench: Bench) -> None:
    """The subquery that stands for a table costs nothing."""
    if bench.storage.dialect != "sqlite":
        return
    other = things.alias()
    statement = (
        select(parts.c.size, other.c.size)
        .select_from(parts.outerjoin(other, other.c.id == parts.c.id))
        .where(parts.c.id == "a")
    )
    compiled: Any = statement.compile(bench.storage.engine, column_keys=[ACCOUNT, REGION])

    with bench.storage.engine.connect() as connection:
        plan = connection.exec_driver_sql(
            f"EXPLAIN QUERY PLAN {compiled}", ("x",) * len(compiled.positiontup)
        )
        steps = [step.detail for step in plan]

    assert ["SEARCH", "SEARCH"] == [step.split()[0] for step in steps], steps
    assert all("account=? AND region=? AND id=?" in step for step in steps), steps


def _fill(tx: Transaction, rows: list[Any]) -> None:
    for each in (things, parts):
        tx.execute(delete(each))
    for each, scope, name, size in rows:
        own = {"account": scope.account, "region": scope.region}
        tx.execute(insert(each).values(id=name, size=size, **own))


def _upsert(row: dict[str, Any], tx: Transaction) -> None:
    tx.upsert(things, row, key=["id"])


def _plain(tx: Transaction, statement: Executable) -> list[tuple[Any, ...]]:
    return sorted((tuple(row) for row in tx.all(statement)), key=repr)


def _all(tx: Transaction, *, ours: bool) -> list[tuple[Any, ...]]:
    rows: list[tuple[Any, ...]] = [
        (each.name, *row) for each in (things, parts) for row in tx.all(select(each))
    ]
    return sorted(
        (row for row in rows if (row[1:3] == (OURS.account, OURS.region)) == ours), key=repr
    )
