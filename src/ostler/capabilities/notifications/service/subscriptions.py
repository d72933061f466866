"""Subscriptions: who wants to be told, and that they said so themselves."""

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from functools import partial

from ostler.capabilities.notifications.errors import (
    InvalidParameterException,
    NotFoundException,
    SubscriptionLimitExceededException,
)
from ostler.capabilities.notifications.model.subscriptions import (
    Protocol,
    Subscription,
    check_url,
    with_attribute,
)
from ostler.capabilities.notifications.model.topics import topic_in
from ostler.capabilities.notifications.service.people import People
from ostler.capabilities.notifications.service.topics import CHANNEL, Topics
from ostler.capabilities.notifications.store import topics as store
from ostler.foundation import deliveries
from ostler.foundation.call import Call
from ostler.foundation.clock import Clock
from ostler.foundation.deliveries import Parcel
from ostler.foundation.ids import Ids
from ostler.foundation.paging import Page, PageRequest
from ostler.foundation.secrets import Sealed, Secrets
from ostler.foundation.storage import Scope, Storage, Transaction
from ostler.foundation.timers import Due

PENDING_TIMER = "notifications.pending"
"""The timer of a subscription that nobody has confirmed; its key is topic and id."""

PATIENCE = timedelta(days=3)
MOST = 10_000


class Endpoints:
    """Seals endpoints, knows them again, and makes the tokens by which they are confirmed."""

    def __init__(self, secrets: Secrets) -> None:
        self._secrets = secrets

    def seal(self, endpoint: str, arn: str) -> Sealed:
        """The endpoint of a subscription, sealed."""
        return self._secrets.seal(endpoint.encode(), arn)

    def open(self, sealed: Sealed, arn: str) -> str:
        """The endpoint of a subscription."""
        return self._secrets.open(sealed, arn).decode()

    def digest(self, protocol: str, endpoint: str) -> str:
        """What is the same for the same endpoint only."""
        return self._mark("subscription endpoints", f"{protocol} {endpoint}")

    def token(self, arn: str) -> str:
        """What only the endpoint of a subscription is told: the subscription's id, and a mark."""
        return arn.rpartition(":")[2].replace("-", "") + self._mark("subscription tokens", arn)

    def _mark(self, purpose: str, text: str) -> str:
        key = self._secrets.derive(purpose)
        return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()


