"""How Parameter Store is put together."""

from ostler.capabilities.keys import Keys
from ostler.capabilities.parameters.jobs import Watch
from ostler.capabilities.parameters.migrations import MIGRATIONS
from ostler.capabilities.parameters.model.names import RESOURCE
from ostler.capabilities.parameters.model.parameters import Limits
from ostler.capabilities.parameters.operations import Operations
from ostler.capabilities.parameters.service.policies import TIMER, Belongings, Policies
from ostler.capabilities.parameters.service.reading import Parameters
from ostler.capabilities.parameters.service.references import NoReferences, References
from ostler.capabilities.parameters.service.sealing import Sealing
from ostler.capabilities.parameters.service.sharing import obstacle_to_sharing
from ostler.capabilities.parameters.service.writing import Writing
from ostler.capabilities.parameters.store.parameters import exists
from ostler.capabilities.settings import Settings, Shareable
from ostler.capabilities.tags import Tags
from ostler.foundation.capability import Capability, Foundation, Taggable


def build(
    foundation: Foundation,
    *,
    tags: Tags,
    keys: Keys,
    settings: Settings,
    references: References | None = None,
    limits: Limits | None = None,
) -> Capability:
    """Put Parameter Store together.

    `references` knows the secrets behind /aws/reference/secretsmanager/, `limits` allows more
    than AWS does.
    """
    storage, clock = foundation.storage, foundation.clock
    sealing = Sealing(keys)
    belongings = Belongings(tags, settings.policies)
    settings.policies.serve([Shareable("parameter", obstacle_to_sharing)])
    parameters = Parameters(storage, sealing, tags, references or NoReferences(), settings.policies)
    writing = Writing(storage, clock, sealing, belongings, settings.settings, limits or Limits())
    return Capability(
        name="parameters",
        service=parameters,
        operations=[Operations(parameters, writing)],
        jobs=[(TIMER, Watch(Policies(storage, clock, belongings)).act)],
        taggables=[Taggable(RESOURCE, "parameter", exists)],
        migrations=MIGRATIONS,
    )
