"""What happened to commands, for others to hear."""

from ostler.foundation.events import Event


class CommandSent(Event, frozen=True):
    """A command was accepted; its nodes are known."""

    command: str


class CancelAsked(Event, frozen=True):
    """Somebody wants the command stopped, on all nodes or on some; those running must be told."""

    command: str


class InvocationEnded(Event, frozen=True):
    """A command ended on a node; `status` is AWS's, `details` finer."""

    command: str
    node: str
    status: str
    details: str


class CommandEnded(Event, frozen=True):
    """A command ended on every node."""

    command: str
    status: str
    details: str
