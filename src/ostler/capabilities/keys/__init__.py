"""Keys: seal and open under keys that have policies, aliases and a life of their own."""

from ostler.capabilities.keys.capability import build
from ostler.capabilities.keys.errors import (
    DisabledException,
    InvalidCiphertextException,
    KMSInvalidStateException,
    NotFoundException,
)
from ostler.capabilities.keys.service.keys import Keys, Opened, Seal

__all__ = [
    "DisabledException",
    "InvalidCiphertextException",
    "KMSInvalidStateException",
    "Keys",
    "NotFoundException",
    "Opened",
    "Seal",
    "build",
]
