"""What happens by itself: nodes are told, times come, others' changes count."""

from ostler.capabilities.associations.jobs.bell import Bell, Courier
from ostler.capabilities.associations.jobs.triggers import Triggers

__all__ = ["Bell", "Courier", "Triggers"]
