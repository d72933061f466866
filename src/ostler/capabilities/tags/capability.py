"""How tags are put together."""

from ostler.capabilities.tags.migrations import MIGRATIONS
from ostler.capabilities.tags.operations import Operations
from ostler.capabilities.tags.service import Tags
from ostler.foundation.capability import Capability, Foundation


def build(foundation: Foundation) -> Capability:
    """Put tags together; `service.serve` then names the kinds of resources that carry them."""
    tags = Tags(foundation.storage)
    return Capability(
        name="tags", service=tags, operations=[Operations(tags)], migrations=MIGRATIONS
    )
