"""Tokens: one node, one use, one minute."""

from dataclasses import replace
from datetime import timedelta

import pytest

from ostler.foundation.call import Caller
from ostler.foundation.clock import ManualClock
from ostler.foundation.ids import Region, SequentialIds
from ostler.relay.tokens import LIFE, ChannelTokens
from tests.relay.fakes import NODE, OTHER_NODE, SCOPE, MemorySpent

CALLER = Caller("arn", SCOPE.account, "id", node=NODE, access_key="ASIAONE")


@pytest.fixture
def clock():
    return ManualClock()


@pytest.fixture
def tokens(clock):
    return ChannelTokens(b"key", clock=clock, ids=SequentialIds(), spent=MemorySpent())


async def test_a_token_opens_once(tokens):
    token = tokens.issue(SCOPE, CALLER)
    assert await tokens.redeem(token, SCOPE, CALLER)
    assert not await tokens.redeem(token, SCOPE, CALLER)


async def test_another_server_of_the_house_accepts_it(tokens, clock):
    other = ChannelTokens(b"key", clock=clock, ids=SequentialIds(), spent=MemorySpent())
    assert await other.redeem(tokens.issue(SCOPE, CALLER), SCOPE, CALLER)


async def test_a_server_of_another_house_does_not(tokens, clock):
    other = ChannelTokens(b"other", clock=clock, ids=SequentialIds(), spent=MemorySpent())
    assert not await other.redeem(tokens.issue(SCOPE, CALLER), SCOPE, CALLER)


@pytest.mark.parametrize(
    ("scope", "caller"),
    [
        (SCOPE, replace(CALLER, node=OTHER_NODE)),
        (SCOPE, replace(CALLER, access_key="ASIATWO")),
        (replace(SCOPE, region=Region("elsewhere")), CALLER),
    ],
)
async def test_a_token_is_bound_to_the_node_and_its_credentials(tokens, scope, caller):
    token = tokens.issue(SCOPE, CALLER)
    assert not await tokens.redeem(token, scope, caller)
    assert await tokens.redeem(token, SCOPE, CALLER)


async def test_a_token_expires(tokens, clock):
    token = tokens.issue(SCOPE, CALLER)
    await clock.advance(LIFE + timedelta(seconds=1))
    assert not await tokens.redeem(token, SCOPE, CALLER)


@pytest.mark.parametrize("token", ["", "..", "1.2.3", "9999999999.x", "\N{SNOWMAN}.\0.\n"])
async def test_what_was_not_issued_opens_nothing(tokens, token):
    assert not await tokens.redeem(token, SCOPE, CALLER)


async def test_a_token_cannot_be_made_younger(tokens, clock):
    token = tokens.issue(SCOPE, CALLER)
    expires, _, rest = token.partition(".")
    assert not await tokens.redeem(f"{int(expires) + 60}.{rest}", SCOPE, CALLER)
