"""What happened to commands, for others to hear."""

from typing import Any

from ostler.foundation.events import Announcement, Event


class CommandSent(Event, frozen=True):
    """A command was accepted; its nodes are known."""

    command: str


class CancelAsked(Event, frozen=True):
    """Somebody wants the command stopped, on all nodes or on some; those running must be told."""

    command: str


class CommandTurned(Announcement, frozen=True, kw_only=True):
    """A command's status changed; `status` is AWS's, `details` finer."""

    command: str
    status: str
    details: str


class CommandEnded(CommandTurned, frozen=True, kw_only=True):
    """A command ended on every node."""


class InvocationTurned(Announcement, frozen=True, kw_only=True):
    """A command began or ended on a node; `status` is AWS's, `details` finer."""

    command: str
    node: str
    status: str
    details: str


class NotificationDue(Event, frozen=True):
    """Somebody wants to be told by a topic how a command stands; `role` is who may tell it."""

    command: str
    topic: str
    role: str
    message: dict[str, Any]


class InvocationEnded(InvocationTurned, frozen=True, kw_only=True):
    """A command ended on a node."""
