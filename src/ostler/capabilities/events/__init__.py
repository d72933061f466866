"""Events: rules that match what happened, and the targets that are told of it (EventBridge)."""

from ostler.capabilities.events.capability import build
from ostler.capabilities.events.service.neighbours import Roles

__all__ = ["Roles", "build"]
