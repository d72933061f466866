"""The deeds of Run Command: what callers do, what nodes say, what happens by itself."""

from ostler.capabilities.commands.service.commands import Commands, InvocationView, StepView
from ostler.capabilities.commands.service.destinations import Destinations
from ostler.capabilities.commands.service.moves import (
    CANCEL_TIMER,
    DELIVERY_TIMER,
    EXPIRY_TIMER,
    HISTORY,
    HISTORY_TIMER,
    SILENCE_TIMER,
)
from ostler.capabilities.commands.service.neighbours import (
    SERVICE,
    Buckets,
    Documents,
    DocumentVersion,
    Fleet,
    Logs,
    Node,
    Roles,
    StoredValues,
)
from ostler.capabilities.commands.service.outputs import LARGEST_OUTPUT, Outputs
from ostler.capabilities.commands.service.progress import Errands, Progress, Word
from ostler.capabilities.commands.service.reading import OutputReader
from ostler.capabilities.commands.store.commands import Payload
from ostler.capabilities.commands.store.commands import Wanted as WantedCommands
from ostler.capabilities.commands.store.invocations import Errand
from ostler.capabilities.commands.store.invocations import Wanted as WantedInvocations

__all__ = [
    "CANCEL_TIMER",
    "DELIVERY_TIMER",
    "EXPIRY_TIMER",
    "HISTORY",
    "HISTORY_TIMER",
    "LARGEST_OUTPUT",
    "SERVICE",
    "SILENCE_TIMER",
    "Buckets",
    "Commands",
    "Destinations",
    "DocumentVersion",
    "Documents",
    "Errand",
    "Errands",
    "Fleet",
    "InvocationView",
    "Logs",
    "Node",
    "OutputReader",
    "Outputs",
    "Payload",
    "Progress",
    "Roles",
    "StepView",
    "StoredValues",
    "WantedCommands",
    "WantedInvocations",
    "Word",
]
