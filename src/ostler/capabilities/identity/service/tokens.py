"""Tokens of an OpenID Connect provider: fetched keys, signature, issuer, audience and time."""

import asyncio
import base64
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import msgspec
from joserfc import jwk, jwt
from joserfc.errors import ExpiredTokenError, JoseError

from ostler.capabilities.identity.errors import IDPCommunicationError, InvalidIdentityToken
from ostler.capabilities.identity.model.providers import Claims, Provider
from ostler.foundation.clock import Clock
from ostler.foundation.errors import ExpiredTokenException
from ostler.foundation.outbound import Outbound, Unreachable

# Asymmetric ones alone: a token that is "signed" with the public key as a secret is refused.
ALGORITHMS = [
    *("RS256", "RS384", "RS512", "PS256", "PS384", "PS512"),
    *("ES256", "ES384", "ES512", "EdDSA"),
]
KEPT = timedelta(minutes=10)
"""How long a provider's keys are taken to be its keys; one that is unknown is asked for earlier."""
PATIENCE = timedelta(seconds=30)
"""How often at most, so that made-up tokens cannot have us call the provider all the time."""
REST = timedelta(seconds=5)
"""So long a provider that did not answer is left alone."""

_LEEWAY = 60
_KINDS = ("RSA", "EC", "OKP")


class Tokens:
    """Verifies what a provider issued."""

    def __init__(self, provider: Provider, outbound: Outbound, clock: Clock) -> None:
        self._provider = provider
        self._outbound = outbound
        self._clock = clock
        self._keys: Mapping[str, Any] = {}
        self._fetched: datetime | None = None
        self._failed: tuple[datetime, str] | None = None
        self._fetching = asyncio.Lock()

    async def claims(self, token: str) -> Claims:
        """What the token says, if the provider issued it to our client and it is good now."""
        key = await self._key_of(token)
        try:
            read = jwt.decode(token, key, algorithms=ALGORITHMS)
            self._registry().validate(read.claims)
        except ExpiredTokenError as fault:
            raise ExpiredTokenException("Token expired.") from fault
        except (JoseError, ValueError, TypeError, KeyError) as fault:
            raise InvalidIdentityToken(
                f"The ID Token provided is not a valid JWT: {fault}"
            ) from fault
        self._check_party(read.claims)
        return read.claims

    def _registry(self) -> jwt.JWTClaimsRegistry:
        return jwt.JWTClaimsRegistry(
            now=lambda: int(self._clock.now().timestamp()),
            leeway=_LEEWAY,
            iss={"essential": True, "value": self._provider.issuer},
            aud={"essential": True, "value": self._provider.client_id},
            sub={"essential": True},
            exp={"essential": True},
        )

    def _check_party(self, claims: Claims) -> None:
        """A token for several audiences has to be issued to us (OpenID Connect Core, 3.1.3.7)."""
        audiences = claims["aud"]
        several = isinstance(audiences, list) and len(audiences) > 1
        party = claims.get("azp", None if several else self._provider.client_id)
        if party != self._provider.client_id:
            raise InvalidIdentityToken("The ID Token was issued to another client (azp).")

    async def _key_of(self, token: str) -> Any:
        """The key whose id the token's header names."""
        try:
            header = _header(token)
        except (ValueError, msgspec.MsgspecError) as fault:
            raise InvalidIdentityToken("The ID Token provided is not a valid JWT.") from fault
        wanted = header.get("kid", "")
        if not isinstance(wanted, str):
            raise InvalidIdentityToken("The ID Token provided is not a valid JWT.")
        async with self._fetching:
            now = self._clock.now()
            age = None if self._fetched is None else now - self._fetched
            if age is None or age > KEPT or (self._found(wanted) is None and age > PATIENCE):
                await self._refresh(now)
        found = self._found(wanted)
        if found is None:
            raise InvalidIdentityToken("No key of the provider's signed this ID Token.")
        return found

    def _found(self, wanted: str) -> Any | None:
        """The key of this id; where neither names one, the only key there is."""
        if not wanted and len(self._keys) == 1:
            return next(iter(self._keys.values()))
        return self._keys.get(wanted)

    async def _refresh(self, now: datetime) -> None:
        if self._failed is not None and now - self._failed[0] < REST:
            raise IDPCommunicationError(self._failed[1])
        try:
            self._keys = await self._fetched_keys()
        except IDPCommunicationError as fault:
            self._failed = now, fault.message
            raise
        self._fetched, self._failed = now, None

    async def _fetched_keys(self) -> Mapping[str, Any]:
        issuer = self._provider.issuer
        described = await self._get(f"{issuer.rstrip('/')}/.well-known/openid-configuration")
        if described.get("issuer") != issuer:
            raise IDPCommunicationError(f"{issuer} says that it is {described.get('issuer')}.")
        listed = (await self._get(str(described.get("jwks_uri", "")))).get("keys")
        keys: dict[str, Any] = {}
        for number, each in enumerate(listed if isinstance(listed, list) else []):
            if not isinstance(each, dict) or each.get("kty") not in _KINDS:
                continue
            if each.get("use", "sig") != "sig":
                continue
            try:
                keys[str(each.get("kid", number))] = jwk.import_key(each)
            except (JoseError, ValueError, TypeError, KeyError):
                continue  # a key of a kind that we do not know takes no other away
        return keys

    async def _get(self, url: str) -> Mapping[str, Any]:
        try:
            answer = await self._outbound.send("GET", url, [("accept", "application/json")])
            if answer.status != 200:
                raise IDPCommunicationError(f"{url} answers with status {answer.status}.")
            told = msgspec.json.decode(answer.body)
        except (Unreachable, msgspec.MsgspecError) as fault:
            raise IDPCommunicationError(f"{url}: {fault}") from fault
        if not isinstance(told, dict):
            raise IDPCommunicationError(f"{url} answers with something else.")
        return told


def _header(token: str) -> Mapping[str, Any]:
    """The header of a token, which nobody has vouched for yet."""
    text = token.partition(".")[0]
    told = msgspec.json.decode(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    if not isinstance(told, dict):
        raise ValueError("no object")
    return told
