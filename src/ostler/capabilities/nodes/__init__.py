"""Nodes: hybrid activations, and the fleet of machines that registered with one."""

from ostler.capabilities.nodes.capability import build
from ostler.capabilities.nodes.errors import InvalidInstanceId
from ostler.capabilities.nodes.model.nodes import Node, PingStatus, PlatformType
from ostler.capabilities.nodes.service.nodes import Nodes, TargetGroups
from ostler.capabilities.nodes.service.roles import Roles

__all__ = [
    "InvalidInstanceId",
    "Node",
    "Nodes",
    "PingStatus",
    "PlatformType",
    "Roles",
    "TargetGroups",
    "build",
]
