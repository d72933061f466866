"""What happened in the fleet, for others to hear."""

from ostler.foundation.events import Event


class NodeRegistered(Event, frozen=True):
    """A machine became a node."""

    node: str
    activation: str


class NodeDeregistered(Event, frozen=True):
    """A node is none any more: its id never comes again, its key is good for nothing."""

    node: str


class NodePingStatusChanged(Event, frozen=True):
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
