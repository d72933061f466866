"""What every test may ask for, and how tests that are coroutines run."""

import asyncio
import inspect
from collections.abc import Iterator, Sequence
from typing import Any

import pytest
import structlog

from ostler.foundation.clock import ManualClock
from ostler.foundation.ids import AccountId, Region, SequentialIds
from ostler.foundation.storage import Migration, Scope, Storage
from tests.support.databases import ENGINES, FOUNDATION, House, fresh_database


def pytest_configure() -> None:
    """Log plainly: the tests that make things fail would write pages of coloured tracebacks."""
    structlog.configure(
        processors=[
            structlog.processors.format_exc_info,
            structlog.processors.KeyValueRenderer(key_order=["event"]),
        ]
    )


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Run `async def test_…` in an event loop of its own; its fixtures are plain functions."""
    if not inspect.iscoroutinefunction(pyfuncitem.obj):
        return None
    names = pyfuncitem._fixtureinfo.argnames
    given: dict[str, Any] = {name: pyfuncitem.funcargs[name] for name in names}
    asyncio.run(pyfuncitem.obj(**given))
    return True


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def ids() -> SequentialIds:
    return SequentialIds()


@pytest.fixture
def scope() -> Scope:
    return Scope(AccountId("111122223333"), Region("eu-west-1"))


@pytest.fixture
def other_scope() -> Scope:
    return Scope(AccountId("444455556666"), Region("eu-west-1"))


@pytest.fixture(params=ENGINES)
def engine(request: pytest.FixtureRequest) -> str:
    """Which database; a module whose tests need only one defines this fixture anew."""
    return str(request.param)


@pytest.fixture
def migrations() -> Sequence[Migration]:
    """Which tables there are; a capability's tests define this anew, with the foundation's."""
    return FOUNDATION


@pytest.fixture
def house(engine: str, migrations: Sequence[Migration], clock: ManualClock) -> Iterator[House]:
    """A storage with its tables, and what it writes events and timers through."""
    with fresh_database(engine, migrations) as url:
        house = House(url, clock)
        yield house
        house.storage.close()


@pytest.fixture
def storage(house: House) -> Storage:
    return house.storage
