"""What every test may ask for, and how tests that are coroutines run."""

import asyncio
import inspect
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ostler.foundation.clock import ManualClock
from ostler.foundation.ids import AccountId, Region, SequentialIds
from ostler.foundation.storage import Scope, Storage
from ostler.foundation.storage.migrations import migrate
from tests.support.databases import FOUNDATION, House, sqlite_url


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


@pytest.fixture
def house(tmp_path: Path, clock: ManualClock) -> Iterator[House]:
    """A storage with the foundation's tables, and what it writes events and timers through."""
    house = House(sqlite_url(tmp_path), clock)
    migrate(house.storage.engine, FOUNDATION)
    yield house
    house.storage.close()


@pytest.fixture
def storage(house: House) -> Storage:
    return house.storage
