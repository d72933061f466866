"""Topics, subscriptions and the signer as they are kept."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Row, delete, func, select

from ostler.capabilities.notifications.model.subscriptions import Protocol, Subscription
from ostler.capabilities.notifications.model.topics import Topic
from ostler.capabilities.notifications.store.tables import signers, subscriptions, tags, topics
from ostler.foundation.paging import Page, PageRequest
from ostler.foundation.secrets import Sealed
from ostler.foundation.storage import Transaction

_TOPIC = ("name", "created", "display_name", "policy", "signature_version", "kept")
_SUBSCRIPTION = (
    *("id", "topic", "shown", "digest", "house", "created"),
    *("confirmed", "filter", "scope", "raw", "kept"),
)


# Topics


def topic(tx: Transaction, name: str) -> Topic | None:
    """The topic; None when there is none."""
    row = tx.one(select(topics).where(topics.c.name == name))
    return None if row is None else _topic(row)


def write_topic(tx: Transaction, changed: Topic) -> None:
    """Keep a topic, new or changed."""
    tx.upsert(topics, {name: getattr(changed, name) for name in _TOPIC}, key=["name"])


def remove_topic(tx: Transaction, name: str) -> list[Subscription]:
    """Forget a topic with all that hangs on it; its subscriptions were these."""
    its = subscriptions_of(tx, name)
    tx.execute(delete(topics).where(topics.c.name == name))
    tx.execute(delete(subscriptions).where(subscriptions.c.topic == name))
    tx.execute(delete(tags).where(tags.c.topic == name))
    return its


def topic_page(tx: Transaction, asked: PageRequest) -> Page[Topic]:
    """The topics, by name."""
    query = select(topics).order_by(topics.c.name)
    if asked.after:
        query = query.where(topics.c.name > asked.after[0])
    found = [_topic(row) for row in tx.all(query.limit(asked.limit + 1))]
    return Page.cut(found, asked.limit, lambda one: (one.name,))


def count_topics(tx: Transaction) -> int:
    """How many topics there are."""
    return int(tx.scalar(select(func.count()).select_from(topics)))


# Subscriptions


def subscription(tx: Transaction, topic_name: str, subscription_id: str) -> Subscription | None:
    """The subscription; None when there is none."""
    this = (subscriptions.c.topic == topic_name, subscriptions.c.id == subscription_id)
    row = tx.one(select(subscriptions).where(*this))
    return None if row is None else _subscription(row)


def subscriptions_of(tx: Transaction, topic_name: str) -> list[Subscription]:
    """Every subscription of a topic."""
    its = select(subscriptions).where(subscriptions.c.topic == topic_name)
    return [_subscription(row) for row in tx.all(its.order_by(subscriptions.c.id))]


def write_subscription(tx: Transaction, changed: Subscription) -> None:
    """Keep a subscription, new or changed."""
    tx.upsert(
        subscriptions,
        {
            **{name: getattr(changed, name) for name in _SUBSCRIPTION},
            "protocol": changed.protocol.value,
            "sealed": changed.sealed.data,
        },
        key=["id"],
    )


def remove_subscription(tx: Transaction, subscription_id: str) -> None:
    """Forget a subscription."""
    tx.execute(delete(subscriptions).where(subscriptions.c.id == subscription_id))


def subscription_page(
    tx: Transaction, asked: PageRequest, *, topic_name: str | None = None
) -> Page[Subscription]:
    """Subscriptions, of one topic if it is named."""
    query = select(subscriptions).order_by(subscriptions.c.id)
    if topic_name is not None:
        query = query.where(subscriptions.c.topic == topic_name)
    if asked.after:
        query = query.where(subscriptions.c.id > asked.after[0])
    found = [_subscription(row) for row in tx.all(query.limit(asked.limit + 1))]
    return Page.cut(found, asked.limit, lambda one: (one.id,))


# Tags


def tags_of(tx: Transaction, topic_name: str) -> dict[str, str]:
    """The tags of a topic."""
    its = select(tags).where(tags.c.topic == topic_name).order_by(tags.c.key)
    return {row.key: row.value for row in tx.all(its)}


def write_tags(tx: Transaction, topic_name: str, given: Mapping[str, str]) -> None:
    """Give a topic tags; others that it carries stay."""
    rows = [{"topic": topic_name, "key": key, "value": given[key]} for key in sorted(given)]
    tx.upsert(tags, rows, key=["topic", "key"])


def remove_tags(tx: Transaction, topic_name: str, keys: Sequence[str]) -> None:
    """Take tags from a topic."""
    tx.execute(delete(tags).where(tags.c.topic == topic_name, tags.c.key.in_(keys)))


# The signer


def signer(tx: Transaction) -> tuple[str, Sealed, str] | None:
    """Name, sealed key and certificate of what the house signs with; None before the first."""
    row = tx.one(select(signers).order_by(signers.c.name).limit(1))
    return None if row is None else (row.name, Sealed(row.sealed), row.certificate)


def write_signer(tx: Transaction, name: str, sealed: Sealed, certificate: str) -> None:
    """Keep the signer; of several processes that make one at once, the first one's counts."""
    if signer(tx) is None:
        row = {"name": name, "sealed": sealed.data, "certificate": certificate}
        tx.upsert(signers, row, key=["name"])


def _topic(row: Row[Any]) -> Topic:
    return Topic(**{name: getattr(row, name) for name in _TOPIC})


def _subscription(row: Row[Any]) -> Subscription:
    return Subscription(
        protocol=Protocol(row.protocol),
        sealed=Sealed(row.sealed),
        **{name: getattr(row, name) for name in _SUBSCRIPTION},
    )
