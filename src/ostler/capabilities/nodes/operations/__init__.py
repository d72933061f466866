"""The AWS API of the fleet: activations, nodes, and what agents call."""

from ostler.capabilities.nodes.operations.activations import ActivationOperations
from ostler.capabilities.nodes.operations.agents import AgentOperations
from ostler.capabilities.nodes.operations.defaults import DefaultRoleOperations
from ostler.capabilities.nodes.operations.fleet import FleetOperations

__all__ = ["ActivationOperations", "AgentOperations", "DefaultRoleOperations", "FleetOperations"]
