"""Sending: subscribers are told what was published, each by its protocol."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

import msgspec

from ostler.capabilities.notifications.model.messages import Message, confirmation, envelope
from ostler.capabilities.notifications.model.subscriptions import Protocol, Subscription
from ostler.capabilities.notifications.model.topics import Topic, topic_arn
from ostler.capabilities.notifications.service.people import People
from ostler.capabilities.notifications.service.signing import Signing
from ostler.capabilities.notifications.service.subscriptions import Endpoints
from ostler.capabilities.notifications.store import topics as store
from ostler.foundation.clock import Clock
from ostler.foundation.deliveries import Parcel, Undeliverable, call_out
from ostler.foundation.outbound import Outbound
from ostler.foundation.secrets import SealBroken
from ostler.foundation.storage import Scope, Storage, Transaction

CERTIFICATE = "SimpleNotificationService-"
"""How the path of a signer's certificate begins, as that of AWS's."""

_VERSION = "2010-03-31"
_AGENT = "Amazon Simple Notification Service Agent"


class Sending:
    """Brings what was published to subscribers."""

    def __init__(
        self,
        storage: Storage,
        clock: Clock,
        outbound: Outbound,
        people: People,
        signing: Signing,
        endpoints: Endpoints,
    ) -> None:
        self._storage = storage
        self._clock = clock
        self._outbound = outbound
        self._people = people
        self._signing = signing
        self._endpoints = endpoints

    async def send(self, scope: Scope, parcel: Parcel) -> None:
        """Bring a parcel; who is not subscribed any more is told nothing."""
        name, subscription_id = str(parcel.content["topic"]), str(parcel.content["id"])

        def look(tx: Transaction) -> tuple[Topic, Subscription] | None:
            topic = store.topic(tx, name)
            subscription = store.subscription(tx, name, subscription_id)
            return None if topic is None or subscription is None else (topic, subscription)

        found = await self._storage.read(scope, look)
        if found is None:
            return
        topic, subscription = found
        arn = topic_arn(scope, name)
        try:
            endpoint = self._endpoints.open(subscription.sealed, f"{arn}:{subscription.id}")
        except SealBroken as fault:
            raise Undeliverable("The endpoint cannot be opened.") from fault
        if "message" not in parcel.content:
            await self._ask(arn, topic, subscription, endpoint, parcel)
            return
        message = msgspec.convert(parcel.content["message"], Message)
        if subscription.protocol is Protocol.APPRISE:
            title = message.subject or topic.display_name or topic.name
            await self._people.tell(endpoint, title, message.to(subscription.protocol))
        else:
            await self._tell(arn, topic, subscription, endpoint, message)

    async def _tell(
        self, arn: str, topic: Topic, to: Subscription, endpoint: str, message: Message
    ) -> None:
        own = f"{arn}:{to.id}"
        headers = _headers("Notification", message.id, arn) | {"x-amz-sns-subscription-arn": own}
        if to.raw:
            body = message.to(to.protocol).encode()
            headers |= {"x-amz-sns-rawdelivery": "true"}
        else:
            told = envelope(
                message,
                arn,
                to.protocol,
                unsubscribe=_link(to, "Unsubscribe", SubscriptionArn=own),
                certificate=await self._certificate(to),
                version=topic.signature_version,
            )
            await self._signing.sign(told, topic.signature_version)
            body = msgspec.json.encode(told)
        await call_out(self._outbound, "POST", endpoint, headers, body)

    async def _ask(
        self, arn: str, topic: Topic, to: Subscription, endpoint: str, parcel: Parcel
    ) -> None:
        """Ask the endpoint whether it wants to be told."""
        token = self._endpoints.token(f"{arn}:{to.id}")
        told = confirmation(
            parcel.id,
            self._clock.now(),
            arn,
            token,
            subscribe=_link(to, "ConfirmSubscription", TopicArn=arn, Token=token),
            certificate=await self._certificate(to),
            version=topic.signature_version,
        )
        await self._signing.sign(told, topic.signature_version)
        headers = _headers("SubscriptionConfirmation", parcel.id, arn)
        await call_out(self._outbound, "POST", endpoint, headers, msgspec.json.encode(told))

    async def _certificate(self, to: Subscription) -> str:
        return f"{to.house}/{CERTIFICATE}{await self._signing.name()}.pem"


def _headers(kind: str, message: str, topic: str) -> dict[str, str]:
    return {
        "content-type": "text/plain; charset=UTF-8",
        "user-agent": _AGENT,
        "x-amz-sns-message-type": kind,
        "x-amz-sns-message-id": message,
        "x-amz-sns-topic-arn": topic,
    }


def _link(to: Subscription, action: str, **given: str) -> str:
    query: Mapping[str, Any] = {"Action": action, "Version": _VERSION, **given}
    return f"{to.house}/?{urlencode(query)}"
