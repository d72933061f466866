"""Snapshots: all rows of a database at one moment, in a form that either engine takes back."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, MetaData, Table, delete, func, insert, inspect, select, text
from sqlalchemy.exc import DBAPIError

from ostler.foundation.storage.engines import open_backend
from ostler.foundation.storage.migrations import Migration, migrate, steps_taken

_AT_ONCE = 2_000
_MIGRATIONS = "migrations"

# What concurrent serializable transactions leave to a plain snapshot may be a state that no order
# of them gives; a deferrable one waits for a moment when that cannot be.
_BEGIN = {
    "sqlite": "BEGIN",
    "postgresql": "BEGIN ISOLATION LEVEL SERIALIZABLE READ ONLY DEFERRABLE",
}


class NotEmpty(Exception):
    """Where rows were to be brought back there is something already."""


class DatabaseFault(Exception):
    """The database cannot be reached, or does not do what it should; the text is its own."""


@dataclass(frozen=True, slots=True)
class Rows:
    """Some rows of a table; their values are text, whole numbers, booleans, bytes and None."""

    table: str
    columns: Sequence[str]
    values: Sequence[Sequence[Any]]


class Snapshot:
    """One moment of a database, as long as `snapshot` keeps it."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._tables = _tables(connection)
        self.engine: str = connection.dialect.name
        self.steps = steps_taken(connection)
        """The migrations that made the tables, as capability and number."""

    def rows(self) -> Iterator[Rows]:
        """Every row, table by table."""
        for table in self._tables:
            found = self._connection.execute(
                select(table), execution_options={"yield_per": _AT_ONCE}
            )
            for some in found.partitions():
                yield Rows(
                    table.name, [*map(str, table.columns.keys())], [tuple(row) for row in some]
                )

    def numbers(self) -> Mapping[str, int]:
        """The last number that each table which counts its rows has given."""
        if self.engine == "sqlite":
            counted = text("SELECT name, seq FROM sqlite_sequence")
            return {row.name: row.seq for row in self._connection.execute(counted)}
        last = text("SELECT last_value FROM pg_sequences WHERE sequencename = :name")
        sequences = _sequences(self._connection, self._tables)
        return {
            table: self._connection.scalar(last, {"name": sequence.partition(".")[2]}) or 0
            for table, sequence in sequences.items()
        }


@contextmanager
def snapshot(url: str) -> Iterator[Snapshot]:
    """The present moment of a database, which others read and write meanwhile."""
    with _connected(url) as connection:
        connection.exec_driver_sql(_BEGIN[connection.dialect.name])
        try:
            yield Snapshot(connection)
        finally:
            connection.exec_driver_sql("ROLLBACK")


class Filling:
    """A new database, as long as `filling` fills it."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._tables = {table.name: table for table in _tables(connection)}
        # Some migrations bring rows along; those of the snapshot are all that there were.
        for table in reversed(self._tables.values()):
            connection.execute(delete(table))

    def put(self, rows: Rows) -> None:
        """Have these rows."""
        named = [dict(zip(rows.columns, each, strict=True)) for each in rows.values]
        self._connection.execute(insert(self._tables[rows.table]), named)

    def count_on(self, numbers: Mapping[str, int]) -> None:
        """Have no number given twice."""
        if self._connection.dialect.name == "sqlite":
            forget = text("DELETE FROM sqlite_sequence WHERE name = :name")
            remember = text("INSERT INTO sqlite_sequence (name, seq) VALUES (:name, :last)")
            for name, last in numbers.items():
                self._connection.execute(forget, {"name": name})
                self._connection.execute(remember, {"name": name, "last": last})
            return
        sequences = _sequences(self._connection, self._tables.values())
        for name, last in numbers.items():
            if last:
                self._connection.execute(select(func.setval(sequences[name], last)))


@contextmanager
def filling(url: str, migrations: Sequence[Migration]) -> Iterator[Filling]:
    """A new database with the tables of `migrations`; it has everything in the end, or no table."""
    with _connected(url) as connection:
        if inspect(connection).get_table_names():
            raise NotEmpty("The database has tables already.")
        try:
            migrate(connection.engine, migrations)
            with _transaction(connection):
                yield Filling(connection)
        except BaseException:
            made = MetaData()
            made.reflect(connection)
            made.drop_all(connection)
            raise


@contextmanager
def _connected(url: str) -> Iterator[Connection]:
    engine = open_backend(url).engine
    try:
        with engine.connect() as connection:
            yield connection
    except DBAPIError as fault:
        raise DatabaseFault(str(fault.orig).strip()) from fault
    finally:
        engine.dispose()


@contextmanager
def _transaction(connection: Connection) -> Iterator[None]:
    connection.exec_driver_sql("BEGIN")
    try:
        yield
    except BaseException:
        connection.exec_driver_sql("ROLLBACK")
        raise
    connection.exec_driver_sql("COMMIT")


def _tables(connection: Connection) -> Sequence[Table]:
    """Every table but that of the migrations; those that others refer to come first."""
    found = MetaData()
    found.reflect(connection)
    return [table for table in found.sorted_tables if table.name != _MIGRATIONS]


def _sequences(connection: Connection, tables: Iterable[Table]) -> dict[str, str]:
    """What PostgreSQL numbers the rows of some tables with."""
    found = {}
    for table in tables:
        if len(table.primary_key) != 1:
            continue
        sequence = func.pg_get_serial_sequence(table.name, *table.primary_key.columns.keys())
        if (name := connection.scalar(select(sequence))) is not None:
            found[table.name] = str(name)
    return found
