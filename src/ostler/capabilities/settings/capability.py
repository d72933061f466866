"""How settings and resource policies are put together."""

from dataclasses import dataclass

from ostler.capabilities.settings.migrations import MIGRATIONS
from ostler.capabilities.settings.operations import Operations
from ostler.capabilities.settings.service.settings import ServiceSettings
from ostler.capabilities.settings.service.sharing import ResourcePolicies
from ostler.foundation.capability import Capability, Foundation


@dataclass(frozen=True, slots=True)
class Settings:
    """What neighbours ask: how a setting stands, and to whom a resource is open."""

    settings: ServiceSettings
    policies: ResourcePolicies


def build(foundation: Foundation) -> Capability:
    """Put settings together; neighbours then say which they keep and which may be shared."""
    settings = ServiceSettings(foundation.storage, foundation.clock)
    policies = ResourcePolicies(foundation.storage, foundation.ids)
    return Capability(
        name="settings",
        service=Settings(settings, policies),
        operations=[Operations(settings, policies)],
        migrations=MIGRATIONS,
    )
