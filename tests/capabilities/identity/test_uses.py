"""When keys were used: noted at once, written down rarely."""

from datetime import timedelta

import pytest

from ostler.capabilities.identity import Identity
from ostler.capabilities.identity.model.entities import Use
from ostler.capabilities.identity.service.uses import NEWS
from ostler.foundation.clock import ManualClock
from tests.support.calls import root_of


@pytest.fixture
def engine() -> str:
    """IAM's tests prove both engines."""
    return "sqlite"


async def test_a_use_is_written_down_once_in_a_while(
    identity: Identity, clock: ManualClock
) -> None:
    account, pair = await identity.directory.accounts.create("first")

    async def kept() -> Use | None:
        await identity.uses.write_down()
        [key] = await identity.directory.keys.list(root_of(account.id), "administrator")
        return key.used

    identity.uses.used(pair.access_key, "ssm", "us-east-1")
    first = await kept()
    await clock.advance(NEWS - timedelta(seconds=1))
    identity.uses.used(pair.access_key, "iam", "us-east-1")
    assert first == await kept()
    await clock.advance(timedelta(seconds=1))
    identity.uses.used(pair.access_key, "iam", "eu-west-1")

    assert Use(clock.now(), "iam", "eu-west-1") == await kept()


async def test_keys_that_are_gone_and_those_of_sessions_are_no_matter(identity: Identity) -> None:
    identity.uses.used("AKIAGONE", "ssm", "us-east-1")
    identity.uses.used("ASIASESSION", "ssm", "us-east-1")

    await identity.uses.write_down()
