"""Logs' part of the API: names on the wire, and nothing else."""

from ostler.capabilities.logs.operations.events import EventOperations
from ostler.capabilities.logs.operations.groups import GroupOperations

__all__ = ["EventOperations", "GroupOperations"]
