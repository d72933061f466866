"""The verbs of identity."""

from ostler.capabilities.identity.service.directory import Directory
from ostler.capabilities.identity.service.identity import Identity

__all__ = ["Directory", "Identity"]
