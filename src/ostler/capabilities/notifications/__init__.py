"""Notifications: topics, and subscribers that are told what is published to them (SNS)."""

from ostler.capabilities.notifications.capability import build
from ostler.capabilities.notifications.service.signing import Signing

__all__ = ["Signing", "build"]
