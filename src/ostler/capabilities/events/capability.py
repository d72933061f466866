"""How events are put together."""

from ostler.capabilities.events.jobs import Watch
from ostler.capabilities.events.migrations import MIGRATIONS
from ostler.capabilities.events.operations import (
    BusOperations,
    PuttingOperations,
    RuleOperations,
    WebhookOperations,
)
from ostler.capabilities.events.service.buses import Buses
from ostler.capabilities.events.service.neighbours import Roles
from ostler.capabilities.events.service.putting import Putting
from ostler.capabilities.events.service.routing import CHANNEL, Routing
from ostler.capabilities.events.service.rules import ROUTE_TIMER, SCHEDULE_TIMER, Rules
from ostler.capabilities.events.service.sending import Sending
from ostler.capabilities.events.service.webhooks import Vault, Webhooks
from ostler.capabilities.events.store.rules import has_rules
from ostler.foundation.capability import Capability, Foundation
from ostler.foundation.deliveries import Deliveries
from ostler.foundation.events import Announcement
from ostler.foundation.invoke import Invoke
from ostler.foundation.outbound import Outbound


def build(
    foundation: Foundation,
    *,
    roles: Roles,
    invoke: Invoke,
    outbound: Outbound,
    deliveries: Deliveries,
) -> Capability:
    """Put events together; what rules want told goes out with `deliveries`."""
    storage, clock, ids = foundation.storage, foundation.clock, foundation.ids
    vault = Vault(foundation.secrets)
    watch = Watch(Routing(storage, clock))
    sending = Sending(storage, clock, ids, roles, invoke, outbound, vault)
    deliveries.serve(CHANNEL, sending.send)
    return Capability(
        name="events",
        service=None,
        operations=[
            RuleOperations(Rules(storage, clock, roles)),
            BusOperations(Buses(storage, clock)),
            PuttingOperations(Putting(storage, clock, ids)),
            WebhookOperations(Webhooks(storage, clock, ids, vault)),
        ],
        jobs=[(ROUTE_TIMER, watch.route), (SCHEDULE_TIMER, watch.keep_schedule)],
        wakes=[(Announcement, ROUTE_TIMER, has_rules)],
        migrations=MIGRATIONS,
    )
