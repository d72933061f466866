"""How compliance is put together."""

from collections.abc import Container

from ostler.capabilities.compliance.jobs import Caretaker
from ostler.capabilities.compliance.migrations import MIGRATIONS
from ostler.capabilities.compliance.operations import Operations
from ostler.capabilities.compliance.service import Compliance
from ostler.capabilities.nodes import Nodes
from ostler.capabilities.nodes.events import NodeDeregistered
from ostler.foundation.capability import Capability, Foundation


def build(foundation: Foundation, *, nodes: Nodes, examined: Container[str] = ()) -> Capability:
    """Put compliance together; `examined` are the types that the house examines itself."""
    compliance = Compliance(foundation.storage, nodes, examined)
    return Capability(
        name="compliance",
        service=compliance,
        operations=[Operations(compliance)],
        listeners=[(NodeDeregistered, Caretaker(compliance).forget)],
        migrations=MIGRATIONS,
    )
