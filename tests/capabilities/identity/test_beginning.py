"""The first start: the account, its administrator and the key that the server gives away."""

import asyncio
from collections.abc import Callable
from datetime import timedelta

from ostler.capabilities.identity import Beginning, Identity
from ostler.foundation.call import Call
from ostler.foundation.clock import ManualClock
from ostler.foundation.ids import AccountId

ACCOUNT = AccountId("111122223333")

AProcess = Callable[..., Identity]


async def test_a_first_start_makes_up_what_was_not_given(
    identity: Identity, a_process: AProcess
) -> None:
    await identity.start()
    first = identity.administrator
    again = a_process()
    await again.start()

    assert first == again.administrator
    assert [first.account] == [account.id for account in await identity.accounts()]
    assert await again.find(first.access_key, None)


async def test_a_first_start_takes_what_was_given(
    a_process: AProcess, call_of: Callable[..., Call]
) -> None:
    given = Beginning(ACCOUNT, "admin", "long enough")
    one = a_process(beginning=given)
    await one.start()

    assert (ACCOUNT, "admin", "long enough") == (
        one.administrator.account,
        one.administrator.access_key,
        one.administrator.secret_key,
    )
    found = await one.find("admin", None)
    assert found is not None
    assert await call_of(found.caller).may("*")


async def test_what_is_given_later_takes_the_place(a_process: AProcess) -> None:
    """As MinIO does with its root user."""
    one = a_process(beginning=Beginning(ACCOUNT))
    await one.start()
    for secret in ("long enough", "changed since"):
        two = a_process(beginning=Beginning(ACCOUNT, "admin", secret))
        await two.start()
        found = await two.find("admin", None)
        assert found is not None
        assert secret == found.secret

    assert None is await two.find(one.administrator.access_key, None)
    assert 1 == len(await two.directory.keys.list(ACCOUNT, "administrator"))


async def test_another_account_may_be_given_later(a_process: AProcess, clock: ManualClock) -> None:
    first = a_process()
    await first.start()
    await clock.advance(timedelta(hours=1))
    second = a_process(beginning=Beginning(ACCOUNT))
    await second.start()

    assert [first.administrator.account, ACCOUNT] == [a.id for a in await second.accounts()]
    assert ACCOUNT == second.administrator.account


async def test_processes_that_start_at_once_agree(a_process: AProcess) -> None:
    several = [a_process() for _ in range(3)]

    await asyncio.gather(*(each.start() for each in several))

    assert 1 == len({each.administrator for each in several})
