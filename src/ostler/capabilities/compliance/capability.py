"""How compliance is put together."""

from ostler.capabilities.compliance.jobs import Caretaker
from ostler.capabilities.compliance.migrations import MIGRATIONS
from ostler.capabilities.compliance.operations import Operations
from ostler.capabilities.compliance.service import Compliance
from ostler.capabilities.nodes import Nodes
from ostler.capabilities.nodes.events import NodeDeregistered
from ostler.foundation.capability import Capability, Foundation


def build(foundation: Foundation, *, nodes: Nodes) -> Capability:
    """Put compliance together."""
    compliance = Compliance(foundation.storage, nodes)
    return Capability(
        name="compliance",
        service=compliance,
        operations=[Operations(compliance)],
        listeners=[(NodeDeregistered, Caretaker(compliance).forget)],
        migrations=MIGRATIONS,
    )
