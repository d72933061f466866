"""The verbs of identity."""

from ostler.capabilities.identity.service.accounts import root
from ostler.capabilities.identity.service.directory import Directory
from ostler.capabilities.identity.service.identity import Identity
from ostler.capabilities.identity.service.lending import Wanted

__all__ = ["Directory", "Identity", "Wanted", "root"]
