"""Settings: what accounts choose for themselves, and whom their resources let in."""

from ostler.capabilities.settings.capability import Settings, build
from ostler.capabilities.settings.model.settings import (
    DEFAULT_ROLE,
    DEFAULT_TIER,
    PUBLIC_SHARING,
    Setting,
)
from ostler.capabilities.settings.service.settings import Keeper, ServiceSettings
from ostler.capabilities.settings.service.sharing import ResourcePolicies, Shareable

__all__ = [
    "DEFAULT_ROLE",
    "DEFAULT_TIER",
    "PUBLIC_SHARING",
    "Keeper",
    "ResourcePolicies",
    "ServiceSettings",
    "Setting",
    "Settings",
    "Shareable",
    "build",
]
