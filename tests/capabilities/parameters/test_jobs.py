"""What parameters' policies do when their time comes."""

import json
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from ostler.capabilities.parameters.errors import ParameterNotFound
from ostler.foundation.errors import ValidationException
from ostler.foundation.storage import Scope
from ostler.foundation.timers import timers
from tests.capabilities.parameters.conftest import Store, on_both_engines, put, put_again, value_of
from tests.support.calls import Customer


def policy(type_: str, **attributes: str) -> dict[str, Any]:
    return {"Type": type_, "Version": "1.0", "Attributes": attributes}


EXPIRES = policy("Expiration", Timestamp="2026-01-03T00:00:00Z")  # two days after the start
BEFORE = policy("ExpirationNotification", Before="1", Unit="Days")
UNCHANGED = policy("NoChangeNotification", After="12", Unit="Hours")


async def kept(customer: Customer, name: str, *policies: Any, **given: Any) -> None:
    await put(customer, name, Tier="Advanced", Policies=json.dumps(policies), **given)


async def later(store: Store, **span: int) -> None:
    await store.clock.advance(timedelta(**span))
    await store.timers.run_due()


async def acted(store: Store, scope: Scope) -> list[str]:
    return [each["policy-type"] for each in await store.told(scope) if "policy-type" in each]


async def statuses(customer: Customer) -> dict[str, str]:
    (told,) = (await customer.ask("DescribeParameters"))["Parameters"]
    return {each["PolicyType"]: each["PolicyStatus"] for each in told["Policies"]}


@on_both_engines
async def test_policies_act_each_at_its_time(
    store: Store, customer: Customer, scope: Scope
) -> None:
    await kept(customer, "/a/x", EXPIRES, BEFORE, UNCHANGED, Description="d")
    assert {"Pending"} == set((await statuses(customer)).values())

    await later(store, hours=12)
    assert ["NoChangeNotification"] == await acted(store, scope)
    assert {
        "Expiration": "Pending",
        "ExpirationNotification": "Pending",
        "NoChangeNotification": "Finished",
    } == await statuses(customer)

    await later(store, hours=12)
    assert ["NoChangeNotification", "ExpirationNotification"] == await acted(store, scope)
    assert "value" == await value_of(customer, "/a/x")

    await later(store, days=1)
    assert "Expiration" == (await acted(store, scope))[-1]
    with pytest.raises(ParameterNotFound):
        await value_of(customer, "/a/x")


async def test_an_expiry_tells_of_itself_and_of_the_deletion(
    store: Store, customer: Customer, scope: Scope
) -> None:
    await kept(customer, "/a/x", EXPIRES, Tags=[{"Key": "a", "Value": "b"}])

    await later(store, days=2)

    told = await store.told(scope)
    action, deletion = [each for each in told if "changed-tag-keys" not in each][1:]
    assert {
        "parameter-name": "/a/x",
        "parameter-type": "String",
        "policy-type": "Expiration",
        "policy-content": json.dumps(EXPIRES, separators=(",", ":")),
        "action-status": "Success",
    } == action
    assert {"operation": "Delete", "name": "/a/x", "type": "String"} == deletion
    left = await store.house.storage.read(scope, lambda tx: tx.all(select(timers)))
    assert [] == left


async def test_a_change_puts_off_the_notice_of_none(
    store: Store, customer: Customer, scope: Scope
) -> None:
    await kept(customer, "x", UNCHANGED)
    await later(store, hours=11)
    await put_again(customer, "x")

    await later(store, hours=11)
    assert [] == await acted(store, scope)
    await later(store, hours=1)
    assert ["NoChangeNotification"] == await acted(store, scope)

    await put_again(customer, "x")
    assert {"NoChangeNotification": "Pending"} == await statuses(customer)
    await later(store, hours=12)
    assert 2 == len(await acted(store, scope))


async def test_a_change_does_not_put_off_the_expiry(store: Store, customer: Customer) -> None:
    await kept(customer, "x", EXPIRES)
    await later(store, days=1)
    await put_again(customer, "x")

    await later(store, days=1)

    with pytest.raises(ParameterNotFound):
        await value_of(customer, "x")


@pytest.mark.parametrize("empty", ["[]", "[{}]"])
async def test_policies_are_replaced_or_taken_away(
    store: Store, customer: Customer, scope: Scope, empty: str
) -> None:
    await kept(customer, "x", EXPIRES)
    await put_again(customer, "x", Policies=empty)

    await later(store, days=30)

    assert [] == await acted(store, scope)
    assert {} == await statuses(customer)
    assert "value" == await value_of(customer, "x")


async def test_a_deleted_parameters_policies_are_forgotten(
    store: Store, customer: Customer, scope: Scope
) -> None:
    await kept(customer, "x", EXPIRES)
    await customer.ask("DeleteParameter", Name="x")
    await put(customer, "x")

    await later(store, days=30)

    assert [] == await acted(store, scope)
    assert "value" == await value_of(customer, "x")


async def test_what_is_past_is_done_at_once(store: Store, customer: Customer) -> None:
    await kept(customer, "n" * 900, policy("Expiration", Timestamp="2025-01-01T00:00:00Z"))

    await store.timers.run_due()

    with pytest.raises(ParameterNotFound):
        await value_of(customer, "n" * 900)


async def test_policies_need_the_advanced_tier(customer: Customer) -> None:
    with pytest.raises(ValidationException, match="can't assign parameter policies"):
        await put(customer, "x", Policies=json.dumps([EXPIRES]))

    answer = await customer.ask(
        "PutParameter",
        Name="x",
        Value="v",
        Type="String",
        Tier="Intelligent-Tiering",
        Policies=json.dumps([EXPIRES]),
    )
    assert "Advanced" == answer["Tier"]
