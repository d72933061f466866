"""What changed below a path, for whoever may read it there."""

from datetime import timedelta
from typing import Any

import pytest

from ostler.capabilities.parameters import Changes
from ostler.foundation import events
from ostler.foundation.clock import ManualClock
from ostler.foundation.errors import AccessDeniedException
from ostler.foundation.policy import Policy
from ostler.foundation.storage import Scope
from tests.capabilities.parameters.conftest import Store, on_both_engines, put, put_again
from tests.support.calls import ADMIN, Customer, a_call, allowing


@pytest.fixture
def changes(store: Store) -> Changes:
    found: Changes = store.capability.service.changes
    return found


async def seen(
    changes: Changes, scope: Scope, clock: ManualClock, path: str, **given: Any
) -> list[tuple[str, str]]:
    call = a_call("GetParametersByPath", scope, clock, given.get("policies", ADMIN))
    batch = await changes.since(call, path, given.get("deep", True), given.get("after", 0), 100)
    return [(each.operation, each.name) for each in batch.changes]


@on_both_engines
async def test_changes_are_told_in_their_order(
    changes: Changes, customer: Customer, scope: Scope, clock: ManualClock
) -> None:
    await put(customer, "/a/b")
    await put_again(customer, "/a/b")
    await put(customer, "/a/c/d")
    await put(customer, "/other")
    await customer.ask("LabelParameterVersion", Name="/a/b", Labels=["live"])
    await customer.ask("DeleteParameter", Name="/a/b")

    below = await seen(changes, scope, clock, "/a")
    flat = await seen(changes, scope, clock, "/a", deep=False)
    everything = await seen(changes, scope, clock, "/")

    told = ["Create", "Update", "LabelParameterVersion", "Delete"]
    assert [(each, "/a/b") for each in told] == flat
    assert [*flat[:2], ("Create", "/a/c/d"), *flat[2:]] == below
    assert ("Create", "/other") in everything


@on_both_engines
async def test_a_reader_goes_on_where_it_was(
    changes: Changes, customer: Customer, scope: Scope, clock: ManualClock
) -> None:
    call = a_call("GetParametersByPath", scope, clock)
    after = await changes.open(call, "/", True)
    for number in range(5):
        await put(customer, f"/n{number}")

    names: list[str] = []
    more = True
    while more:
        batch = await changes.since(call, "/", True, after, 2)
        names += [each.name for each in batch.changes]
        after, more = batch.upto, batch.more

    assert [f"/n{number}" for number in range(5)] == names
    assert [] == (await changes.since(call, "/", True, after, 2)).changes


async def test_of_what_one_may_not_read_nothing_is_told(
    changes: Changes, customer: Customer, scope: Scope, clock: ManualClock
) -> None:
    await put(customer, "/a/b")
    await put(customer, "/a/secret")
    own = [
        {"Effect": "Allow", "Action": "ssm:*", "Resource": "arn:aws:ssm:*:*:parameter/a*"},
        {"Effect": "Deny", "Action": "ssm:*", "Resource": "arn:aws:ssm:*:*:parameter/a/secret"},
    ]
    policies = (Policy.parse({"Statement": own}),)
    paths_only = allowing("ssm:GetParametersByPath")
    call = a_call("GetParametersByPath", scope, clock, policies)

    assert [("Create", "/a/b")] == await seen(changes, scope, clock, "/a", policies=policies)
    assert [] == await seen(changes, scope, clock, "/a", policies=paths_only)
    await changes.open(call, "/a", True)
    with pytest.raises(AccessDeniedException):
        await changes.open(call, "/b", True)


async def test_accounts_do_not_hear_of_each_other(
    changes: Changes,
    customer: Customer,
    other_scope: Scope,
    clock: ManualClock,
) -> None:
    await put(customer, "/a/b")

    assert [] == await seen(changes, other_scope, clock, "/")


async def test_what_was_forgotten_is_said_to_be_lost(
    changes: Changes, store: Store, customer: Customer, scope: Scope, clock: ManualClock
) -> None:
    call = a_call("GetParametersByPath", scope, clock)
    await put(customer, "/a")
    after = await changes.open(call, "/", True)
    await put(customer, "/b")
    await clock.advance(timedelta(days=1))
    await put(customer, "/c")
    assert not (await changes.since(call, "/", True, after, 100)).lost
    await store.house.storage.write(None, lambda tx: events.forget(tx, clock.now()))

    batch = await changes.since(call, "/", True, after, 100)

    assert (True, ["/c"]) == (batch.lost, [each.name for each in batch.changes])
