"""State Manager: what is wanted of the fleet, applied again and again."""

from ostler.capabilities.associations.capability import StateManager, build
from ostler.capabilities.associations.jobs import Bell, Courier
from ostler.capabilities.associations.service import Associations, NodeOverview, Standings

__all__ = [
    "Associations",
    "Bell",
    "Courier",
    "NodeOverview",
    "Standings",
    "StateManager",
    "build",
]
