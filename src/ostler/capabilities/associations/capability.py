"""How State Manager is put together."""

from dataclasses import dataclass
from datetime import timedelta

from ostler.capabilities.associations.jobs import Bell, Courier, Triggers
from ostler.capabilities.associations.migrations import MIGRATIONS
from ostler.capabilities.associations.operations import AgentOperations, Operations
from ostler.capabilities.associations.service import (
    DEADLINE_TIMER,
    DUE_TIMER,
    HISTORY,
    RESOURCE,
    Applying,
    Associations,
    Checking,
    Compliance,
    Complying,
    Documents,
    Fleet,
    History,
    Moves,
    Roles,
    Tags,
    Untold,
    exists,
)
from ostler.capabilities.documents.events import DocumentChanged
from ostler.capabilities.nodes.events import NodeDeregistered, NodeRegistered
from ostler.capabilities.parameters.events import ParameterChanged
from ostler.capabilities.tags.events import TagsChanged
from ostler.foundation.capability import Capability, Foundation, Taggable


@dataclass(frozen=True, slots=True)
class StateManager:
    """What State Manager offers; `bell` knows what waits for a node."""

    associations: Associations
    bell: Bell


def build(
    foundation: Foundation,
    *,
    documents: Documents,
    nodes: Fleet,
    roles: Roles,
    tags: Tags,
    compliance: Compliance,
    courier: Courier,
    history: timedelta = HISTORY,
) -> Capability:
    """Put State Manager together."""
    storage, clock, ids = foundation.storage, foundation.clock, foundation.ids
    bell = Bell(Untold(storage), courier, clock)
    checking = Checking(documents, nodes, roles)
    complying = Complying(compliance)
    moves = Moves(ids, complying, history=history)
    associations = Associations(storage, clock, ids, nodes, tags, checking, moves, bell)
    applying = Applying(storage, clock, moves, nodes, complying, bell)
    past = History(storage, documents, nodes)
    triggers = Triggers(applying)
    return Capability(
        name="associations",
        service=StateManager(associations, bell),
        operations=[Operations(associations, past), AgentOperations(past, applying)],
        listeners=[
            (NodeRegistered, triggers.node_came),
            (NodeDeregistered, triggers.node_left),
            (TagsChanged, triggers.tags_changed),
            (DocumentChanged, triggers.document_changed),
            (ParameterChanged, triggers.parameter_changed),
        ],
        jobs=[(DUE_TIMER, applying.run_due), (DEADLINE_TIMER, applying.find_overdue)],
        taggables=[Taggable(RESOURCE, "association", exists)],
        migrations=MIGRATIONS,
    )
