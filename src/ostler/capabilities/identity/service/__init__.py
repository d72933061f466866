"""The verbs of identity."""

from ostler.capabilities.identity.service.directory import Directory
from ostler.capabilities.identity.service.identity import Beginning, Identity

__all__ = ["Beginning", "Directory", "Identity"]
