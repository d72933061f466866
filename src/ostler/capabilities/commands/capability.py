"""How Run Command is put together."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import timedelta

from ostler.capabilities.commands.events import CancelAsked, CommandSent
from ostler.capabilities.commands.jobs import Courier, Desk, Dispatcher
from ostler.capabilities.commands.migrations import MIGRATIONS
from ostler.capabilities.commands.operations import AWS_OUTPUT_URL, Operations
from ostler.capabilities.commands.service import (
    CANCEL_TIMER,
    DELIVERY_TIMER,
    EXPIRY_TIMER,
    HISTORY,
    HISTORY_TIMER,
    LARGEST_OUTPUT,
    SILENCE_TIMER,
    Commands,
    Documents,
    Fleet,
    OutputReader,
    Outputs,
    Progress,
    Roles,
    StoredValues,
)
from ostler.capabilities.nodes.events import NodeDeregistered
from ostler.foundation.capability import Capability, Foundation


@dataclass(frozen=True, slots=True)
class RunCommand:
    """What Run Command offers to those above: customers' verbs, and the relay's ports.

    `desk` is the relay's Replies and Work, `outputs` its Output.
    """

    commands: Commands
    desk: Desk
    outputs: Outputs


def build(
    foundation: Foundation,
    *,
    documents: Documents,
    nodes: Fleet,
    roles: Roles,
    stored: StoredValues,
    courier: Courier,
    output_url: str = AWS_OUTPUT_URL,
    history: timedelta = HISTORY,
    largest_output: int = LARGEST_OUTPUT,
    bringers: Collection[str] = (),
) -> Capability:
    """Put Run Command together; `bringers` are the agents that bring whole output."""
    storage, clock = foundation.storage, foundation.clock
    commands = Commands(
        storage, clock, foundation.ids, documents, nodes, roles, stored, history=history
    )
    progress = Progress(storage, clock, history=history)
    outputs = Outputs(storage, foundation.blobs, largest=largest_output)
    reader = OutputReader(commands, outputs, nodes, clock, bringers=bringers)
    dispatcher = Dispatcher(progress, outputs, courier, clock)
    return Capability(
        name="commands",
        service=RunCommand(commands, Desk(progress, dispatcher), outputs),
        operations=[Operations(commands, reader, output_url=output_url)],
        listeners=[
            (CommandSent, dispatcher.start),
            (CancelAsked, dispatcher.stop),
            (NodeDeregistered, dispatcher.lose),
        ],
        jobs=[
            (SILENCE_TIMER, dispatcher.find_silent),
            (DELIVERY_TIMER, dispatcher.expire_delivery),
            (EXPIRY_TIMER, dispatcher.expire),
            (CANCEL_TIMER, dispatcher.give_up_cancelling),
            (HISTORY_TIMER, dispatcher.forget),
        ],
        migrations=MIGRATIONS,
    )
