"""Limits: who calls too often has to wait, and nobody else."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from ostler.foundation.call import Caller
from ostler.foundation.clock import ManualClock
from ostler.foundation.errors import ThrottlingException
from ostler.foundation.ids import AccountId, NodeId
from ostler.gateway.limits import Buckets, CallerLimits, Rate
from ostler.server.compose import House, compose
from ostler.server.settings import Settings
from ostler.wire import sigv4
from ostler.wire.http import Request, Response

ACCOUNT = AccountId("111122223333")
NO_LIMIT = Rate(0, 0)


def taken(buckets: Buckets, name: str, tries: int) -> int:
    return sum(buckets.take(name) for _ in range(tries))


async def test_a_bucket_gives_a_burst_and_then_its_rate(clock: ManualClock) -> None:
    buckets = Buckets(Rate(10, 40), clock)

    assert 40 == taken(buckets, "alice", 100)
    await clock.advance(timedelta(seconds=1))
    assert 10 == taken(buckets, "alice", 100)
    await clock.advance(timedelta(hours=1))
    assert 40 == taken(buckets, "alice", 100)


async def test_a_steady_caller_below_the_rate_never_waits(clock: ManualClock) -> None:
    buckets = Buckets(Rate(10, 1), clock)
    for _ in range(100):
        assert buckets.take("alice")
        await clock.advance(timedelta(seconds=0.1))


def test_everybody_has_a_bucket_of_their_own(clock: ManualClock) -> None:
    buckets = Buckets(Rate(10, 5), clock)

    assert 5 == taken(buckets, "alice", 10)
    assert 5 == taken(buckets, "bob", 10)


def test_no_rate_is_no_limit(clock: ManualClock) -> None:
    buckets = Buckets(Rate(0, 5), clock)

    assert 1000 == taken(buckets, "alice", 1000)
    assert not buckets.empty("alice")


def test_a_clock_that_was_set_back_keeps_nobody_waiting_for_its_old_time() -> None:
    clock = ManualClock()
    buckets = Buckets(Rate(10, 10), clock)
    assert 10 == taken(buckets, "alice", 20)

    clock._now -= timedelta(hours=1)

    assert 10 == taken(buckets, "alice", 20)


def test_who_called_longest_ago_is_forgotten_first(clock: ManualClock) -> None:
    buckets = Buckets(Rate(1, 2), clock, most=3)
    for name in ("alice", "bob", "carol", "alice", "dave"):
        assert buckets.take(name)

    assert not buckets.take("alice")
    assert 3 == len(buckets._full_at)
    assert 2 == taken(buckets, "bob", 5)


def limits_of(
    clock: ManualClock,
    *,
    users: Rate = NO_LIMIT,
    nodes: Rate = NO_LIMIT,
    addresses: Rate = NO_LIMIT,
) -> CallerLimits:
    return CallerLimits(users=users, nodes=nodes, addresses=addresses, clock=clock)


def test_nodes_and_users_are_counted_apart(clock: ManualClock) -> None:
    limits = limits_of(clock, users=Rate(1, 3), nodes=Rate(1, 1))
    alice = Caller("arn:aws:iam::111122223333:user/alice", ACCOUNT, "AIDA")
    node = Caller("arn:…/mi-1", ACCOUNT, "AROA:mi-1", node=NodeId("mi-1"))

    limits.admit(node, "ssm:UpdateInstanceInformation")
    with pytest.raises(ThrottlingException, match="Rate exceeded"):
        limits.admit(node, "ssm:UpdateInstanceInformation")
    for _ in range(3):
        limits.admit(alice, "ssm:SendCommand")
    with pytest.raises(ThrottlingException):
        limits.admit(alice, "ssm:ListCommands")


def test_an_address_that_fails_too_often_is_not_listened_to(clock: ManualClock) -> None:
    """Those behind the same address who have shown a good key are."""
    limits = limits_of(clock, addresses=Rate(1, 2))
    limits.proved("AKIAGOOD")
    for _ in range(5):
        limits.failed("192.0.2.7")

    with pytest.raises(ThrottlingException):
        limits.admit_unproved("192.0.2.7", "AKIAGUESS")
    with pytest.raises(ThrottlingException):
        limits.admit_unsigned("192.0.2.7")
    limits.admit_unproved("192.0.2.7", "AKIAGOOD")
    limits.admit_unproved("192.0.2.8", "AKIAGUESS")


def test_an_ipv6_network_counts_as_one_address(clock: ManualClock) -> None:
    limits = limits_of(clock, addresses=Rate(1, 1))
    limits.admit_unsigned("2001:db8:1:1::1")

    with pytest.raises(ThrottlingException):
        limits.admit_unsigned("2001:db8:1:1:ffff::2")
    limits.admit_unsigned("2001:db8:1:2::1")


# Through the gateway


async def house_with(tmp_path: Path, clock: ManualClock, **settings: Any) -> House:
    return await compose(Settings(data=tmp_path, **settings), clock=clock)


async def ask(house: House, clock: ManualClock, operation: str, *, secret: str = "") -> Response:
    """A request of the administrator, with the right secret or another one."""
    request = Request(
        "POST",
        "/",
        "",
        {
            "host": "localhost",
            "content-type": "application/x-amz-json-1.1",
            "x-amz-target": f"AmazonSSM.{operation}",
        },
        b"{}",
        peer="192.0.2.7",
    )
    signed = sigv4.sign(
        request,
        access_key=house.administrator.access_key,
        secret=secret or house.administrator.secret_key,
        session_token=None,
        region="us-east-1",
        service="ssm",
        at=clock.now(),
    )
    return await house.gateway.answer(signed)


async def test_a_user_who_calls_too_often_is_told_so(tmp_path: Path, clock: ManualClock) -> None:
    house = await house_with(tmp_path, clock, user_rate=10, user_burst=3)

    answers = [await ask(house, clock, "ListCommands") for _ in range(5)]
    await clock.advance(timedelta(seconds=0.1))
    answers.append(await ask(house, clock, "ListCommands"))

    assert [200, 200, 200, 400, 400, 200] == [answer.status for answer in answers]
    told = json.loads(answers[4].body)
    assert ("ThrottlingException", "Rate exceeded") == (told["__type"], told["Message"])
    house.storage.close()


async def test_wrong_signatures_are_soon_not_looked_at(tmp_path: Path, clock: ManualClock) -> None:
    house = await house_with(tmp_path, clock, address_rate=1, address_burst=2)

    codes = [
        json.loads((await ask(house, clock, "ListCommands", secret="wrong")).body)["__type"]
        for _ in range(3)
    ]

    assert ["InvalidSignatureException"] * 2 + ["ThrottlingException"] == codes
    house.storage.close()


async def test_registering_is_limited_by_address(tmp_path: Path, clock: ManualClock) -> None:
    house = await house_with(tmp_path, clock, address_rate=1, address_burst=1)
    headers = {"x-amz-target": "AmazonSSM.RegisterManagedInstance"}
    request = Request("POST", "/", "", headers, b"{}", peer="192.0.2.7")

    told = [json.loads((await house.gateway.answer(request)).body) for _ in range(2)]

    assert ["ValidationException", "ThrottlingException"] == [each["__type"] for each in told]
    house.storage.close()
