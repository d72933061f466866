"""Databases for tests: a fresh SQLite file or PostgreSQL database for each, its tables made."""

import atexit
import functools
import itertools
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import MetaData

from ostler.foundation import audit, deliveries, events, timers
from ostler.foundation.clock import Clock, ManualClock
from ostler.foundation.storage import Migration, Storage
from ostler.foundation.storage.migrations import migrate
from tests.support.postgresql import cluster

ENGINES = ("sqlite", "postgresql")
FOUNDATION: tuple[Migration, ...] = (
    *timers.MIGRATIONS,
    *events.MIGRATIONS,
    *deliveries.MIGRATIONS,
    *audit.MIGRATIONS,
)

_names = itertools.count(1)
_templates: dict[tuple[str, tuple[Migration, ...]], str] = {}
_unused: dict[str, list[str]] = {}


class House:
    """A storage and what it writes events and timers through, as the server has them."""

    def __init__(self, url: str, clock: Clock, *, inline: bool = False) -> None:
        self.url = url
        self.schedule = timers.Schedule()
        self.bulletin = events.Bulletin(clock)
        self.storage = Storage(url, outbox=self.bulletin, due_work=self.schedule, inline=inline)


@contextmanager
def fresh_database(engine: str, migrations: Sequence[Migration] = FOUNDATION) -> Iterator[str]:
    """The URL of a database with the tables of `migrations` and nothing in them.

    The migrations run once: on SQLite every database is a copy of the first file, on PostgreSQL
    a database is emptied and used again.
    """
    template = _template(engine, tuple(migrations))
    make = _fresh_sqlite if engine == "sqlite" else _fresh_postgresql
    with make(template) as url:
        yield url


def assert_schema_matches(migrations: Sequence[Migration], metadata: MetaData) -> None:
    """A migrated database has the tables of `metadata`, column by column, on both engines.

    Tables that `metadata` does not name may be there as well.
    """
    for engine in ENGINES:
        with fresh_database(engine, migrations) as url:
            house = House(url, ManualClock())
            with house.storage.engine.connect() as connection:
                context = MigrationContext.configure(
                    connection,
                    opts={
                        "compare_type": True,
                        "include_name": lambda name, kind, above: (
                            kind != "table" or name in metadata.tables
                        ),
                    },
                )
                differences = compare_metadata(context, metadata)
            house.storage.close()
        assert [] == differences, f"{engine}: {differences}"


async def create_tables(storage: Storage, *metadata: MetaData) -> None:
    """Make tables that no migration makes."""
    for each in metadata:
        each.create_all(storage.engine)


def _template(engine: str, migrations: tuple[Migration, ...]) -> str:
    key = (engine, migrations)
    if key not in _templates:
        if engine == "sqlite":
            name = f"{_folder()}/template{next(_names)}.db"
            url = f"sqlite:///{name}"
        else:
            # PostgreSQL has a template0 and a template1 of its own.
            name = f"migrated{next(_names)}"
            cluster().say(f"CREATE DATABASE {name}")
            url = cluster().url(name)
        house = House(url, ManualClock())
        migrate(house.storage.engine, migrations)
        house.storage.close()
        _templates[key] = name
    return _templates[key]


@contextmanager
def _fresh_sqlite(template: str) -> Iterator[str]:
    folder = Path(tempfile.mkdtemp(dir=_folder()))
    shutil.copy(template, folder / "ostler.db")
    try:
        yield f"sqlite:///{folder}/ostler.db"
    finally:
        shutil.rmtree(folder)


@contextmanager
def _fresh_postgresql(template: str) -> Iterator[str]:
    unused = _unused.setdefault(template, [])
    if not unused:
        name = f"test{next(_names)}"
        cluster().say(f"CREATE DATABASE {name} TEMPLATE {template}")
        unused.append(name)
    name = unused.pop()
    yield cluster().url(name)
    if _is_empty(template):
        cluster().say(_emptying(template), database=name)
        unused.append(name)
    else:
        cluster().say(f"DROP DATABASE {name} WITH (FORCE)")


# Making a database anew would take a hundred times as long.
_EMPTY = """
DO $$ DECLARE each record; known text[] := ARRAY[{}]::text[]; BEGIN
    PERFORM pg_terminate_backend(pid) FROM pg_stat_activity
        WHERE datname = current_database() AND pid <> pg_backend_pid();
    FOR each IN SELECT tablename AS name FROM pg_tables WHERE schemaname = 'public' LOOP
        IF each.name <> ALL (known) THEN
            EXECUTE format('DROP TABLE %I CASCADE', each.name);
        ELSIF each.name <> 'migrations' THEN
            EXECUTE format('DELETE FROM %I', each.name);
        END IF;
    END LOOP;
    FOR each IN SELECT sequencename AS name FROM pg_sequences WHERE schemaname = 'public' LOOP
        EXECUTE format('ALTER SEQUENCE %I RESTART', each.name);
    END LOOP;
    DELETE FROM migrations WHERE capability || number <> ALL (ARRAY[{}]::text[]);
END $$
"""


@functools.cache
def _is_empty(template: str) -> bool:
    """Whether no migration brings rows along."""
    tables = cluster().ask(
        "SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename <> 'migrations'",
        database=template,
    )
    return not any(
        cluster().ask(f'SELECT 1 FROM "{table}" LIMIT 1', database=template) for (table,) in tables
    )


@functools.cache
def _emptying(template: str) -> str:
    """What brings a copy of the template back to the template's state."""

    def listed(question: str) -> str:
        found = cluster().ask(question, database=template)
        return ", ".join(f"'{text}'" for (text,) in found)

    return _EMPTY.format(
        listed("SELECT tablename FROM pg_tables WHERE schemaname = 'public'"),
        listed("SELECT capability || number FROM migrations"),
    )


def _folder() -> str:
    if not _folders:
        _folders.append(tempfile.mkdtemp(prefix="ostler-sqlite-"))
        atexit.register(shutil.rmtree, _folders[0], ignore_errors=True)
    return _folders[0]


_folders: list[str] = []
