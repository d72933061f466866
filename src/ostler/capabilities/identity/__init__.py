"""Identity: accounts, users, roles, policies and keys; who calls, and what they may do."""

from ostler.capabilities.identity.capability import build
from ostler.capabilities.identity.errors import (
    DeleteConflict,
    EntityAlreadyExists,
    InvalidInput,
    LimitExceeded,
    MalformedPolicyDocument,
    NoSuchEntity,
)
from ostler.capabilities.identity.model.entities import (
    AccessKey,
    Account,
    Entity,
    KeyPair,
    Kind,
    ManagedPolicy,
)
from ostler.capabilities.identity.model.providers import Provider
from ostler.capabilities.identity.model.sessions import TemporaryCredentials
from ostler.capabilities.identity.service import Directory, Identity, Wanted, root

__all__ = [
    "AccessKey",
    "Account",
    "DeleteConflict",
    "Directory",
    "Entity",
    "EntityAlreadyExists",
    "Identity",
    "InvalidInput",
    "KeyPair",
    "Kind",
    "LimitExceeded",
    "MalformedPolicyDocument",
    "ManagedPolicy",
    "NoSuchEntity",
    "Provider",
    "TemporaryCredentials",
    "Wanted",
    "build",
    "root",
]
