"""How the fleet is put together."""

from collections.abc import Mapping
from datetime import timedelta

from ostler.capabilities.nodes.jobs import Watch
from ostler.capabilities.nodes.migrations import MIGRATIONS
from ostler.capabilities.nodes.model.nodes import RESOURCE_TYPE
from ostler.capabilities.nodes.operations import (
    ActivationOperations,
    AgentOperations,
    DefaultRoleOperations,
    FleetOperations,
)
from ostler.capabilities.nodes.service.activations import Activations
from ostler.capabilities.nodes.service.defaults import DefaultRoles, DefaultRoleSetting
from ostler.capabilities.nodes.service.fleet import Fleet
from ostler.capabilities.nodes.service.heartbeats import SILENCE_TIMER, Heartbeats
from ostler.capabilities.nodes.service.neighbours import Associations, NoAssociations
from ostler.capabilities.nodes.service.nodes import Nodes, TargetGroups
from ostler.capabilities.nodes.service.presence import Presence
from ostler.capabilities.nodes.service.registration import KEY_LIFE, Registration
from ostler.capabilities.nodes.service.roles import Roles
from ostler.capabilities.nodes.store.nodes import exists
from ostler.capabilities.settings import DEFAULT_ROLE, ServiceSettings
from ostler.capabilities.tags import Tags
from ostler.foundation.capability import Capability, Foundation, Taggable


def build(
    foundation: Foundation,
    *,
    tags: Tags,
    settings: ServiceSettings,
    roles: Roles,
    groups: TargetGroups | None = None,
    associations: Associations | None = None,
    key_life: timedelta = KEY_LIFE,
    latest_agents: Mapping[str, str] | None = None,
) -> Capability:
    """Put the fleet together.

    `groups` resolves resource groups; without it they are no targets. `associations` tells how
    those of nodes stand. `key_life` is the age at
    which a node is asked for a new key. `latest_agents` names the newest version of each agent
    by the agent's name.
    """
    storage, clock, ids = foundation.storage, foundation.clock, foundation.ids
    secrets = foundation.secrets
    presence = Presence(storage, clock, ids)
    heartbeats = Heartbeats(storage, clock, presence)
    defaults = DefaultRoles(storage, clock, roles)
    settings.serve({DEFAULT_ROLE: DefaultRoleSetting(storage, defaults)})
    return Capability(
        name="nodes",
        service=Nodes(storage, clock, tags, heartbeats, presence, groups),
        operations=[
            ActivationOperations(Activations(storage, clock, ids, secrets, roles)),
            FleetOperations(
                Fleet(storage, clock, roles, tags, associations or NoAssociations()),
                latest_agents or {},
            ),
            DefaultRoleOperations(defaults),
            AgentOperations(
                Registration(storage, clock, ids, secrets, roles, tags, key_life=key_life),
                heartbeats,
            ),
        ],
        jobs=[(SILENCE_TIMER, Watch(heartbeats).look)],
        taggables=[Taggable(RESOURCE_TYPE, "managed-instance", exists)],
        migrations=MIGRATIONS,
        start=presence.begin,
    )
