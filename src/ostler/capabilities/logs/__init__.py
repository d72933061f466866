"""Logs: groups, streams and events, as CloudWatch Logs has them."""

from ostler.capabilities.logs.capability import build
from ostler.capabilities.logs.service import Scribe

__all__ = ["Scribe", "build"]
