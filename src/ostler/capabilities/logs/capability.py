"""How logs are put together."""

from ostler.capabilities.logs.jobs import Cleaner
from ostler.capabilities.logs.migrations import MIGRATIONS
from ostler.capabilities.logs.operations import EventOperations, GroupOperations
from ostler.capabilities.logs.service import FORGET, RETAIN, Groups, Reading, Scribe, Writing
from ostler.foundation.capability import Capability, Foundation


def build(foundation: Foundation) -> Capability:
    """Put logs together; their service is what neighbours write by."""
    groups = Groups(foundation.storage, foundation.clock)
    writing = Writing(foundation.storage, foundation.clock)
    reading = Reading(foundation.storage, foundation.clock)
    cleaner = Cleaner(groups)
    return Capability(
        name="logs",
        service=Scribe(groups, writing),
        operations=[GroupOperations(groups), EventOperations(writing, reading)],
        jobs=[(FORGET, cleaner.forget), (RETAIN, cleaner.retain)],
        migrations=MIGRATIONS,
    )
