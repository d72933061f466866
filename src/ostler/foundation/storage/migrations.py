"""Migrations: numbered steps of every capability's tables, each taken once."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from alembic.migration import MigrationContext
from alembic.operations import Operations
from sqlalchemy import (
    Boolean,
    Column,
    Connection,
    Engine,
    Integer,
    MetaData,
    String,
    Table,
    false,
    func,
    insert,
    inspect,
    select,
)

from ostler.foundation.storage.transaction import Transaction

_metadata = MetaData()
_taken = Table(
    "migrations",
    _metadata,
    Column("capability", String(64), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("name", String(200), nullable=False),
    Column("contracts", Boolean, nullable=False, server_default=false()),
)
_LOCK = 0x6F73746C6572  # any number that nobody else uses for an advisory lock


@dataclass(frozen=True, slots=True)
class Migration:
    """One step: what `upgrade` does to the tables of `capability`; never edited once released.

    A step expands, so that servers of the release before go on over the tables without knowing
    it. One that takes away what they used `contracts`: where it was taken, servers that do not
    know it refuse to start.
    """

    capability: str
    number: int
    name: str
    upgrade: Callable[[Operations], None]
    contracts: bool = False


class NewerSchema(Exception):
    """The tables were made by a newer version, and this one would do harm to them, or fail."""


def migrate(engine: Engine, migrations: Sequence[Migration]) -> list[Migration]:
    """Take the steps that were not taken yet, in the order given; those that were taken now.

    NewerSchema when a step was taken that the given ones do not have, and with which they cannot
    go on. Each is one transaction. Of several processes that start at once, one migrates and the
    others wait for it.
    """
    _check(migrations)
    with engine.connect() as connection:
        if connection.dialect.name == "postgresql":
            connection.exec_driver_sql("SET lock_timeout = 0; SET statement_timeout = 0")
            connection.execute(select(func.pg_advisory_lock(_LOCK)))
            try:
                return _take(connection, migrations, "BEGIN")
            finally:
                connection.execute(select(func.pg_advisory_unlock(_LOCK)))
        # A table is altered in SQLite by making it anew: its references must rest meanwhile.
        connection.exec_driver_sql("PRAGMA foreign_keys=OFF")
        return _take(connection, migrations, "BEGIN EXCLUSIVE")


def begun(engine: Engine) -> bool:
    """Whether any step was ever taken."""
    if not inspect(engine).has_table(_taken.name):
        return False
    with engine.connect() as connection:
        return bool(steps_taken(connection))


def steps_taken(connection: Connection) -> list[tuple[str, int]]:
    """The steps that made the tables, as capability and number."""
    found = connection.execute(select(_taken).order_by(_taken.c.capability, _taken.c.number))
    return [(row.capability, row.number) for row in found]


def untaken(tx: Transaction, migrations: Sequence[Migration]) -> list[Migration]:
    """Those of the steps that were not taken."""
    done = {(row.capability, row.number) for row in tx.all(select(_taken))}
    return [each for each in migrations if (each.capability, each.number) not in done]


def _take(connection: Connection, migrations: Sequence[Migration], begin: str) -> list[Migration]:
    with _Step(connection, begin):
        _metadata.create_all(connection)
        _add_column_of_contracts(connection)
        _refuse_newer(connection, migrations)
    taken = []
    for migration in migrations:
        with _Step(connection, begin):
            if _was_taken(connection, migration):
                continue
            migration.upgrade(Operations(MigrationContext.configure(connection)))
            connection.execute(
                insert(_taken).values(
                    capability=migration.capability,
                    number=migration.number,
                    name=migration.name,
                    contracts=migration.contracts,
                )
            )
            taken.append(migration)
    return taken


def _add_column_of_contracts(connection: Connection) -> None:
    """The table of migrations has none of its own: what came later to it comes here."""
    known = {column["name"] for column in inspect(connection).get_columns(_taken.name)}
    if "contracts" not in known:
        later = Column("contracts", Boolean, nullable=False, server_default=false())
        Operations(MigrationContext.configure(connection)).add_column(_taken.name, later)


def _refuse_newer(connection: Connection, migrations: Sequence[Migration]) -> None:
    known = {(each.capability, each.number) for each in migrations}
    # Of a capability that the given steps do not know at all, nothing concerns who has them.
    concerned = {capability for capability, _ in known}
    rows = connection.execute(select(_taken).where(_taken.c.contracts)).all()
    newer = [
        f"{row.capability} {row.number} ({row.name})"
        for row in rows
        if row.capability in concerned and (row.capability, row.number) not in known
    ]
    if newer:
        raise NewerSchema(", ".join(newer))


def _was_taken(connection: Connection, migration: Migration) -> bool:
    same = (_taken.c.capability == migration.capability) & (_taken.c.number == migration.number)
    return connection.execute(select(_taken.c.name).where(same)).first() is not None


class _Step:
    """A transaction on a connection that begins none by itself."""

    def __init__(self, connection: Connection, begin: str) -> None:
        self._connection = connection
        self._begin = begin

    def __enter__(self) -> None:
        self._connection.exec_driver_sql(self._begin)

    def __exit__(self, kind: Any, fault: Any, trace: Any) -> None:
        self._connection.exec_driver_sql("COMMIT" if kind is None else "ROLLBACK")


def _check(migrations: Sequence[Migration]) -> None:
    last: dict[str, int] = {}
    for migration in migrations:
        expected = last.get(migration.capability, 0) + 1
        if migration.number != expected:
            raise ValueError(
                f"{migration.capability} has migration {migration.number} "
                f"where {expected} should stand"
            )
        last[migration.capability] = expected
