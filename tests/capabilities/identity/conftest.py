"""An identity over a fresh database."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from ostler.capabilities.identity import Identity
from ostler.capabilities.identity.migrations import MIGRATIONS
from ostler.foundation.call import Call, Caller
from ostler.foundation.clock import ManualClock
from ostler.foundation.ids import SystemIds
from ostler.foundation.secrets import Secrets
from ostler.foundation.storage import Migration, Scope, Storage
from tests.support.databases import ENGINES, FOUNDATION
from tests.support.in_process import Door, a_door


@pytest.fixture
def secrets() -> Secrets:
    return Secrets(bytes(32))


@pytest.fixture
def migrations() -> Sequence[Migration]:
    return (*FOUNDATION, *MIGRATIONS)


@pytest.fixture
def a_process(storage: Storage, clock: ManualClock, secrets: Secrets) -> Callable[..., Identity]:
    """Makes one more server process over the same database."""

    def make(*, secrets: Secrets = secrets) -> Identity:
        return Identity(storage, clock, SystemIds(), secrets)

    return make


@pytest.fixture
def identity(a_process: Callable[..., Identity]) -> Identity:
    return a_process()


@pytest.fixture(scope="module", params=ENGINES)
def door(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Door]:
    """A whole server, for boto3, on each engine."""
    with a_door(request.param, Path(tmp_path_factory.mktemp("server"))) as opened:
        yield opened


@pytest.fixture
def call_of(scope: Scope, clock: ManualClock) -> Callable[..., Call]:
    """A call of somebody, by default for nothing in particular."""

    def make(caller: Caller, action: str = "ssm:SendCommand", **how: object) -> Call:
        settings = {"scope": scope, "request_id": "r", "at": clock.now()}
        return Call(caller=caller, action=action, **{**settings, **how})  # type: ignore[arg-type]

    return make
