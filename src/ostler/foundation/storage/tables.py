"""Tables: how a scoped one is declared, and the column types that both engines share."""

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
from sqlalchemy import BigInteger, Column, Dialect, Integer, MetaData, String, Table, Text
from sqlalchemy.schema import SchemaItem
from sqlalchemy.sql.operators import OperatorType
from sqlalchemy.types import TypeDecorator

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_SCOPED = "scoped"


class _Span(TypeDecorator[timedelta]):
    """A length of time, in microseconds; what may be added to an instant."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: timedelta | None, dialect: Dialect) -> int | None:
        return None if value is None else value // _MICROSECOND

    def process_result_value(self, value: int | None, dialect: Dialect) -> timedelta | None:
        return None if value is None else value * _MICROSECOND


class Instant(TypeDecorator[datetime]):
    """An aware datetime, kept as microseconds since 1970 in UTC.

    A timedelta may be added to such a column, or subtracted from it.
    """

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"{value!r} does not say of which time zone it is")
        return (value - _EPOCH) // _MICROSECOND

    def process_result_value(self, value: int | None, dialect: Dialect) -> datetime | None:
        return None if value is None else _EPOCH + timedelta(microseconds=value)

    def coerce_compared_value(self, op: OperatorType | None, value: Any) -> Any:
        return _Span() if isinstance(value, timedelta) else self


class Json(TypeDecorator[Any]):
    """Whatever msgspec can write as JSON, kept as text; None is NULL."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:
        return None if value is None else msgspec.json.encode(value).decode()

    def process_result_value(self, value: str | None, dialect: Dialect) -> Any:
        return None if value is None else msgspec.json.decode(value)


def scoped_columns(*, keyed: bool = True) -> tuple[Column[str], Column[str]]:
    """The two columns that say whose a row is; by default the first of the primary key."""
    return (
        Column("account", String(12), primary_key=keyed, nullable=False),
        Column("region", String(64), primary_key=keyed, nullable=False),
    )


def scoped_table(
    name: str, metadata: MetaData, *columns: SchemaItem, keyed: bool = True, **options: Any
) -> Table:
    """A table whose every row belongs to an account and a region.

    They are the first two columns, and of the primary key, unless `keyed` is false: then the
    table numbers its rows through the whole house. `options` are those of `Table`.
    """
    return Table(
        name, metadata, *scoped_columns(keyed=keyed), *columns, info={_SCOPED: True}, **options
    )


def is_scoped(table: Table) -> bool:
    """Whether `scoped_table` made it."""
    return bool(table.info.get(_SCOPED))


def numbered(name: str) -> Column[int]:
    """A primary key that counts up and gives no number twice."""
    return Column(
        name, BigInteger().with_variant(Integer(), "sqlite"), primary_key=True, autoincrement=True
    )
