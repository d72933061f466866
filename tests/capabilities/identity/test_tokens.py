"""A provider's tokens: whose signature, for whom, until when; and keys that change."""

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet, RSAKey

from ostler.capabilities.identity.errors import IDPCommunicationError, InvalidIdentityToken
from ostler.capabilities.identity.model.providers import Provider
from ostler.capabilities.identity.service.tokens import KEPT, PATIENCE, REST, Tokens
from ostler.foundation.clock import ManualClock
from ostler.foundation.errors import ExpiredTokenException
from ostler.foundation.outbound import Answer, Unreachable

ISSUER = "https://login.example.org"
CLIENT = "ostler"


class Site:
    """The provider's pages; `keys` are those that it tells."""

    def __init__(self, *keys: Any) -> None:
        self.keys = list(keys)
        self.issuer = ISSUER
        self.asked: list[str] = []
        self.away = False

    async def send(
        self, method: str, url: str, headers: Sequence[tuple[str, str]] = (), body: bytes = b""
    ) -> Answer:
        self.asked.append(url)
        if self.away:
            raise Unreachable("nobody is there")
        if url == f"{ISSUER}/keys":
            told: Mapping[str, Any] = KeySet(self.keys).as_dict(private=False)
        else:
            assert url == f"{ISSUER}/.well-known/openid-configuration"
            told = {"issuer": self.issuer, "jwks_uri": f"{ISSUER}/keys"}
        return Answer(200, {}, json.dumps(told).encode())


@pytest.fixture(scope="module")
def key() -> RSAKey:
    return RSAKey.generate_key(2048, {"kid": "first"})


@pytest.fixture
def site(key: RSAKey) -> Site:
    return Site(key)


@pytest.fixture
def tokens(site: Site, clock: ManualClock) -> Tokens:
    return Tokens(Provider(ISSUER, CLIENT), site, clock)


def a_token(
    key: Any, clock: ManualClock, *, alg: str = "RS256", kid: str = "first", **changed: Any
) -> str:
    now = int(clock.now().timestamp())
    claims = {"iss": ISSUER, "aud": CLIENT, "sub": "alice", "iat": now, "exp": now + 600}
    kept = {name: value for name, value in {**claims, **changed}.items() if value is not None}
    return jwt.encode({"alg": alg, "kid": kid}, kept, key, algorithms=[alg])


def encoded(part: bytes) -> str:
    return base64.urlsafe_b64encode(part).decode().rstrip("=")


async def test_a_good_token(tokens: Tokens, key: RSAKey, clock: ManualClock) -> None:
    assert "alice" == (await tokens.claims(a_token(key, clock)))["sub"]


async def test_other_kinds_of_keys(site: Site, tokens: Tokens, clock: ManualClock) -> None:
    curve = ECKey.generate_key("P-256", {"kid": "curve"})
    site.keys.append(curve)

    assert await tokens.claims(a_token(curve, clock, alg="ES256", kid="curve"))


@pytest.mark.parametrize(
    "changed",
    [
        {"iss": "https://other.example.org"},
        {"iss": None},
        {"aud": "another"},
        {"aud": None},
        {"aud": []},
        {"aud": [CLIENT, "another"]},
        {"aud": [CLIENT, "another"], "azp": "another"},
        {"azp": "another"},
        {"sub": None},
        {"exp": None},
        {"exp": "soon"},
        {"nbf": 99_999_999_999},
    ],
)
async def test_what_is_not_for_us(
    tokens: Tokens, key: RSAKey, clock: ManualClock, changed: dict[str, Any]
) -> None:
    with pytest.raises(InvalidIdentityToken):
        await tokens.claims(a_token(key, clock, **changed))


async def test_several_audiences_with_us_as_the_party(
    tokens: Tokens, key: RSAKey, clock: ManualClock
) -> None:
    assert await tokens.claims(a_token(key, clock, aud=[CLIENT, "another"], azp=CLIENT))


async def test_a_token_grows_old(tokens: Tokens, key: RSAKey, clock: ManualClock) -> None:
    token = a_token(key, clock)
    await clock.advance(timedelta(minutes=10, seconds=59))
    assert await tokens.claims(token)

    await clock.advance(timedelta(seconds=2))

    with pytest.raises(ExpiredTokenException):
        await tokens.claims(token)


async def test_the_public_key_is_no_secret_to_sign_with(
    tokens: Tokens, key: RSAKey, clock: ManualClock
) -> None:
    """A token "signed" by HMAC with the key that everybody knows, or not at all."""
    claims = a_token(key, clock).split(".")[1]
    signed = encoded(b'{"alg":"HS256","kid":"first"}') + f".{claims}"
    known = key.as_pem(private=False)
    proof = hmac.new(known, signed.encode(), hashlib.sha256).digest()
    unsigned = encoded(b'{"alg":"none","kid":"first"}') + f".{claims}."

    for token in (f"{signed}.{encoded(proof)}", unsigned):
        with pytest.raises(InvalidIdentityToken):
            await tokens.claims(token)


async def test_somebody_elses_key(tokens: Tokens, clock: ManualClock) -> None:
    other = RSAKey.generate_key(2048, {"kid": "first"})

    with pytest.raises(InvalidIdentityToken):
        await tokens.claims(a_token(other, clock))


@pytest.mark.parametrize(
    "token", ["", ".", "..", "a.b.c", "W10.e30.x", "bnVsbA.e30.x", "eyJraWQiOjF9.e30.x", "ä.b.c"]
)
async def test_nonsense(tokens: Tokens, token: str) -> None:
    with pytest.raises(InvalidIdentityToken):
        await tokens.claims(token)


async def test_a_new_key_is_asked_for_but_not_all_the_time(
    site: Site, tokens: Tokens, key: RSAKey, clock: ManualClock
) -> None:
    await tokens.claims(a_token(key, clock))
    second = RSAKey.generate_key(2048, {"kid": "second"})
    site.keys.append(second)
    asked = len(site.asked)

    for _ in range(3):
        with pytest.raises(InvalidIdentityToken):
            await tokens.claims(a_token(second, clock, kid="second"))
    assert asked == len(site.asked)
    await clock.advance(PATIENCE + timedelta(seconds=1))

    assert await tokens.claims(a_token(second, clock, kid="second"))


async def test_a_key_that_is_withdrawn_is_good_no_more(
    site: Site, tokens: Tokens, key: RSAKey, clock: ManualClock
) -> None:
    await tokens.claims(a_token(key, clock))
    site.keys = [RSAKey.generate_key(2048, {"kid": "second"})]
    await clock.advance(KEPT + timedelta(seconds=1))

    with pytest.raises(InvalidIdentityToken):
        await tokens.claims(a_token(key, clock))


async def test_a_provider_that_is_away_or_somebody_else(
    site: Site, tokens: Tokens, key: RSAKey, clock: ManualClock
) -> None:
    site.away = True
    for _ in range(3):
        with pytest.raises(IDPCommunicationError):
            await tokens.claims(a_token(key, clock))
    assert 1 == len(site.asked)
    await clock.advance(REST)
    site.away, site.issuer = False, "https://other.example.org"
    with pytest.raises(IDPCommunicationError):
        await tokens.claims(a_token(key, clock))

    site.issuer = ISSUER
    await clock.advance(REST)

    assert await tokens.claims(a_token(key, clock))
