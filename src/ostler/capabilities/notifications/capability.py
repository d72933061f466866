"""How notifications are put together."""

from ostler.capabilities.notifications.jobs import Watch
from ostler.capabilities.notifications.migrations import MIGRATIONS
from ostler.capabilities.notifications.operations import (
    PublishingOperations,
    SubscriptionOperations,
    TopicOperations,
)
from ostler.capabilities.notifications.service.people import People
from ostler.capabilities.notifications.service.sending import Sending
from ostler.capabilities.notifications.service.signing import Signing
from ostler.capabilities.notifications.service.subscriptions import (
    PENDING_TIMER,
    Endpoints,
    Subscriptions,
)
from ostler.capabilities.notifications.service.topics import CHANNEL, Topics
from ostler.foundation.capability import Capability, Foundation
from ostler.foundation.deliveries import Deliveries
from ostler.foundation.outbound import Networks, Outbound


def build(
    foundation: Foundation,
    *,
    outbound: Outbound,
    networks: Networks,
    deliveries: Deliveries,
    people: People | None = None,
) -> Capability:
    """Put notifications together; `service` knows the certificate by which messages are checked.

    `networks` say where Apprise may send to; `people` is who sends by it.
    """
    storage, clock, ids = foundation.storage, foundation.clock, foundation.ids
    people = people or People(networks)
    signing = Signing(storage, clock, foundation.secrets)
    endpoints = Endpoints(foundation.secrets)
    topics = Topics(storage, clock, ids)
    subscriptions = Subscriptions(storage, clock, ids, topics, people, endpoints)
    sending = Sending(storage, clock, outbound, people, signing, endpoints)
    deliveries.serve(CHANNEL, sending.send)
    return Capability(
        name="notifications",
        service=signing,
        operations=[
            TopicOperations(topics),
            SubscriptionOperations(subscriptions),
            PublishingOperations(topics, ids),
        ],
        jobs=[(PENDING_TIMER, Watch(subscriptions).give_up)],
        migrations=MIGRATIONS,
    )
