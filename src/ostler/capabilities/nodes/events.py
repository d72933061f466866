"""What happened in the fleet, for others to hear."""

from ostler.foundation.events import Announcement, Event
from ostler.foundation.storage import Scope

SOURCE = "ostler.nodes"
"""AWS announces nothing of this: the source is ours."""

REGISTERED = "Node Registered"
DEREGISTERED = "Node Deregistered"
PING_STATUS_CHANGED = "Node Ping Status Change"


class NodeRegistered(Event, frozen=True):
    """A machine became a node."""

    node: str
    activation: str


class NodeDeregistered(Event, frozen=True):
    """A node is none any more: its id never comes again, its key is good for nothing."""

    node: str


class NodePingStatusChanged(Announcement, frozen=True, kw_only=True):
    """A node was heard again, or was silent for too long."""

    node: str
    status: str


class RegistrationRefused(Event, frozen=True):
    """Somebody who knew an activation's id got no node out of it."""

    activation: str
    because: str


class MachineMismatched(Event, frozen=True):
    """A node's key was used on another machine: a cloned disk, or a thief."""

    node: str


def announced(scope: Scope, detail_type: str, node: str, **detail: str) -> Announcement:
    """What happened to a node, in the shape of EventBridge."""
    told = {"instance-id": node, **{key.replace("_", "-"): each for key, each in detail.items()}}
    return Announcement(SOURCE, detail_type, told, (_arn(scope, node),))


def ping_status_changed(scope: Scope, node: str, status: str) -> NodePingStatusChanged:
    """A node was heard again, or was silent for too long."""
    return NodePingStatusChanged(
        source=SOURCE,
        detail_type=PING_STATUS_CHANGED,
        detail={"instance-id": node, "ping-status": status},
        resources=(_arn(scope, node),),
        node=node,
        status=status,
    )


def _arn(scope: Scope, node: str) -> str:
    return f"arn:aws:ssm:{scope.region}:{scope.account}:managed-instance/{node}"
