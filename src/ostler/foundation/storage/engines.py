"""Engines: what is different about SQLite and PostgreSQL, in one table each."""

import sqlite3
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
from sqlalchemy import Engine, create_engine, event, make_url
from sqlalchemy.engine import URL
from sqlalchemy.exc import ArgumentError, DBAPIError
from sqlalchemy.pool import NullPool, Pool, StaticPool

from ostler.foundation.storage.scoping import scope_statements

DatabaseFault = DBAPIError
"""What every fault of a database is, for those who know no more of it than that there is one."""

_CONNECT_SECONDS = 10
_BUSY_MILLISECONDS = 10_000
_STATEMENTS = 2_000


@dataclass(frozen=True, slots=True)
class Backend:
    """One database as its lanes use it.

    `writers` and `readers` are the most threads (each with its own connection) for either;
    `group` is how many functions may share a transaction that writes. Few share one that reads:
    they have no commit to wait for, and should not wait for each other. `begin_claim` starts
    the transaction of one who takes work from a queue and steps over rows that others take.
    """

    engine: Engine
    writers: int
    readers: int
    group: int
    begin_write: str
    begin_read: str
    begin_claim: str
    driver_faults: type[Exception]
    read_group: int = 8
    savepoints: bool = False
    one_connection: bool = False

    def wrapped(self, command: str, fault: Exception) -> BaseException:
        """The fault of the driver as SQLAlchemy raises it for statements."""
        return DBAPIError.instance(
            command, None, fault, self.driver_faults, connection_invalidated=self.lost(fault)
        )

    def conflict(self, fault: BaseException) -> bool:
        """Whether others' transactions were in the way: nothing was done, and it may be again."""
        return getattr(_driver_fault(fault), "sqlstate", None) in _CONFLICTS

    def lost(self, fault: BaseException) -> bool:
        """Whether the connection, or the transaction on it, is gone and everything in it."""
        if isinstance(fault, DBAPIError) and fault.connection_invalidated:
            return True
        match _driver_fault(fault):
            case sqlite3.Error() as of_sqlite:
                return getattr(of_sqlite, "sqlite_errorcode", 0) & 0xFF in _ROLLED_BACK
            case psycopg.OperationalError() | psycopg.InterfaceError() as of_postgresql:
                return of_postgresql.sqlstate is None or of_postgresql.sqlstate in _GONE
        return False

    def full(self, fault: BaseException) -> bool:
        """Whether SQLite found no room on the disk, and so has rolled back."""
        code = getattr(_driver_fault(fault), "sqlite_errorcode", 0)
        return code & 0xFF == sqlite3.SQLITE_FULL


_CONFLICTS = {"40001", "40P01"}  # serialization failure, deadlock
_GONE = {"57P01", "57P02", "57P03"}  # the server was shut down, crashed, is not up yet
_ROLLED_BACK = {  # SQLite has rolled the transaction back by itself, or may have
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_NOMEM,
    sqlite3.SQLITE_INTERRUPT,
}


def _driver_fault(fault: BaseException) -> BaseException | None:
    return fault.orig if isinstance(fault, DBAPIError) else fault


def sqlite_file(url: str) -> Path | None:
    """The file that a URL names; None for another kind of database, or one in memory."""
    try:
        parsed = make_url(url)
    except ArgumentError as fault:
        raise ValueError("that is not the URL of a database") from fault
    backend = parsed.get_backend_name()
    if backend not in ("sqlite", "postgresql"):
        raise ValueError(f"{backend} is neither sqlite nor postgresql")
    if backend != "sqlite" or parsed.database in (None, "", ":memory:"):
        return None
    return Path(str(parsed.database)).absolute()


def open_backend(url: str) -> Backend:
    """The backend for a URL: `sqlite:///path`, `sqlite://` or `postgresql+psycopg://…`."""
    parsed = make_url(url)
    match parsed.get_backend_name():
        case "sqlite":
            return _sqlite(parsed)
        case "postgresql":
            return _postgresql(parsed)
        case other:
            raise ValueError(f"storage is SQLite or PostgreSQL, not {other}")


def _engine(url: URL, pool: type[Pool] = NullPool, **connect: Any) -> Engine:
    """An engine that leaves threads, pooling and transactions to the lanes."""
    engine = create_engine(
        url,
        poolclass=pool,
        isolation_level="AUTOCOMMIT",
        query_cache_size=_STATEMENTS,
        # What a statement was given may be somebody's secret, and faults end in the log.
        hide_parameters=True,
        connect_args=connect,
    )
    scope_statements(engine)
    return engine


def _sqlite(url: URL) -> Backend:
    """One writer, since SQLite has no more; what waits meanwhile shares the next commit.

    `synchronous=FULL` makes every commit survive a power failure; in WAL mode that is one fsync
    a group, and readers see the last commit without waiting for the writer.
    """
    in_memory = url.database in (None, "", ":memory:")
    pool = StaticPool if in_memory else NullPool
    engine = _engine(url, pool, check_same_thread=False, cached_statements=512)

    @event.listens_for(engine, "connect")
    def prepare(connection: Any, _record: Any) -> None:
        for pragma in (
            f"busy_timeout={_BUSY_MILLISECONDS}",
            "journal_mode=WAL",
            "synchronous=FULL",
            "foreign_keys=ON",
            "temp_store=MEMORY",
            "cache_size=-32768",
            "journal_size_limit=67108864",
        ):
            connection.execute(f"PRAGMA {pragma}")

    return Backend(
        engine=engine,
        writers=1,
        readers=3,
        group=500,
        begin_write="BEGIN IMMEDIATE",
        begin_read="BEGIN",
        begin_claim="BEGIN IMMEDIATE",
        driver_faults=sqlite3.Error,
        savepoints=True,
        one_connection=in_memory,
    )


# Nobody waits for ever for a process that hangs.
_LIMITS = "-c lock_timeout=15s -c statement_timeout=60s -c idle_in_transaction_session_timeout=60s"


def _postgresql(url: URL) -> Backend:
    """Several writers; SERIALIZABLE, so that a function means what it means on SQLite."""
    engine = _engine(
        url.set(drivername="postgresql+psycopg"),
        connect_timeout=_CONNECT_SECONDS,
        application_name="ostler",
        options=f"{_LIMITS} {_given_options(url)}",
        keepalives_idle=30,
        tcp_user_timeout=20_000,
    )
    return Backend(
        engine=engine,
        writers=4,
        readers=8,
        group=60,
        begin_write="BEGIN ISOLATION LEVEL SERIALIZABLE",
        begin_read="BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
        begin_claim="BEGIN ISOLATION LEVEL READ COMMITTED",
        driver_faults=psycopg.Error,
    )


def _given_options(url: URL) -> str:
    given = url.query.get("options", "")
    return given if isinstance(given, str) else " ".join(given)
