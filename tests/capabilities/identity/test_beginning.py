"""The first start: the account, its administrator and the key that the server gives away."""

import asyncio
from collections.abc import Callable
from datetime import timedelta

from ostler.capabilities.identity import Identity, KeyPair, Kind
from ostler.foundation.call import Call
from ostler.foundation.clock import ManualClock
from ostler.foundation.ids import AccountId
from tests.support.calls import root_of

ACCOUNT = AccountId("111122223333")

AProcess = Callable[[], Identity]


async def test_a_first_start_makes_up_what_was_not_given(a_process: AProcess) -> None:
    identity, again = a_process(), a_process()

    first = await identity.first_start()

    assert first == await again.first_start()
    assert [first.account] == [account.id for account in await identity.accounts()]
    assert await again.find(first.access_key, None)


async def test_a_first_start_takes_what_was_given(
    a_process: AProcess, call_of: Callable[..., Call]
) -> None:
    one = a_process()

    pair = await one.first_start(account=ACCOUNT, access_key="admin", secret_key="long enough")

    assert KeyPair(ACCOUNT, "admin", "long enough") == pair
    found = await one.find("admin", None)
    assert found is not None
    assert await call_of(found.caller).may("*")


async def test_what_is_given_later_takes_the_place(a_process: AProcess) -> None:
    made_up = await a_process().first_start(account=ACCOUNT)
    for secret in ("long enough", "changed since"):
        identity = a_process()
        await identity.first_start(account=ACCOUNT, access_key="admin", secret_key=secret)
        found = await identity.find("admin", None)
        assert found is not None
        assert secret == found.secret

    assert None is await identity.find(made_up.access_key, None)
    assert 1 == len(await identity.directory.keys.list(root_of(ACCOUNT), "administrator"))


async def test_a_key_that_was_switched_off_comes_back_when_it_is_given(a_process: AProcess) -> None:
    identity = a_process()
    for _ in range(2):
        await identity.first_start(account=ACCOUNT, access_key="admin", secret_key="long enough")
        assert await identity.find("admin", None)
        await identity.directory.keys.switch(root_of(ACCOUNT), "admin", active=False)


async def test_another_account_may_be_given_later(a_process: AProcess, clock: ManualClock) -> None:
    identity = a_process()
    first = await identity.first_start()
    await clock.advance(timedelta(hours=1))

    second = await identity.first_start(account=ACCOUNT)

    assert [first.account, ACCOUNT] == [account.id for account in await identity.accounts()]
    assert ACCOUNT == second.account


async def test_processes_that_start_at_once_agree(a_process: AProcess) -> None:
    pairs = await asyncio.gather(*(a_process().first_start() for _ in range(3)))

    assert 1 == len(set(pairs))


async def test_the_administrator_may_have_another_name_by_now(identity: Identity) -> None:
    """A key that is chosen stays theirs at the next start, and so does the one that follows it."""
    chosen = {"account": ACCOUNT, "access_key": "chosen", "secret_key": "longenough"}
    await identity.first_start(**chosen)
    await identity.directory.move(root_of(ACCOUNT), Kind.USER, "administrator", new_name="keeper")

    await identity.first_start(**chosen)
    await identity.first_start(**{**chosen, "access_key": "another"})

    keys = await identity.directory.keys.list(root_of(ACCOUNT), "keeper")
    assert ["another"] == [key.access_key for key in keys]
