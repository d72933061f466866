"""Topics and what is published to them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import partial

import msgspec
import structlog

from ostler.capabilities.notifications.errors import (
    BatchRequestTooLongException,
    InvalidParameterException,
    NotFoundException,
    ResourceNotFoundException,
    TagLimitExceededException,
    TopicLimitExceededException,
)
from ostler.capabilities.notifications.model.messages import LARGEST_MESSAGE, Message
from ostler.capabilities.notifications.model.subscriptions import Subscription
from ostler.capabilities.notifications.model.topics import (
    Topic,
    check_name,
    policy_of,
    topic_arn,
    topic_in,
    with_attribute,
)
from ostler.capabilities.notifications.store import topics as store
from ostler.foundation import deliveries
from ostler.foundation.call import Call
from ostler.foundation.clock import Clock
from ostler.foundation.deliveries import Parcel
from ostler.foundation.ids import Ids
from ostler.foundation.paging import Page, PageRequest
from ostler.foundation.storage import Scope, Storage, Transaction
from ostler.grammar.eventpatterns import TooCostly

CHANNEL = "notifications"
LIFE = timedelta(days=1)
MOST_ATTEMPTS = 200
MOST_TOPICS = 100_000
MOST_TAGS = 50

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class View:
    """A topic as it is shown, with how many subscribers it has."""

    topic: Topic
    confirmed: int
    pending: int


class Topics:
    """Keeps topics, and takes in what is published to them."""

    def __init__(self, storage: Storage, clock: Clock, ids: Ids) -> None:
        self._storage = storage
        self._clock = clock
        self._ids = ids

    async def create(
        self, call: Call, name: str, attributes: Mapping[str, str], tags: Mapping[str, str]
    ) -> str:
        """Make a topic, or find the one that is the same already; its ARN."""
        arn = topic_arn(call.scope, name)
        requested = {f"aws:RequestTag/{key}": [value] for key, value in tags.items()}
        await call.allow(arn, context={**requested, "aws:TagKeys": sorted(tags)} if tags else {})
        topic = Topic(check_name(name), self._clock.now())
        for attribute, value in attributes.items():
            topic = with_attribute(topic, attribute, value)

        def add(tx: Transaction) -> None:
            known = store.topic(tx, name)
            if known is not None:
                wanted = known
                for attribute, value in attributes.items():
                    wanted = with_attribute(wanted, attribute, value)
                if wanted != known:
                    raise InvalidParameterException(
                        "Invalid parameter: Attributes Reason: Topic already exists with "
                        "different attributes"
                    )
                return
            if store.count_topics(tx) >= MOST_TOPICS:
                raise TopicLimitExceededException(f"There are {MOST_TOPICS} topics.")
            store.write_topic(tx, topic)
            _put_tags(tx, name, tags)

        await self._storage.write(call.scope, add)
        return arn

    async def delete(self, call: Call, arn: str) -> None:
        """Forget a topic and its subscriptions; one that there is not is no error."""
        scope, topic, name = await self._asked(call, arn)

        def remove(tx: Transaction) -> None:
            for each in store.remove_topic(tx, name):
                deliveries.drop(tx, f"{arn}:{each.id}")

        if topic is not None:
            await self._storage.write(scope, remove)

    async def list(self, call: Call, asked: PageRequest) -> Page[str]:
        """The ARNs of the topics."""
        await call.allow()
        page = await self._storage.read(call.scope, partial(store.topic_page, asked=asked))
        return Page([topic_arn(call.scope, each.name) for each in page.items], page.last)

    async def get(self, call: Call, arn: str) -> View:
        """A topic as it is shown."""
        scope, name = await self.allowed(call, arn)

        def look(tx: Transaction) -> View:
            its = store.subscriptions_of(tx, name)
            confirmed = sum(each.confirmed for each in its)
            return View(_expected(tx, name), confirmed, len(its) - confirmed)

        return await self._storage.read(scope, look)

    async def change(self, call: Call, arn: str, attribute: str, value: str) -> None:
        """Change an attribute of a topic."""
        scope, name = await self.allowed(call, arn)

        def keep(tx: Transaction) -> None:
            store.write_topic(tx, with_attribute(_expected(tx, name), attribute, value))

        await self._storage.write(scope, keep)

    async def publish(self, call: Call, arn: str, messages: Sequence[Message]) -> None:
        """Have every subscriber told who wants to be; returning means that it is durable."""
        scope, name = await self.allowed(call, arn)
        if sum(message.size for message in messages) > LARGEST_MESSAGE:
            raise BatchRequestTooLongException("The messages are too long together.")
        its = await self._storage.read(scope, partial(store.subscriptions_of, topic_name=name))
        parcels = [
            self._parcel(arn, name, each, message)
            for message in messages
            for each in its
            if each.confirmed and _wants(arn, each, message)
        ]
        if parcels:
            await self._storage.write(scope, partial(deliveries.hand_over, parcels=parcels))

    async def allowed(self, call: Call, arn: str) -> tuple[Scope, str]:
        """Whose topic it is, and its name, if the caller may do to it what they want to.

        The topic's own policy may allow it, too. NotFoundException where there is no such topic.
        """
        scope, topic, name = await self._asked(call, arn)
        if topic is None:
            raise NotFoundException("Topic does not exist")
        return scope, name

    # Tags

    async def tag(self, call: Call, arn: str, tags: Mapping[str, str]) -> None:
        """Give a topic tags."""
        scope, name = await self._taggable(call, arn)
        await self._storage.write(scope, partial(_put_tags, name=name, tags=tags))

    async def untag(self, call: Call, arn: str, keys: Sequence[str]) -> None:
        """Take tags from a topic."""
        scope, name = await self._taggable(call, arn)
        await self._storage.write(
            scope, lambda tx: store.remove_tags(tx, topic_name=name, keys=keys)
        )

    async def tags(self, call: Call, arn: str) -> Mapping[str, str]:
        """The tags of a topic."""
        scope, name = await self._taggable(call, arn)
        return await self._storage.read(scope, partial(store.tags_of, topic_name=name))

    async def _taggable(self, call: Call, arn: str) -> tuple[Scope, str]:
        try:
            return await self.allowed(call, arn)
        except NotFoundException as fault:
            raise ResourceNotFoundException("Resource does not exist") from fault

    async def _asked(self, call: Call, arn: str) -> tuple[Scope, Topic | None, str]:
        scope, name = topic_in(arn, call.region)
        if scope == call.scope:
            scope = call.scope  # whose changes are witnessed
        topic = await self._storage.read(scope, partial(store.topic, name=name))
        policy = None if topic is None else policy_of(topic.policy)
        await call.allow_where(policy, arn, owner=scope.account)
        return scope, topic, name

    def _parcel(self, arn: str, name: str, to: Subscription, message: Message) -> Parcel:
        now = self._clock.now()
        own = f"{arn}:{to.id}"
        return Parcel(
            id=self._ids.uuid(),
            channel=CHANNEL,
            destination=own,
            subject=own,
            content={"topic": name, "id": to.id, "message": msgspec.to_builtins(message)},
            created=now,
            expires=now + LIFE,
            most_attempts=MOST_ATTEMPTS,
        )


def _wants(arn: str, subscription: Subscription, message: Message) -> bool:
    try:
        return subscription.wants(message)
    except TooCostly:
        log.warning("message_too_costly", subscription=f"{arn}:{subscription.id}", id=message.id)
        return False


def _expected(tx: Transaction, name: str) -> Topic:
    found = store.topic(tx, name)
    if found is None:
        raise NotFoundException("Topic does not exist")
    return found


def _put_tags(tx: Transaction, name: str, tags: Mapping[str, str]) -> None:
    store.write_tags(tx, name, tags)
    if len(store.tags_of(tx, name)) > MOST_TAGS:
        raise TagLimitExceededException(
            "Could not complete request: tag quota of per resource exceeded"
        )
