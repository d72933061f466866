"""How Run Command is put together."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import timedelta

from ostler.capabilities.commands.events import CancelAsked, CommandSent, NotificationDue
from ostler.capabilities.commands.jobs import Courier, Desk, Dispatcher, Notices
from ostler.capabilities.commands.migrations import MIGRATIONS
from ostler.capabilities.commands.operations import Operations
from ostler.capabilities.commands.service import (
    CANCEL_TIMER,
    DELIVERY_TIMER,
    EXPIRY_TIMER,
    HISTORY,
    HISTORY_TIMER,
    LARGEST_OUTPUT,
    SILENCE_TIMER,
    Buckets,
    Commands,
    Destinations,
    Documents,
    Fleet,
    Logs,
    OutputReader,
    Outputs,
    Progress,
    Roles,
    StoredValues,
)
from ostler.capabilities.nodes.events import NodeDeregistered
from ostler.foundation.capability import Capability, Foundation
from ostler.foundation.invoke import Invoke


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
    buckets: Buckets,
    logs: Logs,
    invoke: Invoke,
    output_url: str = "",
    history: timedelta = HISTORY,
    largest_output: int = LARGEST_OUTPUT,
    bringers: Collection[str] = (),
) -> Capability:
    """Put Run Command together; `bringers` are the agents that bring whole output."""
    storage, clock = foundation.storage, foundation.clock
    progress = Progress(storage, clock, history=history)
    destinations = Destinations(buckets, logs, clock)
    outputs = Outputs(storage, foundation.blobs, destinations, largest=largest_output)
    dispatcher = Dispatcher(progress, outputs, courier, clock)
    notices = Notices(roles, invoke, clock, foundation.ids)
    commands = Commands(
        storage,
        clock,
        foundation.ids,
        documents,
        nodes,
        roles,
        stored,
        dispatcher,
        history=history,
    )
    reader = OutputReader(commands, outputs, nodes, buckets, clock, bringers=bringers)
    return Capability(
        name="commands",
        service=RunCommand(commands, Desk(progress, dispatcher), outputs),
        operations=[Operations(commands, reader, output_url=output_url)],
        listeners=[
            (CommandSent, dispatcher.start),
            (CancelAsked, dispatcher.stop),
            (NodeDeregistered, dispatcher.lose),
            (NotificationDue, notices.publish),
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
