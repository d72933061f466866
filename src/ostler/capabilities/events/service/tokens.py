"""Tokens: what OAuth gives to connections, and what a call's body and headers are made of."""

import base64
from collections.abc import Sequence
from datetime import datetime, timedelta
from urllib.parse import urlencode

import msgspec

from ostler.capabilities.events.model.targets import Extras
from ostler.capabilities.events.model.webhooks import Addition, Authorization, url_of
from ostler.foundation.clock import Clock
from ostler.foundation.deliveries import NotNow
from ostler.foundation.outbound import Outbound, Unreachable

_MOST_KEPT = 1000
_EARLY = timedelta(seconds=60)
_USUAL_LIFE = 3600


class Tokens:
    """Asks for tokens with a client's credentials, and keeps them while they are good."""

    def __init__(self, outbound: Outbound, clock: Clock) -> None:
        self._outbound = outbound
        self._clock = clock
        self._kept: dict[Authorization, tuple[str, datetime]] = {}

    async def get(self, known: Authorization) -> str:
        """A token; NotNow when the provider gives none."""
        token, until = self._kept.get(known, ("", self._clock.now()))
        return token if token and until > self._clock.now() else await self._ask(known)

    def forget(self, known: Authorization) -> None:
        """Ask for a new one the next time."""
        self._kept.pop(known, None)

    async def _ask(self, known: Authorization) -> str:
        form = {"grant_type": "client_credentials"}
        form |= {each.key: each.value for each in known.asking.body}
        headers = {
            "content-type": "application/x-www-form-urlencoded",
            "accept": "application/json",
            "authorization": basic(known.name, known.secret),
            **{each.key.lower(): each.value for each in known.asking.headers},
        }
        url = url_of(known.endpoint, Extras(), known.asking.query)
        body = urlencode(form).encode()
        if known.method == "GET":
            url, body = f"{url}{'&' if '?' in url else '?'}{body.decode()}", b""
        try:
            answer = await self._outbound.send(known.method, url, list(headers.items()), body)
        except Unreachable as fault:
            raise NotNow(f"There is no token: {fault}") from fault
        try:
            given = msgspec.json.decode(answer.body)
            token = str(given["access_token"])
            life = int(given.get("expires_in", _USUAL_LIFE))
        except (msgspec.DecodeError, KeyError, TypeError, ValueError, AttributeError) as fault:
            raise NotNow(f"The token endpoint answers {answer.status} and no token.") from fault
        if len(self._kept) >= _MOST_KEPT:
            self._kept.clear()
        self._kept[known] = token, self._clock.now() + timedelta(seconds=life) - _EARLY
        return token


def basic(name: str, secret: str) -> str:
    """The header by which a name and its secret are told."""
    return "Basic " + base64.b64encode(f"{name}:{secret}".encode()).decode()


def with_body(text: str, additions: Sequence[Addition]) -> bytes:
    """The body; a connection adds members to one that is a JSON object."""
    if not additions:
        return text.encode()
    try:
        told = msgspec.json.decode(text)
    except msgspec.DecodeError:
        return text.encode()
    if not isinstance(told, dict):
        return text.encode()
    return msgspec.json.encode(told | {each.key: each.value for each in additions})
