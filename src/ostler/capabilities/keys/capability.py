"""How keys are put together."""

from ostler.capabilities.keys.jobs import Watch
from ostler.capabilities.keys.migrations import MIGRATIONS
from ostler.capabilities.keys.operations import Looking, Using
from ostler.capabilities.keys.service.finding import Finder
from ostler.capabilities.keys.service.keys import Keys
from ostler.capabilities.keys.service.materials import Materials
from ostler.capabilities.keys.service.ring import DELETION, ROTATION, Ring
from ostler.foundation.capability import Capability, Foundation


def build(foundation: Foundation) -> Capability:
    """Put keys together."""
    storage, clock, ids = foundation.storage, foundation.clock, foundation.ids
    materials = Materials(storage, foundation.secrets)
    finder = Finder(storage, clock, ids, materials)
    keys = Keys(finder, materials)
    ring = Ring(storage, clock, ids, finder, materials)
    watch = Watch(ring)
    return Capability(
        name="keys",
        service=keys,
        operations=[Looking(ring), Using(keys)],
        jobs=[(DELETION, watch.remove), (ROTATION, watch.rotate)],
        migrations=MIGRATIONS,
    )