class Subscriptions:
    """Keeps subscriptions."""

    def __init__(
        self,
        storage: Storage,
        clock: Clock,
        ids: Ids,
        topics: Topics,
        people: People,
        endpoints: Endpoints,
    ) -> None:
        self._storage = storage
        self._clock = clock
        self._ids = ids
        self._topics = topics
        self._people = people
        self._endpoints = endpoints

    async def subscribe(
        self,
        call: Call,
        topic: str,
        protocol: Protocol,
        endpoint: str,
        attributes: Mapping[str, str],
    ) -> tuple[str, Subscription]:
        """Subscribe an endpoint; over HTTP it has to confirm that it wants to be.

        One that is subscribed already is found, and asked again if it has not confirmed.
        """
        scope, name = await self._topics.allowed(call, topic)
        if protocol is Protocol.APPRISE:
            shown = self._people.shown(endpoint)
        else:
            check_url(protocol, endpoint)
            shown = endpoint
        fresh = self._ids.uuid()
        wanted = Subscription(
            id=fresh,
            topic=name,
            protocol=protocol,
            shown=shown,
            sealed=self._endpoints.seal(endpoint, f"{topic}:{fresh}"),
            digest=self._endpoints.digest(protocol, endpoint),
            house=call.endpoint,
            created=self._clock.now(),
            confirmed=protocol is Protocol.APPRISE,
        )
        for attribute, value in attributes.items():
            wanted = with_attribute(wanted, attribute, value)

        def add(tx: Transaction) -> Subscription:
            its = store.subscriptions_of(tx, name)
            known = next((each for each in its if each.digest == wanted.digest), None)
            if known is None and len(its) >= MOST:
                raise SubscriptionLimitExceededException(f"{topic} has {MOST} subscriptions.")
            if known is not None and _terms(known) != _terms(wanted):
                raise InvalidParameterException(
                    "Invalid parameter: Attributes Reason: Subscription already exists with "
                    "different attributes"
                )
            kept = known or wanted
            if known is None:
                store.write_subscription(tx, wanted)
            if not kept.confirmed:
                self._ask(tx, topic, kept)
            return kept

        return topic, await self._storage.write(scope, add)

    async def confirm(self, call: Call, topic: str, token: str) -> str:
        """Whoever knows the token is at the endpoint: tell them from now on. The ARN."""
        scope, name = topic_in(topic, call.region)
        digits = token[:32]
        subscription = "-".join(
            (digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:])
        )
        arn = f"{topic}:{subscription}"
        good = hmac.compare_digest(self._endpoints.token(arn).encode(), token.encode())

        def change(tx: Transaction) -> None:
            known = store.subscription(tx, name, subscription) if good else None
            if known is None:
                raise InvalidParameterException("Invalid parameter: Invalid token")
            store.write_subscription(tx, replace(known, confirmed=True))
            tx.unschedule(PENDING_TIMER, f"{name}:{subscription}")

        await self._storage.write(scope, change)
        return arn

    async def unsubscribe(self, call: Call, arn: str) -> None:
        """Tell an endpoint nothing more; one that is not subscribed is no error."""
        scope, name, subscription = await self._allowed(call, arn)

        def remove(tx: Transaction) -> None:
            store.remove_subscription(tx, subscription)
            deliveries.drop(tx, arn)
            tx.unschedule(PENDING_TIMER, f"{name}:{subscription}")

        await self._storage.write(scope, remove)

    async def get(self, call: Call, arn: str) -> Subscription:
        """The subscription."""
        scope, name, subscription = await self._allowed(call, arn)
        look = partial(_expected, name=name, subscription=subscription)
        return await self._storage.read(scope, look)

    async def change(self, call: Call, arn: str, attribute: str, value: str) -> None:
        """Change an attribute of a subscription."""
        scope, name, subscription = await self._allowed(call, arn)

        def keep(tx: Transaction) -> None:
            known = _expected(tx, name, subscription)
            store.write_subscription(tx, with_attribute(known, attribute, value))

        await self._storage.write(scope, keep)

    async def list(
        self, call: Call, asked: PageRequest, *, topic: str | None = None
    ) -> Page[Subscription]:
        """Subscriptions of the account, or of a topic."""
        if topic is None:
            await call.allow()
            return await self._storage.read(
                call.scope, partial(store.subscription_page, asked=asked)
            )
        scope, name = await self._topics.allowed(call, topic)
        look = partial(store.subscription_page, asked=asked, topic_name=name)
        return await self._storage.read(scope, look)

    async def give_up(self, due: Due) -> None:
        """Forget a subscription that nobody has confirmed."""
        name, _, subscription = due.key.rpartition(":")

        def forget(tx: Transaction) -> None:
            known = store.subscription(tx, name, subscription)
            if known is not None and not known.confirmed:
                store.remove_subscription(tx, subscription)
            tx.finish(due)

        await self._storage.write(due.scope, forget)

    async def _allowed(self, call: Call, arn: str) -> tuple[Scope, str, str]:
        topic, _, subscription = arn.rpartition(":")
        if arn.count(":") != 6:
            raise InvalidParameterException("Invalid parameter: SubscriptionArn")
        try:
            scope, name = await self._topics.allowed(call, topic)
        except NotFoundException as fault:
            raise NotFoundException("Subscription does not exist") from fault
        return scope, name, subscription

    def _ask(self, tx: Transaction, topic: str, subscription: Subscription) -> None:
        """Have the endpoint asked whether it wants to be told."""
        now = self._clock.now()
        own = f"{topic}:{subscription.id}"
        asking = Parcel(
            id=self._ids.uuid(),
            channel=CHANNEL,
            destination=own,
            subject=own,
            content={"topic": subscription.topic, "id": subscription.id},
            created=now,
            expires=now + PATIENCE,
            most_attempts=50,
        )
        deliveries.hand_over(tx, [asking])
        tx.schedule(PENDING_TIMER, f"{subscription.topic}:{subscription.id}", now + PATIENCE)


def _terms(subscription: Subscription) -> tuple[object, ...]:
    kept = dict(subscription.kept)
    return subscription.filter, subscription.scope, subscription.raw, kept


def _expected(tx: Transaction, name: str, subscription: str) -> Subscription:
    found = store.subscription(tx, name, subscription)
    if found is None:
        raise NotFoundException("Subscription does not exist")
    return found
